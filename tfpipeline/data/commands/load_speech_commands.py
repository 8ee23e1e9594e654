"""Loads spoken commands: ours, Google's Speech Commands, or a user's own folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.data.arguments import check_count, log_mel_or_default
from tfpipeline.data.commands.clip_reader import ClipReader
from tfpipeline.data.commands.corpus_files import LISTS, assign_splits, choose_words
from tfpipeline.data.commands.speech_dataset import SpeechDataset, Split
from tfpipeline.data.commands.word_folders import SILENCE, UNKNOWN, WordFolders, find_words
from tfpipeline.data.commands.words import COMMANDS
from tfpipeline.data.errors import DataError
from tfpipeline.data.file_note import FileNote
from tfpipeline.data.splits import SPLITS
from tfpipeline.features import LogMel, LogMelConfig
from tfpipeline.progress import progress

DEFAULT_WORDS = COMMANDS


def load_speech_commands(
    root: str | os.PathLike[str],
    words: Sequence[str] | None = None,
    log_mel: LogMelConfig | None = None,
    seed: int = 0,
    limit: int | None = None,
    workers: int = 2,
    unknown_share: float = 0.2,
    silence_share: float = 0.1,
    words_only: bool = False,
) -> SpeechDataset:
    """Load a folder with one subfolder of WAV files for each word, as log-mel features.

    The layout is that of Speech Commands (Warden, arXiv:1804.03209): `_background_noise_` is what
    silence is cut from, `validation_list.txt` and `testing_list.txt` name the files of these
    splits (without them a hash of the speaker does), and words that are not asked for make the
    class "unknown". Every clip counts for one second: shorter ones are followed by zeros, of
    longer ones the loudest second is taken. Files that cannot be used are skipped, other rates,
    channels and encodings are converted, and both are noted in the result.

    A word's clips may lie in subfolders of its folder. Clips in folders `_silence_` and `_unknown_`
    are used as such, all of them; silence and other words are added up to their shares. Folders
    without audio, folders that begin with `.` or `_` and hold some, clips beside the folders, files
    in the lists that are not there: each is a note in `skipped`.

    The usual numbers of classes: 12 are the ten words of `COMMANDS` with silence and unknown words,
    which is the default; 30 and 35 are all words of version 0.01 (`COMMANDS_V1`) and of version
    0.02 (`COMMANDS_V2`), with `words_only=True`.

    Args:
        root: the folder.
        words: words to recognize; None for the ten of Speech Commands where the folder has them
            all, and for all the folder's words otherwise.
        log_mel: constants of the features; a `LogMelConfig()` when None.
        seed: seed of the choice of unknown words, silence and order.
        limit: at most this many files of each split, chosen at random; None for all.
        workers: threads that read.
        unknown_share: unknown words are at most this share of a split's spoken clips.
        silence_share: silence is this share of all of a split's clips.
        words_only: whether the words are all classes: silence and other words are left out.

    Returns:
        The dataset, with labels `("_silence_", "_unknown_", *words)`, or `words` alone.

    Raises:
        DataError: a missing folder, no audio, no folder for a word, a split without clips.
        ValueError: impossible arguments.

    Example:
        >>> data = load_speech_commands("speech_commands", words=("yes", "no"))  # doctest: +SKIP
        >>> data.train.features.shape                                            # doctest: +SKIP
        (7000, 98, 40)
    """
    config = log_mel_or_default("load_speech_commands", log_mel)
    _check(limit, workers, seed, unknown_share, silence_share)
    path = Path(root)
    found = find_words(path)
    chosen = choose_words(path, found.words, words)
    labels = chosen if words_only else (SILENCE, UNKNOWN, *chosen)
    splits = assign_splits(path, found.files(), found.skipped)
    plans = {}
    for number, split in enumerate(SPLITS):
        rng = np.random.default_rng([seed, number])
        plans[split] = _choose(found, splits, split, labels, limit, unknown_share, rng)
        if not plans[split]:
            raise DataError(_empty_split(path, split, len(splits)))
    reader = ClipReader(path, LogMel(config), workers)
    reader.skipped += found.skipped
    noises = {} if words_only else reader.noises()
    raw = {}
    with progress("Reading clips", total=sum(map(len, plans.values()))) as bar:
        for number, split in enumerate(SPLITS):
            spoken = reader.read(plans[split], bar)
            if not len(spoken):
                raise DataError(
                    f"{path}: no file of the {split} split can be used; the last reason is: "
                    f"{reader.skipped[-1]}"
                )
            rng = np.random.default_rng([seed, 10 + number])
            count = 0 if words_only else _silent_clips(spoken, silence_share)
            silence = reader.silence(noises, split, count, rng)
            raw[split] = _shuffled(spoken, silence, rng)
    reader.skipped += _words_without_clips(raw, labels)
    training = raw["train"].features
    mean = training.mean(axis=(0, 1), dtype=np.float64)
    # Where a filter never varies (all files silent, say) nothing is divided by nothing.
    std = np.maximum(training.std(axis=(0, 1), dtype=np.float64), 1e-3)
    front_end = LogMel(config, mean, std)
    done = {
        split: dataclasses.replace(data, features=front_end.normalize(data.features))
        for split, data in raw.items()
    }
    return SpeechDataset(
        labels=labels,
        train=done["train"],
        validation=done["validation"],
        test=done["test"],
        log_mel=front_end,
        skipped=tuple(reader.skipped),
        converted=tuple(reader.converted),
        source=str(path),
    )


def _silent_clips(spoken: Split, share: float) -> int:
    """Return how many clips of silence are to be made beside the user's own."""
    own = int((spoken.labels == 0).sum())
    return max(round((len(spoken) - own) * share / (1.0 - share)) - own, 0)


