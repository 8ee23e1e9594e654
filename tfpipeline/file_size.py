"""How large a file really is, and what an archive claims to hold."""

from __future__ import annotations

import zipfile
from pathlib import Path


def size_on_disk(path: Path) -> int:
    """Return the bytes of a file, without its holes where the system tells of them."""
    status = path.stat()
    blocks = getattr(status, "st_blocks", 0) * 512
    return min(status.st_size, blocks) if blocks else status.st_size


def unpacked_size(archive: zipfile.ZipFile) -> int:
    """Return the bytes of all members of an archive once they are read."""
    return sum(info.file_size for info in archive.infolist())
