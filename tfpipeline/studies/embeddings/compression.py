"""The study `embedding-compression`: rank, rows, bits and offline projections at equal bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.embeddings.options import add_arguments as add_arguments
from tfpipeline.studies.embeddings.options import pooled
from tfpipeline.studies.embeddings.plan import LOW_RANK, PROJECTED, low_rank_form
from tfpipeline.studies.embeddings.runs import CLUSTER, PRUNE, RANDOM, WHOLE

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.embeddings.pool import Pool

HELP = "embeddings of low rank, fewer rows or fewer bits, and offline projections: accuracy, bytes"
COLUMNS = (
    *("model", "form", "seed", "scope", "bits", "stored", "ledger", "validation", "test"),
    *("bytes_file", "test_file"),
)
#: Which mode of a file has so many bits a weight.
MODES = {32: "float32", 16: "float16", 8: "dynamic", 4: "int4"}
_NO_FILES = (RANDOM, *(f"{PROJECTED} {method} " for method in ("u", "us", "raunak")))
_LOST = 0.02
# How far below the best the plot goes: two bits of few numbers guess, and would flatten the rest.
_DRAWN = 0.2
_SMALL = 0.03
_COLORS = {
    WHOLE: "#33658a",
    RANDOM: "#808080",
    LOW_RANK: "#c8553d",
    PRUNE: "#6a994e",
    CLUSTER: "#e9a03b",
    PROJECTED: "#7d1d3f",
}
_MARKERS = {32: "o", 16: "s", 8: "^", 4: "v", 2: "x"}


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Compare what makes the table of a text model smaller, each alone and together.

    Low rank, pruned and clustered rows come in the middle of training; projections before it; bits
    after it, of all matrices or of the table alone. `stored` are bytes with the scales of rounded
    matrices and maps of ids, `ledger` those of the paper's formula, and `bytes_file` those of a
    file that the exporter wrote, which computes what `test_file` says.
    """
    from tfpipeline.studies.common.written_study import write_study

    rows = _rows(pool)
    settings = pool.settings
    return write_study(
        pool.out,
        pool.about("embedding-compression", command),
        COLUMNS,
        rows,
        _claims(rows, settings.models, settings.reductions, settings.bits),
        lambda f: _draw(f, rows, settings.models),
        (13, 5),
    )


def _rows(pool: Pool) -> list[Row]:
    from tfpipeline.studies.embeddings.plan import first_stages, forms, with_seed
    from tfpipeline.studies.embeddings.runs import Deployed

    settings = pool.settings
    named = [
        (form, with_seed(one, seed))
        for model in settings.models
        for form, one in forms(settings, model).items()
        for seed in settings.seeds
    ]
    runs = [one for _, one in named]
    pool.rows(first_stages(runs), "First stages")
    trained = pool.rows(runs, "Smaller tables")
    exported = [Deployed(one) for form, one in named if not form.startswith(_NO_FILES)]
    files = dict(zip(exported, pool.rows(exported, "Export"), strict=True))
    rows = []
    for (form, one), row in zip(named, trained, strict=True):
        written = files.get(Deployed(one), {}).get("files", {})
        for entry in row["rounded"]:
            file = written.get(MODES.get(entry["bits"])) if entry["scope"] == "all" else None
            rows.append(
                {
                    **{"model": row["model"], "form": form, "seed": row["seed"]},
                    **entry,
                    "bytes_file": file and file["bytes"],
                    "test_file": file and file["test"],
                }
            )
    return rows


class _Means:
    """Means of the seeds, of one model."""

    def __init__(self, rows: list[Row], model: str) -> None:
        self._rows = [row for row in rows if row["model"] == model]

    def of(self, form: str, bits: int, column: str = "test", scope: str = "all") -> float:
        from tfpipeline.studies.common.claims import mean

        return mean(self._rows, column, form=form, bits=bits, scope=scope)

    def best(self, begin: str, bits: int, most: float = float("inf")) -> str:
        """Return the form with such a name that is best on validation data.

        Args:
            begin: of the name.
            bits: of all matrices.
            most: bytes that its table may take; the smallest where none is as small.
        """
        names = dict.fromkeys(row["form"] for row in self._rows if row["form"].startswith(begin))
        small = [name for name in names if self.table_bytes(name, bits) <= most]
        if not small:
            return min(names, key=lambda name: self.table_bytes(name, bits))
        return max(small, key=lambda name: self.of(name, bits, "validation"))

    def table_bytes(self, form: str, bits: int) -> float:
        """Return what the table takes, with scales and maps of ids."""
        whole = self.of(WHOLE, 32, "stored")
        if bits == 32 and form == WHOLE:
            return 2 * (whole - self.of(WHOLE, 16, "stored", "table"))
        rest = whole - self.table_bytes(WHOLE, 32)
        return self.of(form, bits, "stored", "table" if bits < 32 else "all") - rest

    def said(self, form: str, bits: int) -> str:
        accuracy, stored = self.of(form, bits), self.of(form, bits, "stored")
        return f"{form} in {bits} bits {100 * accuracy:.1f} % ({stored / 1024:.0f} KiB)"


