"""The layout of LibriSpeech: split, speaker and chapter folders with a transcript in each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tfpipeline.data.file_note import FileNote
from tfpipeline.data.sentences.layout import Layout, SplitFolders, Utterance
from tfpipeline.data.sentences.transcript_file import transcript_lines

_PREFIXES = {
    "train": ("train",),
    "validation": ("dev", "valid"),
    "test": ("test",),
}
# The archives unpack to this folder, whose parent is named as easily.
_INNER = "LibriSpeech"
# Where an utterance has both, the WAV file needs no other package.
_AUDIO = (".wav", ".flac")
# The rest of an id behind its speaker and chapter: a name, never a path.
_NUMBER = re.compile(r"\w[\w.-]*", re.ASCII)


def fits(root: Path) -> bool:
    """Return whether a chapter with its transcript lies in a split's folder."""
    return any(
        next(folder.glob("*/*/*.trans.txt"), None) is not None
        for folder in _folders(_base(root))
        if folder.name.lower().startswith(tuple(p for group in _PREFIXES.values() for p in group))
    )


def utterances(root: Path, splits: SplitFolders, skipped: list[FileNote]) -> Iterator[Utterance]:
    """Yield the utterances of every chapter, sorted."""
    for folder in _folders(_base(root)):
        split = splits.split_of(folder.name)
        if split is None:
            continue
        for speaker in _folders(folder):
            for chapter in _folders(speaker):
                yield from _chapter(root, chapter, split, skipped)


LIBRISPEECH = Layout(
    expects="train/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt beside its recordings",
    prefixes=_PREFIXES,
    fits=fits,
    utterances=utterances,
)


def _base(root: Path) -> Path:
    inner = root / _INNER
    return inner if inner.is_dir() else root


def _folders(folder: Path) -> list[Path]:
    return sorted(
        entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_dir()
    )


def _chapter(root: Path, chapter: Path, split: str, skipped: list[FileNote]) -> Iterator[Utterance]:
    recordings: dict[str, Path] = {}
    for kind in _AUDIO:
        for entry in sorted(chapter.iterdir()):
            if entry.suffix.lower() == kind and not entry.name.startswith("."):
                recordings.setdefault(entry.stem, entry)
    speaker = chapter.parent.name
    stem = f"{speaker}-{chapter.name}"
    transcript = chapter / f"{stem}.trans.txt"
    where = transcript.relative_to(root).as_posix()
    if not recordings and not transcript.exists():
        return
    texts = _texts(transcript, where, f"{stem}-", skipped)
    if texts is None:
        return
    for identity, text in texts.items():
        recording = recordings.pop(identity, None)
        if recording is None:
            skipped.append(FileNote(where, f"names {identity}, which has no .flac or .wav file."))
        else:
            yield Utterance(split, recording.relative_to(root).as_posix(), text, speaker)
    for recording in recordings.values():
        skipped.append(
            FileNote(recording.relative_to(root).as_posix(), f"has no line in {transcript.name}.")
        )


def _texts(
    transcript: Path, where: str, start: str, skipped: list[FileNote]
) -> dict[str, str] | None:
    """Return a transcript's texts by id, sorted; None, and a note, for a file of no use."""
    lines = transcript_lines(transcript, where, skipped)
    if lines is None:
        return None
    texts: dict[str, str] = {}
    for number, line in lines:
        identity, *rest = line.split(maxsplit=1)
        text = rest[0] if rest else ""
        if not identity.startswith(start) or not _NUMBER.fullmatch(identity.removeprefix(start)):
            skipped.append(
                FileNote(where, f"line {number} does not begin with an id such as {start}0000.")
            )
        elif identity in texts:
            skipped.append(FileNote(where, f"line {number} has the id {identity} again."))
        else:
            texts[identity] = text
    return dict(sorted(texts.items()))
