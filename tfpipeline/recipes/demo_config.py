"""The settings of the main job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoConfig:
    """What the demo makes and how much of it; the defaults are the real thing.

    Args:
        seed: of the corpus, the training and every choice in between.
        quick: a small corpus and few epochs, to see that everything works.
        rolling: train on clips laid end to end, whose states are carried on.
        train_clips, validation_clips, test_clips: size of the synthesized corpus.
        limit: at most this many files of each split of the user's own data.
        calibration_clips: training clips that set the scales of the int8 models.
        verification_clips: held-out clips that every exported file must agree on.
        agreement: least share of them on which a file must choose the label that Keras chooses;
            a model of a quick run is often undecided, so less is asked of it.
        rounds: rounds of the latency measurement.
        workers: processes or threads that synthesize and read.

    Raises:
        ValueError: a count that is not positive.
    """

    seed: int = 0
    quick: bool = False
    rolling: bool = False
    train_clips: int = 8000
    validation_clips: int = 1000
    test_clips: int = 1000
    limit: int = 8000
    calibration_clips: int = 256
    verification_clips: int = 300
    agreement: float = 0.97
    rounds: int = 25
    workers: int = 2

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            lowest = 0 if name in {"seed", "quick", "rolling", "agreement"} else 1
            if value < lowest:
                raise ValueError(f"{name}: expected at least {lowest}, got {value}.")

    @classmethod
    def small(cls, seed: int = 0) -> DemoConfig:
        """Return the settings of `--quick`."""
        return cls(
            seed=seed,
            quick=True,
            train_clips=1200,
            validation_clips=200,
            test_clips=240,
            limit=1200,
            calibration_clips=64,
            verification_clips=100,
            agreement=0.85,
            rounds=7,
        )
