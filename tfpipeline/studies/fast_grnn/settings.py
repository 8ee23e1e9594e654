"""How much the studies of FastGRNN train."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recipe:
    """How a model is trained on one kind of data.

    Args:
        epochs: passes over the training data.
        batch_size: sequences.
        rate: highest learning rate where a study does not search it, reached after a twentieth of
            the epochs; it falls along a cosine.
        rates: that `fast-grnn` tries for GRU and LSTM, on validation data.
    """

    epochs: int
    batch_size: int
    rate: float
    rates: tuple[float, ...]


@dataclass(frozen=True)
class Compressed:
    """A compressed FastGRNN.

    Args:
        units: width.
        rank, recurrent_rank: of its two kernels.
        density, recurrent_density: shares of their factors that are kept.
        h_clip: limit of its state.
    """

    units: int
    rank: int
    recurrent_rank: int
    density: float
    recurrent_density: float
    h_clip: float = 1.0


@dataclass(frozen=True)
class Settings:
    """Everything that changes a result, beside the corpus.

    Args:
        train, validation, test: clips of the synthesized corpus of commands; at most so many of
            another.
        seeds: of every setting, three or more.
        commands, digits: how models are trained on spoken commands, and on digits.
        short: epochs on commands, in studies of many settings that compare with each other only.
        stacked: steps laid side by side as one in `alpha-beta`, by data: 98 frames become 98, 49,
            14, 7 and 2 steps, 64 pixels 64 to 4.
        alphas: of `fixed-alpha`.
        units: of FastRNN in these two, and of the models of `initial-state`, by data.
        gru, lstm: widths of the models that FastGRNN is compared with.
        compressed: FastGRNN's width, ranks and densities.
        published: those of Google-12 in the paper.
        compressed_epochs: of sparse models in `fast-grnn`, whose three phases need more.
        compressed_rate: learning rate of FastGRNN in `fast-grnn` and `trace-norm-ranks`; at the
            recipe's one of three models with piecewise-linear gates broke down.
        budget: bytes by the paper's formula in `equal-bytes`.
        hand_set: whose ranks `trace-norm-ranks` compares with.
        trace_norms: strengths that it tries.
        qrnn: of `qrnn-compression`; it has no kernel for the state.
        int8_units, ternary_units: widths of the GRUs in `ternary-or-int8`.
        int8_params, ternary_params: parameters of its models of low rank, as wide as the widest.
        ternary_trace_norms: strengths with which these begin; validation chooses for each size.
        pruned_units: of the GRU in `block-sparsity`.
        pruned_epochs: of it, on digits that are read row by row.
        densities: shares of its weights that are kept.
    """

    train: int = 8000
    validation: int = 1000
    test: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2)
    commands: Recipe = field(default_factory=lambda: Recipe(40, 64, 4e-3, (2e-3, 4e-3)))
    digits: Recipe = field(default_factory=lambda: Recipe(60, 32, 4e-3, (2e-3, 4e-3)))
    short: int = 12
    stacked: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("commands", (1, 2, 7, 14, 49)),
        ("digits", (1, 2, 4, 8, 16)),
    )
    alphas: tuple[float, ...] = (0.001, 0.003, 0.005, 0.01, 0.03, 0.08, 0.25, 0.5)
    units: tuple[tuple[str, int], ...] = (("commands", 100), ("digits", 64))
    gru: tuple[int, ...] = (64, 128)
    lstm: tuple[int, ...] = (128,)
    compressed: Compressed = field(default_factory=lambda: Compressed(128, 24, 40, 0.4, 0.4))
    published: Compressed = field(default_factory=lambda: Compressed(100, 16, 25, 0.3, 0.3))
    compressed_epochs: int = 80
    compressed_rate: float = 2e-3
    budget: int = 8192
    hand_set: Compressed = field(default_factory=lambda: Compressed(100, 16, 25, 1.0, 1.0))
    trace_norms: tuple[float, ...] = (3e-4, 1e-3, 3e-3)
    qrnn: Compressed = field(default_factory=lambda: Compressed(128, 24, 0, 0.4, 1.0))
    int8_units: tuple[int, ...] = (32, 48, 64)
    ternary_units: tuple[int, ...] = (64, 96, 128)
    int8_params: tuple[int, ...] = (6000, 12000)
    ternary_params: tuple[int, ...] = (12000, 24000)
    ternary_trace_norms: tuple[float, ...] = (1e-4, 3e-4, 1e-3)
    pruned_units: int = 256
    pruned_epochs: int = 20
    densities: tuple[float, ...] = (0.4, 0.2, 0.1)


QUICK = Settings()
FULL = Settings(
    commands=Recipe(120, 64, 4e-3, (1e-3, 2e-3, 4e-3, 8e-3)),
    digits=Recipe(200, 32, 4e-3, (1e-3, 2e-3, 4e-3, 8e-3)),
    seeds=(0, 1, 2, 3, 4),
    short=60,
)
