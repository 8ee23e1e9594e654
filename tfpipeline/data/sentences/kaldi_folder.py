"""Kaldi's layout: a folder for each split with `wav.scp`, `text` and `utt2spk`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os.path import isfile
from pathlib import Path

from tfpipeline.data.file_note import FileNote
from tfpipeline.data.sentences.layout import Layout, SplitFolders, Utterance
from tfpipeline.data.sentences.transcript_file import transcript_lines

# In this order: Kaldi's folders for WSJ are train_si284, test_dev93 and test_eval92.
_PREFIXES = {
    "validation": ("dev", "valid", "test_dev", "train_dev"),
    "train": ("train",),
    "test": ("test", "eval"),
}
_SOUND = re.compile(r"\[[^\[\]\s]*\]|<\S*noise>|<laughter>|<sil>", re.IGNORECASE)
_UNKNOWN_WORD = re.compile(r"<[^<>\s]*>")


def fits(root: Path) -> bool:
    """Return whether a subfolder has the three files."""
    return any((folder / "text").is_file() for folder in _folders(root))


def utterances(root: Path, splits: SplitFolders, skipped: list[FileNote]) -> Iterator[Utterance]:
    """Yield the utterances of every split's folders, in the order of `wav.scp`."""
    seen: set[str] = set()
    for folder in _folders(root):
        split = splits.split_of(folder.name)
        if split is not None:
            yield from _folder(root, folder, split, seen, skipped)


KALDI = Layout(
    expects="train/wav.scp, train/text and train/utt2spk",
    prefixes=_PREFIXES,
    fits=fits,
    utterances=utterances,
)


def _folders(root: Path) -> list[Path]:
    return sorted(file.parent for file in root.glob("*/wav.scp"))


def _folder(
    root: Path, folder: Path, split: str, seen: set[str], skipped: list[FileNote]
) -> Iterator[Utterance]:
    name = folder.relative_to(root).as_posix()
    if (folder / "segments").exists():
        skipped.append(FileNote(f"{name}/segments", "cut the recordings into files; not read."))
        return
    recordings = _table(folder / "wav.scp", f"{name}/wav.scp", skipped)
    texts = _table(folder / "text", f"{name}/text", skipped)
    speakers = _table(folder / "utt2spk", f"{name}/utt2spk", skipped)
    if recordings is None or texts is None or speakers is None:
        return
    repeated = 0
    for identity, recording in recordings.items():
        where = f"{name}/{identity}"
        if identity in seen:
            repeated += 1
        elif identity not in texts:
            skipped.append(FileNote(where, "has no line in text."))
        elif not speakers.get(identity):
            skipped.append(FileNote(where, "has no speaker in utt2spk."))
        elif not recording:
            skipped.append(FileNote(where, "has no recording in wav.scp."))
        elif recording.endswith("|"):
            reason = "is a command in wav.scp; write its output to a WAV file and name that."
            skipped.append(FileNote(where, reason))
        else:
            text = _SOUND.sub(" ", texts[identity])
            unknown = _UNKNOWN_WORD.search(text)
            if unknown:
                skipped.append(FileNote(where, f"its text has {unknown[0]}, not what was said."))
                continue
            seen.add(identity)
            path = _located(root, folder, recording)
            yield Utterance(split, path, text, speakers[identity])
    if repeated:
        reason = f"{repeated} utterances are in another folder already."
        skipped.append(FileNote(f"{name}/wav.scp", reason))


def _located(root: Path, folder: Path, recording: str) -> str:
    """Return a recording's path: relative ones start at the folder, the corpus, or above."""
    bases = (folder, root, root.parent)
    path = next((base / recording for base in bases if isfile(base / recording)), None)
    if path is None:
        return recording
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path.absolute())


def _table(path: Path, where: str, skipped: list[FileNote]) -> dict[str, str] | None:
    """Return what stands behind each line's id; None, and a note, for a file of no use."""
    lines = transcript_lines(path, where, skipped)
    if lines is None:
        return None
    table: dict[str, str] = {}
    for number, line in lines:
        identity, *rest = line.split(maxsplit=1)
        if identity in table:
            skipped.append(FileNote(where, f"line {number} has the id {identity} again."))
        else:
            table[identity] = rest[0] if rest else ""
    return table
