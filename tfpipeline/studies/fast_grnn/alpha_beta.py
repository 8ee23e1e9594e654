"""The study `alpha-beta`: what FastRNN learns for alpha and beta, at several lengths T."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.fast_grnn.options import add_arguments as add_arguments
from tfpipeline.studies.fast_grnn.options import pooled

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.fast_grnn.pool import Pool
    from tfpipeline.studies.fast_grnn.runs import Training

HELP = "alpha and beta of FastRNN against the number of time steps (Kusupati et al., Table 8)"
COLUMNS = ("data", "start", "steps", "seed", "alpha", "beta", "validation", "test", "seconds")
STARTS: dict[str, tuple[tuple[str, Any], ...]] = {
    "paper": (),
    "even": (("alpha_init", 0.0), ("beta_init", 0.0)),
    "tied": (("tie_beta", True),),
}
_COLORS = {"paper": "#c8553d", "even": "#33658a", "tied": "#6a994e"}
_LABELS = {
    "paper": "alpha begins at 0.047, beta at 0.953",
    "even": "both begin at 0.5",
    "tied": "beta is 1 - alpha, alpha begins at 0.047",
}
# The data behind Table 8 has a slope of -0.68 to -0.83 between neighbours, -1 from T = 3 to 9.
_SLOPE = (-1.3, -0.6)


def trainings(pool: Pool, data: str, start: str, stacked: int) -> list[Training]:
    """Return the runs of one length from one start."""
    from tfpipeline.studies.fast_grnn.runs import Training

    epochs = pool.settings.short if data == "commands" else 0
    return pool.seeds(
        Training(
            0,
            "fast_rnn",
            dict(pool.settings.units)[data],
            data,
            stacked,
            options=STARTS[start],
            epochs=epochs,
        )
    )


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Train FastRNN with tanh at five lengths of two kinds of data, from two starts, and tied.

    The paper starts alpha at 0.047, close to what it finds for its longest sequences; the even
    start tells whether that is where training leads.
    """
    from tfpipeline.studies.common.written_study import write_study

    runs = [
        (start, one)
        for data, lengths in pool.settings.stacked
        for start in STARTS
        for stacked in lengths
        for one in trainings(pool, data, start, stacked)
    ]
    found = pool.rows([one for _, one in runs], "FastRNN")
    rows: list[Row] = [{**row, "start": start} for (start, _), row in zip(runs, found, strict=True)]
    about = pool.about("alpha-beta", command)
    return write_study(
        pool.out, about, COLUMNS, rows, _claims(rows), lambda f: _draw(f, rows), (11, 4.4)
    )


def _curve(rows: list[Row], data: str, start: str, column: str) -> list[tuple[int, float]]:
    """Length and mean of a column, by length."""
    from tfpipeline.studies.common.claims import mean

    own = [row for row in rows if row["data"] == data and row["start"] == start]
    return [(t, mean(own, column, steps=t)) for t in sorted({row["steps"] for row in own})]


def _claims(rows: list[Row]) -> list[Claim]:
    import numpy as np

    from tfpipeline.studies.common.claims import Claim

    claims = []
    for data in dict.fromkeys(row["data"] for row in rows):
        for start in STARTS:
            curve = _curve(rows, data, start, "alpha")
            t, alpha = np.array(curve).T
            slope = float(np.polyfit(np.log(t), np.log(alpha), 1)[0])
            numbers = ", ".join(f"{a:.3f} at {n:.0f}" for n, a in curve)
            claims.append(
                Claim(
                    f"alpha falls about as 1/T ({data}, start {start})",
                    bool(_SLOPE[0] <= slope <= _SLOPE[1]),
                    f"slope of log alpha over log T {slope:.2f}; {numbers}",
                )
            )
        for start in ("paper", "even"):
            alpha, beta = (dict(_curve(rows, data, start, name)) for name in ("alpha", "beta"))
            longest = max(alpha)
            sums = {t: alpha[t] + beta[t] for t in sorted(alpha)}
            claims.append(
                Claim(
                    f"alpha + beta is 1 within 0.05 at the largest T ({data}, start {start})",
                    abs(sums[longest] - 1) <= 0.05,
                    ", ".join(f"{value:.3f} at {t}" for t, value in sums.items()),
                )
            )
        free, tied = (dict(_curve(rows, data, start, "test")) for start in ("paper", "tied"))
        lost = {t: 100 * (free[t] - tied[t]) for t in sorted(free)}
        claims.append(
            Claim(
                f"beta = 1 - alpha costs at most 1.5 points of accuracy ({data})",
                max(lost.values()) <= 1.5,
                ", ".join(f"{value:+.1f} at {t}" for t, value in lost.items()),
            )
        )
    return claims


def _draw(figure: Any, rows: list[Row]) -> None:
    left, right = figure.subplots(1, 2)
    for data, marker in zip(dict.fromkeys(row["data"] for row in rows), "os", strict=False):
        for start, color in _COLORS.items():
            own = [row for row in rows if row["data"] == data and row["start"] == start]
            look = {"marker": marker, "color": color, "linestyle": "none", "alpha": 0.5}
            left.plot([1 / row["steps"] for row in own], [row["alpha"] for row in own], **look)
            curve = _curve(rows, data, start, "alpha")
            left.plot(
                [1 / t for t, _ in curve],
                [alpha for _, alpha in curve],
                color=color,
                linestyle="-" if data == "commands" else "--",
                label=f"{data}: {_LABELS[start]}",
            )
            right.plot([1 - row["alpha"] for row in own], [row["beta"] for row in own], **look)
    shares = [1 / 100, 1]
    left.plot(shares, shares, color="gray", linestyle=":", label="1/T")
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_xlabel("1/T")
    left.set_ylabel("alpha after training")
    left.legend(fontsize=7)
    right.plot([0, 1], [0, 1], color="gray", linestyle=":")
    right.set_xlabel("1 - alpha")
    right.set_ylabel("beta after training")
