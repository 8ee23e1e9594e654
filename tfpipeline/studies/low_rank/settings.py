"""What the low-rank studies train, quick and in full."""

from __future__ import annotations

from dataclasses import dataclass

# Strengths of non-recurrent and of recurrent matrices, weak to strong, without the 0.
Strengths = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Settings:
    """Everything that changes a result, beside the corpus.

    Args:
        train, validation, test: sentences of the synthesized corpus; at most so many of another.
        max_seconds: longer recordings are left out.
        units, dense, filters, kernels: see `tfpipeline.models.ds2`.
        memory_frames: the same.
        batch_size: utterances.
        epochs: of stage 1, and of both stages where a study compares them with one.
        stage2_epochs: of stage 2 where a study does not.
        rate: highest learning rate, reached after one epoch.
        last_rate: share of it that is left at the end; it falls along a cosine.
        seeds: of every setting, three or more.
        trace_norm, l2: strengths of the grid's two sides, of non-recurrent and of recurrent
            matrices, weak to strong; every study takes 0 as well.
        budgets: sizes of cut models, as shares of the plain model's parameters, large to small.
        trace_norm_alone, l2_alone: further strengths, of one kind of matrix while the other has
            none: where nu falls and the error rises.
        explained_variances: cuts, from large to small models.
        transitions: shares of the epochs of both stages after which stage 1 may end, early ones
            first; that in the middle is taken where a study needs one.
        transition_plans: pairs of the epochs of both stages and a budget.
        small_l2: pairs of strengths of l2, weak to strong, that each pruned and each narrow model
            is tried with, beside none.
        sparsities: shares of zeros in the pruned models.
        widths: of the smaller dense models, as shares of `units` and `dense`.
    """

    train: int = 2000
    validation: int = 250
    test: int = 250
    max_seconds: float = 2.1
    units: tuple[int, ...] = (64, 80, 96)
    dense: int = 96
    filters: tuple[int, int] = (8, 4)
    kernels: tuple[tuple[int, int], ...] = ((5, 5), (5, 5))
    memory_frames: float = 5.0
    batch_size: int = 16
    epochs: int = 20
    stage2_epochs: int = 6
    rate: float = 3e-3
    last_rate: float = 0.05
    seeds: tuple[int, ...] = (0, 1, 2)
    trace_norm: Strengths = ((5e-4, 2e-3), (5e-4, 2e-3, 8e-3, 3.2e-2))
    l2: Strengths = ((5e-3, 2e-2, 8e-2), (5e-3, 2e-2))
    trace_norm_alone: tuple[float, ...] = (1e-2,)
    l2_alone: tuple[float, ...] = (1e-1,)
    budgets: tuple[float, ...] = (0.5, 0.3, 0.15)
    explained_variances: tuple[float, ...] = (0.9, 0.8, 0.65)
    transitions: tuple[float, ...] = (0.2, 0.4, 0.7)
    transition_plans: tuple[tuple[int, float], ...] = ((20, 0.25), (20, 0.5), (40, 0.25))
    small_l2: tuple[tuple[float, float], ...] = (
        *((5e-3, 5e-3), (2e-2, 5e-3), (2e-2, 2e-2), (8e-2, 2e-2)),
    )
    sparsities: tuple[float, ...] = (0.6, 0.8)
    widths: tuple[float, ...] = (0.7, 0.5)


QUICK = Settings()
FULL = Settings(
    train=20_000,
    validation=1000,
    test=1000,
    max_seconds=16.0,
    units=(192, 256, 320),
    dense=384,
    filters=(32, 32),
    kernels=((11, 21), (11, 11)),
    epochs=40,
    stage2_epochs=40,
    rate=2e-3,
    trace_norm=2 * ((1e-4, 3e-4, 1e-3, 3e-3),),
    l2=2 * ((1e-3, 3e-3, 1e-2, 3e-2),),
    trace_norm_alone=(1e-2, 3e-2),
    l2_alone=(1e-1, 3e-1),
    budgets=(0.5, 0.35, 0.25, 0.15, 0.1),
    explained_variances=(0.95, 0.9, 0.8, 0.7, 0.6, 0.5),
    transitions=(0.125, 0.25, 0.375, 0.5, 0.75),
    transition_plans=((40, 0.15), (40, 0.5), (80, 0.15)),
    small_l2=((1e-3, 1e-3), (3e-3, 3e-3), (1e-2, 1e-2), (3e-2, 1e-2), (3e-2, 3e-2)),
    sparsities=(0.8, 0.9, 0.95),
    widths=(0.7, 0.5, 0.35),
)
