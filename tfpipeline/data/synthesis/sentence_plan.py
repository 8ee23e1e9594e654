"""Who says which sentence, how and in which noise: the plan of a corpus of spoken sentences."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpipeline.data.splits import SPLITS
from tfpipeline.data.synthesis.corpus_plan import SPEAKERS
from tfpipeline.data.synthesis.sentence_grammar import draw_sentence

# Some of the synthesizer's accents: letters are learned from two thousand sentences only when each
# has few sounds.
ACCENTS = ("en", "en-gb-scotland", "en-gb-x-rp", "en-us")
_RATES = (140, 210)
_PITCHES = (30, 72)
_RANGES = (25, 75)
_SNR_DB = (15.0, 35.0)
_LEVEL_DB = (-28.0, -19.0)
_WARP = (0.9, 1.12)
_SILENCE_SECONDS = (0.05, 0.2)


@dataclasses.dataclass(frozen=True)
class SpokenSentence:
    """One recording to be made.

    Args:
        split: "train", "validation" or "test".
        speaker: variant of the synthesizer.
        accent: accent of the synthesizer.
        number: of the sentence among those of this speaker with this accent.
        text: lower-case words.
        rate: words per minute.
        pitch: 0 to 99.
        range: liveliness of the pitch, 0 to 99.
        snr_db: power of the speech over the noise, decibels.
        level_db: root mean square of the speech, decibels below full scale.
        before, after: silence around the sentence, seconds.
        noise: a number in [0, 1) that picks the noise.
        noise_start: a number in [0, 1) that picks its stretch.
        warp: factor on all frequencies of the speech, and on its speed.
    """

    split: str
    speaker: str
    accent: str
    number: int
    text: str
    rate: int
    pitch: int
    range: int
    snr_db: float
    level_db: float
    before: float
    after: float
    noise: float
    noise_start: float
    warp: float

    @property
    def voice(self) -> str:
        """The synthesizer's name for the voice."""
        return f"{self.accent}+{self.speaker}"

    @property
    def chapter(self) -> str:
        """Folder of the recording in the corpus, with forward slashes."""
        return f"{self.split}/{self.speaker}/{self.accent}"

    @property
    def name(self) -> str:
        """Identifier of the recording, as in LibriSpeech: speaker, chapter and number."""
        return f"{self.speaker}-{self.accent}-{self.number:04d}"


def plan_sentences(
    seed: int, sentences: dict[str, int], speakers: dict[str, tuple[str, ...]] = SPEAKERS
) -> list[SpokenSentence]:
    """Plan a corpus, ordered by split, speaker, accent and number.

    Speakers and accents take turns. A sentence of training is in no other split.

    Args:
        seed: seed of every random choice.
        sentences: number of recordings by split.
        speakers: variants of the synthesizer by split.
    """
    plan: list[SpokenSentence] = []
    trained: set[str] = set()
    for number, split in enumerate(SPLITS):
        rng = np.random.default_rng([seed, 300 + number])
        names = speakers[split]
        counts: dict[tuple[str, str], int] = {}
        made = []
        for index in range(sentences[split]):
            if index % len(names) == 0:
                order = rng.permutation(len(names))
            speaker = names[order[index % len(names)]]
            accent = ACCENTS[int(rng.integers(len(ACCENTS)))]
            text = draw_sentence(rng)
            while split != "train" and text in trained:
                text = draw_sentence(rng)
            count = counts[speaker, accent] = counts.get((speaker, accent), -1) + 1
            made.append(_recording(rng, split, speaker, accent, count, text))
        if split == "train":
            trained = {sentence.text for sentence in made}
        plan += sorted(made, key=lambda one: (one.speaker, one.accent, one.number))
    return plan


def _recording(
    rng: np.random.Generator, split: str, speaker: str, accent: str, number: int, text: str
) -> SpokenSentence:
    return SpokenSentence(
        split,
        speaker,
        accent,
        number,
        text,
        rate=int(rng.integers(*_RATES)),
        pitch=int(rng.integers(*_PITCHES)),
        range=int(rng.integers(*_RANGES)),
        snr_db=float(rng.uniform(*_SNR_DB)),
        level_db=float(rng.uniform(*_LEVEL_DB)),
        before=float(rng.uniform(*_SILENCE_SECONDS)),
        after=float(rng.uniform(*_SILENCE_SECONDS)),
        noise=float(rng.random()),
        noise_start=float(rng.random()),
        warp=float(rng.uniform(*_WARP)) if split == "train" else 1.0,
    )