def _claims(
    rows: list[Row], models: tuple[str, ...], reductions: tuple[float, ...], bits: tuple[int, ...]
) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    claims = []
    losses: dict[str, float] = {}
    low, few = low_rank_form(0.9 if 0.9 in reductions else reductions[-1]), min(bits)
    for model in models:
        means = _Means(rows, model)
        whole = means.of(WHOLE, 32)
        losses[model] = means.of(low, 32) - means.of(WHOLE, few)
        projected = means.best(PROJECTED, 32)
        table = means.table_bytes(WHOLE, 32)
        small = means.best(LOW_RANK, 4, _SMALL * table)
        share = means.table_bytes(small, 4) / table
        pca = means.best(f"{PROJECTED} pca", 8)
        claims += [
            Claim(
                f"{model}: {low} of the table loses at most 2 % of the accuracy",
                means.of(low, 32) >= (1 - _LOST) * whole,
                f"{means.said(low, 32)}; {means.said(WHOLE, 32)}",
            ),
            Claim(
                f"{model}: it is better than the best offline projection",
                means.of(low, 32) > means.of(projected, 32),
                f"{means.said(low, 32)}; {means.said(projected, 32)}",
            ),
            Claim(
                f"{model}: in 8 bits it is better than {few} bits after training, and smaller",
                means.of(low, 8) >= means.of(WHOLE, few)
                and means.of(low, 8, "stored") <= means.of(WHOLE, few, "stored"),
                f"{means.said(low, 8)}; {means.said(WHOLE, few)}",
            ),
            Claim(
                f"{model}: in 8 bits it is better than PCA in 8 bits",
                means.of(low, 8) >= means.of(pca, 8),
                f"{means.said(low, 8)}; {means.said(pca, 8)}",
            ),
            Claim(
                f"{model}: low rank in 4 bits stores 3 % of the table and loses at most 2 %",
                share <= _SMALL and means.of(small, 4) >= (1 - _LOST) * whole,
                f"{means.said(small, 4)}, its table {100 * share:.1f} % of that of "
                f"{means.said(WHOLE, 32)}",
            ),
        ]
    if {"lstm", "dan"} <= set(losses):
        claims.append(
            Claim(
                f"an LSTM gains more than a DAN by {low} instead of {few} bits",
                losses["lstm"] > losses["dan"],
                ", ".join(f"{name} {100 * gain:+.1f} points" for name, gain in losses.items()),
            )
        )
    return claims


def _draw(figure: Any, rows: list[Row], models: tuple[str, ...]) -> None:
    from tfpipeline.studies.common.claims import mean

    grid = figure.subplots(1, len(models), squeeze=False)[0]
    for axes, model in zip(grid, models, strict=True):
        own = [row for row in rows if row["model"] == model and row["scope"] == "all"]
        for form in dict.fromkeys(row["form"] for row in own):
            color = _COLORS[form.split()[0]]
            points = [
                tuple(mean(own, name, form=form, bits=bits) for name in ("stored", "test"))
                for bits in dict.fromkeys(row["bits"] for row in own)
            ]
            stored, test = zip(*points, strict=True)
            kilobytes = [size / 1024 for size in stored]
            axes.plot(kilobytes, [100 * one for one in test], color=color, alpha=0.4, linewidth=1)
            for x, y, marker in zip(kilobytes, test, _MARKERS.values(), strict=False):
                axes.plot(x, 100 * y, marker, color=color, markersize=5)
        best = max(mean(own, "test", form=row["form"], bits=row["bits"]) for row in own)
        axes.set_ylim(100 * (best - _DRAWN), 100 * best + 1)
        axes.set(title=model, xscale="log", xlabel="all weights, KiB, means of seeds")
        axes.grid(alpha=0.3)
    grid[0].set_ylabel("test accuracy, %")
    for name, color in _COLORS.items():
        grid[-1].plot([], [], color=color, label=name)
    for bits, marker in _MARKERS.items():
        grid[-1].plot([], [], marker, color="black", label=f"{bits} bits")
    grid[-1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1.0))