def _choose(
    found: WordFolders,
    splits: dict[str, str],
    split: str,
    labels: tuple[str, ...],
    limit: int | None,
    unknown_share: float,
    rng: np.random.Generator,
) -> list[tuple[str, int]]:
    """Choose a split's files: all of the words and the user's own, a bounded share of others."""

    def of(files: list[str]) -> list[str]:
        return [file for file in files if splits[file] == split]

    words = [word for word in labels if word not in (SILENCE, UNKNOWN)]
    chosen = [(file, labels.index(word)) for word in words for file in of(found.words[word])]
    if UNKNOWN in labels:
        most = round(len(chosen) * unknown_share / (1.0 - unknown_share))
        own = of(found.unknown)
        others = [f for word, files in found.words.items() if word not in words for f in of(files)]
        picked = sorted(rng.permutation(len(others))[: max(most - len(own), 0)])
        chosen += [(file, 1) for file in (*own, *(others[i] for i in picked))]
        chosen += [(file, 0) for file in of(found.silence)]
    if limit is not None and len(chosen) > limit:
        chosen = [chosen[i] for i in sorted(rng.permutation(len(chosen))[:limit])]
    return chosen


def _words_without_clips(raw: dict[str, Split], labels: tuple[str, ...]) -> list[FileNote]:
    """Return notes on words of whose files none can be used: nothing is learned of them."""
    heard = {int(label) for split in raw.values() for label in np.unique(split.labels)}
    return [
        FileNote(word, "none of its files is used; it stays a label without clips.")
        for number, word in enumerate(labels)
        if word not in (SILENCE, UNKNOWN) and number not in heard
    ]


def _shuffled(spoken: Split, silence: Split, rng: np.random.Generator) -> Split:
    order = rng.permutation(len(spoken) + len(silence))
    paths = spoken.paths + silence.paths
    return Split(
        np.concatenate([spoken.features, silence.features])[order],
        np.concatenate([spoken.labels, silence.labels])[order],
        tuple(paths[i] for i in order),
    )


def _empty_split(root: Path, split: str, files: int) -> str:
    if split in LISTS and (root / LISTS[split]).exists():
        return f"{root}: {LISTS[split]} names no file that exists; its lines are like yes/a.wav."
    return (
        f"{root}: none of its {files} files falls into the {split} split, which a hash of the "
        "speaker ('anna' in anna_nohash_0.wav) decides; add "
        f"recordings of more speakers, or lists ({LISTS['validation']}, {LISTS['test']})."
    )


def _check(
    limit: int | None, workers: int, seed: int, unknown_share: float, silence_share: float
) -> None:
    check_count("load_speech_commands", "limit", limit, none=True)
    check_count("load_speech_commands", "workers", workers)
    check_count("load_speech_commands", "seed", seed, least=0)
    for name, share in (("unknown_share", unknown_share), ("silence_share", silence_share)):
        if not (is_number(share) and 0.0 <= share < 1.0):
            raise ValueError(f"load_speech_commands: {name} must be in [0, 1); received {share!r}.")
