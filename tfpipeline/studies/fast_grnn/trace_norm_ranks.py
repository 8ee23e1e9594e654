"""The study `trace-norm-ranks`: FastGRNN's ranks found by the trace norm, or set by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments
from tfpipeline.studies.fast_grnn.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.pool import Pool

HELP = "FastGRNN's ranks found by the trace norm of Kliegl et al., beside ranks set by hand"
COLUMNS = (
    *("method", "trace_norm", "seed", "rank", "recurrent_rank", "params", "epochs"),
    *("validation", "test", "seconds"),
)
HAND_SET, NO_PENALTY, TRACE_NORM = "set by hand", "cut without a penalty", "trace norm"
_COLORS = {HAND_SET: "#6a994e", NO_PENALTY: "#33658a", TRACE_NORM: "#c8553d"}
# Of the epochs: before the cut.
_FIRST = 0.6


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train with the ranks of the paper, and cut factors of full rank to as many parameters.

    The cut chooses how the parameters are shared between the two kernels. All methods have the same
    number of epochs. The strength of the trace norm is the best on validation data.
    """
    from tfpipeline.studies.common.claims import mean
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.fast_grnn.runs import Cut, Training

    size = pool.settings.hand_set
    epochs = pool.settings.commands.epochs
    first = round(_FIRST * epochs)
    by_hand = pool.rows(
        pool.seeds(
            Training(0, "fast_grnn", size.units, rank=size.rank, recurrent_rank=size.recurrent_rank)
        ),
        "Ranks set by hand",
    )
    rows: list[Row] = [{**row, "method": HAND_SET} for row in by_hand]
    for strength in (0.0, *pool.settings.trace_norms):
        whole = pool.seeds(
            Training(
                0,
                "fast_grnn",
                size.units,
                rank=-1,
                recurrent_rank=-1,
                trace_norm=strength,
                epochs=first,
                rate=pool.settings.compressed_rate,
            )
        )
        pool.rows(whole, "Full rank")
        cut = [Cut(one, by_hand[0]["params"], epochs - first) for one in whole]
        method = TRACE_NORM if strength else NO_PENALTY
        rows += [
            {**row, "method": method, **_ranks(row)}
            for row in pool.rows(cut, "Cut, and trained on")
        ]
    best = max(pool.settings.trace_norms, key=lambda one: mean(rows, "validation", trace_norm=one))
    return write_study(
        pool.out,
        pool.about("trace-norm-ranks", command),
        COLUMNS,
        rows,
        _claims(rows, best),
        lambda f: _draw(f, rows),
        (7, 4.2),
    )


def _ranks(row: Row) -> Row:
    found = {name.rsplit("/", 1)[-1]: rank for name, rank in row["ranks"].items()}
    return {"rank": found["kernel"], "recurrent_rank": found["recurrent_kernel"]}


def _of(rows: list[Row], method: str, strength: float = 0.0) -> list[Row]:
    return [row for row in rows if row["method"] == method and row["trace_norm"] == strength]


def _claims(rows: list[Row], best: float) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim, mean, spread

    found = _of(rows, TRACE_NORM, best)
    claims = []
    for method in (HAND_SET, NO_PENALTY):
        other = _of(rows, method)
        ranks = {(row["rank"], row["recurrent_rank"]) for row in found}
        claims.append(
            Claim(
                f"at as many parameters the trace norm is at least as good as ranks {method}",
                mean(found, "validation") >= mean(other, "validation"),
                f"test {spread([row['test'] for row in found])} % with strength {best:g} and ranks "
                f"{sorted(ranks)}, {spread([row['test'] for row in other])} % {method}",
            )
        )
    return claims


def _draw(figure: Any, rows: list[Row]) -> None:
    axes = figure.subplots()
    groups = list(dict.fromkeys((row["method"], row["trace_norm"]) for row in rows))
    for place, (method, strength) in enumerate(groups):
        own = _of(rows, method, strength)
        test = [100 * row["test"] for row in own]
        axes.plot([place] * len(own), test, "o", color=_COLORS[method])
        ranks = sorted({(row["rank"], row["recurrent_rank"]) for row in own})
        note = "\n".join(f"{a}, {b}" for a, b in ranks)
        axes.annotate(
            note,
            (place, min(test)),
            fontsize=7,
            textcoords="offset points",
            xytext=(8, 0),
        )
    labels = [f"{method}\n{strength:g}" if strength else method for method, strength in groups]
    axes.set_xticks(range(len(groups)), labels, fontsize=8)
    axes.set_xlim(-0.5, len(groups) - 0.3)
    axes.set_ylabel("test accuracy, % (beside it: ranks of both kernels)")
