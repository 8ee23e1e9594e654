"""Reads the text files of a corpus, which may hold anything."""

from __future__ import annotations

from pathlib import Path

from tfpipeline.data.file_note import FileNote

_MOST_BYTES = 64 << 20


def transcript_lines(
    path: Path, where: str, skipped: list[FileNote]
) -> list[tuple[int, str]] | None:
    """Return the lines that are not empty, numbered; None, and a note, for a file without.

    Args:
        path: the file.
        where: its name in a note.
        skipped: gets the note.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            skipped.append(FileNote(where, "is larger than 64 MiB, so it is no transcript."))
            return None
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        skipped.append(FileNote(where, "is missing; its recordings are passed over."))
        return None
    except OSError as error:
        skipped.append(FileNote(where, f"cannot be read ({error.strerror})."))
        return None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        skipped.append(FileNote(where, "is not UTF-8 text; its recordings are passed over."))
        return None
    lines = enumerate(text.split("\n"), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()]
