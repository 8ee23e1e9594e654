"""Who says what, how and in which noise: the plan of a synthesized corpus."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpipeline.data.commands.words import COMMANDS, COMMANDS_V1
from tfpipeline.data.splits import SPLITS

# The auxiliary words of Speech Commands, whose only role is to be told apart from its commands.
UNKNOWN = COMMANDS_V1[len(COMMANDS) :]
UNKNOWN_SHARE = 0.2

# Every English accent of espeak-ng 1.52 but `en-shaw`, which is the accent `en` for texts in the
# Shavian alphabet.
ACCENTS = (
    *("en", "en-029", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-gb-x-rp"),
    *("en-us", "en-us-nyc"),
)
NOT_ACCENTS = ("en-shaw",)

# A speaker is a variant of the synthesizer. Whisper, croak and the robots are left out: they are
# no typical voices, and held out alone they would measure something else than recognition of a
# new speaker. Variants of one family (klatt and its namesakes, say) stay on one side.
SPEAKERS: dict[str, tuple[str, ...]] = {
    "train": (
        *("m1", "m2", "m4", "m5", "m8", "f1", "f2", "f5", "Alex", "Alicia", "Andy", "Annie"),
        *("Denis", "Gene", "Gene2", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario", "Mike"),
        *("Nguyen", "Reed", "Storm"),
        *("adam", "anika", "antonio", "aunty", "benjamin", "caleb", "david", "ed", "edward"),
        *("edward2", "grandma", "grandpa", "gustave", "ian", "iven", "iven2", "iven3", "iven4"),
        *("john", "kaukovalta", "klatt", "klatt2", "klatt3", "klatt4", "klatt5", "klatt6"),
        *("marcelo", "max", "michel", "miguel", "mike2", "norbert", "pablo", "pedro", "quincy"),
        *("rob", "sandro", "shelby", "steph", "steph2", "steph3", "travis", "victor", "zac"),
    ),
    "validation": ("m7", "f4", "belinda", "Diogo", "robert"),
    "test": ("m3", "f3", "m6", "Andrea", "linda", "Michael", "boris", "paul"),
}

RATES = (100, 175)
PITCHES = (30, 72)
RANGES = (25, 75)
SNR_DB = (10.0, 30.0)
LEVEL_DB = (-28.0, -19.0)
_SHIFT_SECONDS = 0.12
# Training speech is also played a little slower or faster, pitch and formants included: a longer or
# shorter vocal tract (Jaitly and Hinton, "Vocal Tract Length Perturbation", 2013), that is, more
# speakers than the synthesizer has.
_WARP = (0.88, 1.16)


@dataclasses.dataclass(frozen=True)
class Clip:
    """One clip to be made.

    Args:
        split: "train", "validation" or "test".
        word: what is said.
        speaker: variant of the synthesizer.
        accent: accent of the synthesizer.
        name: file name.
        rate: words per minute.
        pitch: 0 to 99.
        range: liveliness of the pitch, 0 to 99.
        snr_db: power of the speech over the noise, decibels.
        level_db: root mean square of the speech, decibels below full scale.
        shift: offset of the word from the middle of the clip, seconds.
        noise: a number in [0, 1) that picks the noise.
        noise_start: a number in [0, 1) that picks its stretch.
        warp: factor on all frequencies of the speech, and on its speed.
    """

    split: str
    word: str
    speaker: str
    accent: str
    name: str
    rate: int
    pitch: int
    range: int
    snr_db: float
    level_db: float
    shift: float
    noise: float
    noise_start: float
    warp: float

    @property
    def voice(self) -> str:
        """The synthesizer's name for the voice."""
        return f"{self.accent}+{self.speaker}"

    @property
    def file(self) -> str:
        """Path in the corpus, with forward slashes."""
        return f"{self.word}/{self.name}"


def plan_corpus(
    seed: int, clips: dict[str, int], speakers: dict[str, tuple[str, ...]] = SPEAKERS
) -> list[Clip]:
    """Plan a corpus, ordered by split, speaker and word.

    Every word goes round the split's speakers and accents evenly; pitch, rate, noise, level and
    shift are drawn at random.

    Args:
        seed: seed of every random choice.
        clips: number of clips by split.
        speakers: variants of the synthesizer by split.
    """
    plan: list[Clip] = []
    for number, split in enumerate(SPLITS):
        rng = np.random.default_rng([seed, number])
        names = speakers[split]
        counts: dict[tuple[str, str], int] = {}
        made = []
        for word, quota in _quotas(clips[split]).items():
            # Speakers take turns; which accent each has in a round is random.
            order: list[tuple[str, str]] = []
            while len(order) < quota:
                accents = {s: rng.permutation(len(ACCENTS)) for s in names}
                for turn in range(len(ACCENTS)):
                    for s in rng.permutation(len(names)):
                        speaker = names[s]
                        order.append((speaker, ACCENTS[accents[speaker][turn]]))
            for speaker, accent in order[:quota]:
                voice = f"{speaker}-{accent}"
                index = counts[word, voice] = counts.get((word, voice), -1) + 1
                made.append(
                    Clip(
                        split,
                        word,
                        speaker,
                        accent,
                        name=f"{voice}_nohash_{index}.wav",
                        rate=int(rng.integers(*RATES)),
                        pitch=int(rng.integers(*PITCHES)),
                        range=int(rng.integers(*RANGES)),
                        snr_db=float(rng.uniform(*SNR_DB)),
                        level_db=float(rng.uniform(*LEVEL_DB)),
                        shift=float(rng.uniform(-_SHIFT_SECONDS, _SHIFT_SECONDS)),
                        noise=float(rng.random()),
                        noise_start=float(rng.random()),
                        warp=float(rng.uniform(*_WARP)) if split == "train" else 1.0,
                    )
                )
        plan += sorted(made, key=lambda clip: (clip.speaker, clip.word, clip.name))
    return plan


def _quotas(clips: int) -> dict[str, int]:
    """Clips by word: commands evenly, and a fixed share for the unknown words."""
    unknown = round(clips * UNKNOWN_SHARE)
    quotas = {}
    for words, total in ((COMMANDS, clips - unknown), (UNKNOWN, unknown)):
        for i, word in enumerate(words):
            quotas[word] = total * (i + 1) // len(words) - total * i // len(words)
    return quotas
