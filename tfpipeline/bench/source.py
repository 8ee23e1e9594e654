"""Which commit of this project made a result."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import tfpipeline

# What results come from; a results page under edit changes none of them.
_CODE = ("tfpipeline", "export", "custom_ops", "setup.cfg", "setup.py")


def describe_source(package: Path | None = None) -> dict[str, object]:
    """Return the commit of the checkout that the package runs from, for the JSON of a result.

    Args:
        package: folder of the package; None takes the one that is imported.

    Returns:
        `commit`, 40 hexadecimal digits, and `dirty`, whether its code has changes that were not
        committed. Both are None for an installed wheel, and where git is missing or refuses.
    """
    folder = (package or Path(tfpipeline.__file__).parent).resolve()
    unknown: dict[str, object] = {"commit": None, "dirty": None}
    # A wheel inside a repository of somebody else has nothing to do with the commit of that.
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return unknown
    root = folder.parent
    top, commit = (_git(folder, "rev-parse", what) for what in ("--show-toplevel", "HEAD"))
    if top is None or commit is None or Path(top).resolve() != root:
        return unknown
    code = [name for name in _CODE if (root / name).exists()]
    changes = _git(root, "status", "--porcelain", "--", *code)
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    # Variables such as GIT_DIR, set inside hooks, would name another repository.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        run = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None
