"""Settles a corpus' words and says which split each of its files belongs to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from tfpipeline.data.commands.word_folders import SILENCE, UNKNOWN
from tfpipeline.data.commands.words import COMMANDS
from tfpipeline.data.errors import DataError
from tfpipeline.data.file_note import FileNote

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
# Percent of the speakers, where no list says who belongs where.
_PERCENT = {"validation": 10.0, "test": 10.0}
_HASH_RANGE = (1 << 27) - 1


def choose_words(
    root: Path, folders: Iterable[str], words: Sequence[str] | None
) -> tuple[str, ...]:
    """Settle the words to recognize.

    Raises:
        DataError: a wanted word has no folder.
        ValueError: no word, one twice, or one of the two labels that are no words.
    """
    found = set(folders)
    if words is None:
        # Speech Commands in any version; otherwise the folder's own words.
        return COMMANDS if found.issuperset(COMMANDS) else tuple(sorted(found))
    wanted = tuple(words)
    if isinstance(words, str) or not wanted or len(set(wanted)) != len(wanted):
        raise ValueError(
            f"load_speech_commands: words must be a sequence of different words, got {words!r}."
        )
    if reserved := [word for word in wanted if word in (SILENCE, UNKNOWN)]:
        raise ValueError(
            f"load_speech_commands: words must not hold {reserved[0]!r}, which is always a label; "
            "leave it out: clips in a folder of that name are used."
        )
    missing = [word for word in wanted if word not in found]
    if missing:
        have = ", ".join(sorted(found)[:12]) + (" ..." if len(found) > 12 else "")
        raise DataError(
            f"{root}: holds no audio for the word {missing[0]!r}; it has folders for {have}."
        )
    return wanted


def assign_splits(
    root: Path, files: Collection[str], skipped: list[FileNote] | None = None
) -> dict[str, str]:
    """Return the split of every file.

    Files in `validation_list.txt` and `testing_list.txt` belong there. Without a list, a hash of
    the speaker (what comes before `_nohash_` in the file's name) decides, as Speech Commands
    does, so that a speaker is never on two sides and stays where it is as a corpus grows.

    Args:
        root: the corpus.
        files: its clips, relative to it.
        skipped: takes a note for a list that names files which are not among them.

    Raises:
        DataError: a list that cannot be read, or a file in both.
    """
    listed: dict[str, str] = {}
    hashed = dict(_PERCENT)
    for split, name in LISTS.items():
        path = root / name
        if not path.exists():
            continue
        hashed.pop(split)
        named = _read_list(path)
        for file in named:
            if listed.setdefault(file, split) != split:
                raise DataError(
                    f"{path}: names {file}, which {LISTS[listed[file]]} names too; a file belongs "
                    "to one split, so take the line out of one of them."
                )
        missing = sorted(set(named).difference(files))
        if missing and skipped is not None:
            skipped.append(
                FileNote(name, f"lines without such a file: {len(missing)}, first {missing[0]}.")
            )
    return {file: listed.get(file) or _hashed_split(speaker_of(file), hashed) for file in files}


def _read_list(path: Path) -> list[str]:
    try:
        # Notepad and spreadsheets put a byte order mark in front.
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise DataError(f"{path}: cannot be read as a list of files ({reason}).") from None
    names = (line.strip().replace("\\", "/").removeprefix("./") for line in lines)
    return [name for name in names if name]


def speaker_of(file: str) -> str:
    """Return the speaker that a file's name tells: all before `_nohash_`, or the name itself."""
    return re.sub(r"_nohash_.*$", "", Path(file).stem)


def _hashed_split(speaker: str, percents: dict[str, float]) -> str:
    digest = hashlib.sha1(speaker.encode("utf-8", "surrogateescape"), usedforsecurity=False)
    percent = int(digest.hexdigest(), 16) % (_HASH_RANGE + 1) * (100.0 / _HASH_RANGE)
    for split, share in percents.items():
        if percent < share:
            return split
        percent -= share
    return "train"
