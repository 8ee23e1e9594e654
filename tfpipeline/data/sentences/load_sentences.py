"""Loads corpora of spoken sentences with their texts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.data.arguments import check_count, log_mel_or_default
from tfpipeline.data.errors import DataError
from tfpipeline.data.file_note import FileNote
from tfpipeline.data.sentences.kaldi_folder import KALDI
from tfpipeline.data.sentences.layout import Layout, SplitFolders, Utterance
from tfpipeline.data.sentences.librispeech import LIBRISPEECH
from tfpipeline.data.sentences.sentence_dataset import SentenceDataset, SentenceSplit
from tfpipeline.data.sentences.sentence_reader import SentenceReader
from tfpipeline.data.sentences.sentence_text import normalize_text
from tfpipeline.data.sentences.wsj import WSJ
from tfpipeline.data.splits import SPLITS
from tfpipeline.extras import require_modules
from tfpipeline.features import LogMel, LogMelConfig
from tfpipeline.progress import progress

# "auto" tries them in this order; the last has to look at every folder.
LAYOUTS = {"librispeech": LIBRISPEECH, "kaldi": KALDI, "wsj": WSJ}
_AUTO = "auto"


def load_sentences(
    root: str | os.PathLike[str],
    layout: str = _AUTO,
    log_mel: LogMelConfig | None = None,
    max_seconds: float | None = None,
    workers: int = 2,
    limit: int | None = None,
    splits: Mapping[str, str | Sequence[str]] | None = None,
    allow_shared_speakers: bool = False,
) -> SentenceDataset:
    """Load a corpus of spoken sentences as log-mel features and texts.

    Layouts:
        "librispeech": `train*/SPEAKER/CHAPTER/SPEAKER-CHAPTER-N.flac` or `.wav` with
            `SPEAKER-CHAPTER.trans.txt` (lines of an id and its text), and the same below `dev*` or
            `validation*`, and `test*`.
        "wsj": the discs of WSJ0 and WSJ1: `.wv1` files below `si_tr*`, `si_dt*` and `si_et*`, and
            transcripts (`.dot`, otherwise `.lsn` or `.txt`) anywhere below the folder, matched by
            the utterance's id, whose first three characters are the speaker. Files that are
            compressed with Shorten need `sph2pipe` first; a `.wav` beside a `.wv1` is preferred.
        "kaldi": `train*`, `dev*` or `test_dev*`, and `test*` or `eval*` with `wav.scp` (paths, not
            commands), `text` and `utt2spk`.

    All folders of a split are joined; `splits` picks some. Every text is brought to lower case,
    the letters a to z, apostrophes and single spaces. Recordings that cannot be used (damaged, too
    long or short, without a text, with numbers in it) are skipped, other rates, channels and
    encodings are converted, and both are noted in the result. All features are in memory, as long
    as the longest utterance: 100 hours of LibriSpeech take about 17 GB, which `max_seconds` and
    `limit` lower.

    Args:
        root: the corpus' folder.
        layout: one of the above, or "auto" to see which fits.
        log_mel: constants of the features; a `LogMelConfig()` when None.
        max_seconds: longer recordings are skipped; None for no limit.
        workers: threads that read.
        limit: at most this many utterances of each split, at even distances in the sorted list, so
            that all speakers are heard; None for all.
        splits: by split ("train", "validation", "test"), the folder or folders to take instead of
            all; splits that are absent keep their usual folders.
        allow_shared_speakers: whether one speaker may be in two splits, which makes every error
            rate look better than it is.

    Returns:
        The dataset, normalized by the mean and standard deviation of each filter over the frames
        of the training data.

    Raises:
        DataError: a missing folder, none of the layouts, a split without utterances, a speaker in
            two splits.
        MissingExtraError: FLAC or SPHERE files without the package that reads them.
        ValueError: impossible arguments.

    Example:
        >>> data = load_sentences("LibriSpeech", limit=500)  # doctest: +SKIP
        >>> data.train.texts[0]                              # doctest: +SKIP
        'chapter sixteen i might have told you'
    """
    config = log_mel_or_default("load_sentences", log_mel)
    _check(layout, max_seconds, workers, limit)
    path = Path(root)
    chosen = _layout(path, layout)
    folders = SplitFolders(splits, chosen.prefixes)
    skipped: list[FileNote] = []
    try:
        found = list(chosen.utterances(path, folders, skipped))
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror}).") from None
    folders.check_all_seen(path)
    usable = _normalized(found, skipped)
    if not allow_shared_speakers:
        _check_speakers(path, usable)
    plans = {}
    for split in SPLITS:
        members = sorted((u for u in usable if u.split == split), key=lambda u: u.path)
        if not members:
            raise DataError(_empty_split(path, split, chosen, skipped))
        plans[split] = _spread(members, limit)
    # Not after an hour of reading WAV files.
    if any(u.path.lower().endswith(".flac") for plan in plans.values() for u in plan):
        require_modules("soundfile")
    reader = SentenceReader(path, LogMel(config), max_seconds, workers)
    raw = {}
    with progress("Reading sentences", total=sum(map(len, plans.values()))) as bar:
        for split in SPLITS:
            raw[split] = reader.read(plans[split], bar)
            if not raw[split]:
                raise DataError(
                    f"{path}: no recording of the {split} split can be used; the last reason is: "
                    f"{reader.skipped[-1]}"
                )
    front_end = LogMel(config, *_statistics([features for _, features in raw["train"]]))
    done = {split: _assemble(raw.pop(split), front_end) for split in SPLITS}
    return SentenceDataset(
        train=done["train"],
        validation=done["validation"],
        test=done["test"],
        log_mel=front_end,
        skipped=(*skipped, *reader.skipped),
        converted=tuple(reader.converted),
        source=str(path),
    )


def _layout(root: Path, name: str) -> Layout:
    if not root.exists():
        raise DataError(f"{root}: there is no such folder; check the path.")
    if not root.is_dir():
        raise DataError(f"{root}: is a file; expected the folder of a corpus.")
    if name != _AUTO:
        return LAYOUTS[name]
    for layout in LAYOUTS.values():
        if layout.fits(root):
            return layout
    expected = "; ".join(f"{layout.expects} ({key})" for key, layout in LAYOUTS.items())
    raise DataError(f"{root}: has no layout of spoken sentences; expected one of: {expected}.")


def _normalized(found: list[Utterance], skipped: list[FileNote]) -> list[Utterance]:
    """Return the utterances with normalized texts, without those that have none."""
    usable = []
    for utterance in found:
        try:
            text = normalize_text(utterance.text)
        except ValueError as error:
            skipped.append(FileNote(utterance.path, str(error)))
            continue
        if text:
            usable.append(dataclasses.replace(utterance, text=text))
        else:
            skipped.append(FileNote(utterance.path, "its text is empty."))
    return usable


def _check_speakers(root: Path, utterances: list[Utterance]) -> None:
    home: dict[str, Utterance] = {}
    for utterance in utterances:
        first = home.setdefault(utterance.speaker, utterance)
        if first.split != utterance.split:
            raise DataError(
                f"{root}: the speaker {utterance.speaker!r} is in the {first.split} split "
                f"({first.path}) and in the {utterance.split} split ({utterance.path}); move one, "
                "or pass allow_shared_speakers=True."
            )


def _spread(members: list[Utterance], limit: int | None) -> list[Utterance]:
    count = len(members) if limit is None else min(limit, len(members))
    return [members[i * len(members) // count] for i in range(count)]


def _statistics(features: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each filter over all frames, in two passes."""
    frames = sum(map(len, features))
    mean = sum(rows.sum(axis=0, dtype=np.float64) for rows in features) / frames
    square = sum(np.square(rows - mean).sum(axis=0) for rows in features) / frames
    # Where a filter never varies (all files silent, say) nothing is divided by nothing.
    return mean, np.maximum(np.sqrt(square), 1e-3)


def _assemble(read: list[tuple[Utterance, np.ndarray]], log_mel: LogMel) -> SentenceSplit:
    frames = np.asarray([len(features) for _, features in read], np.int32)
    shape = (len(read), int(frames.max()), log_mel.config.num_mels)
    padded = np.zeros(shape, np.float32)
    for row, (_, features) in zip(padded, read, strict=True):
        row[: len(features)] = log_mel.normalize(features)
    return SentenceSplit(
        padded,
        frames,
        tuple(utterance.text for utterance, _ in read),
        tuple(utterance.speaker for utterance, _ in read),
        tuple(utterance.path for utterance, _ in read),
    )


def _empty_split(root: Path, split: str, layout: Layout, skipped: list[FileNote]) -> str:
    if skipped:
        return (
            f"{root}: the {split} split has no utterance that can be used; of {len(skipped)} "
            f"notes the last is: {skipped[-1]}"
        )
    usual = " or ".join(f"{prefix}*" for prefix in layout.prefixes[split])
    return (
        f"{root}: the {split} split has no utterance; expected a folder {usual} with recordings, "
        "or its name in splits."
    )


def _check(layout: str, max_seconds: float | None, workers: int, limit: int | None) -> None:
    if layout != _AUTO and layout not in LAYOUTS:
        names = ", ".join(repr(name) for name in (_AUTO, *LAYOUTS))
        raise ValueError(f"load_sentences: layout must be one of {names}, got {layout!r}.")
    if max_seconds is not None and not (is_number(max_seconds) and max_seconds > 0.0):
        raise ValueError(
            f"load_sentences: max_seconds must be greater than 0 or None; received {max_seconds!r}."
        )
    check_count("load_sentences", "workers", workers)
    check_count("load_sentences", "limit", limit, none=True)
