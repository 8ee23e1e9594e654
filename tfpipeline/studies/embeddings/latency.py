"""The study `embedding-latency`: milliseconds a sentence of each exported file, in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tfpipeline.studies.common.rows import Row, StudyResult
from tfpipeline.studies.embeddings.options import add_arguments as add_arguments
from tfpipeline.studies.embeddings.options import pooled
from tfpipeline.studies.embeddings.plan import low_rank_form
from tfpipeline.studies.embeddings.runs import WHOLE

if TYPE_CHECKING:
    from tfpipeline.studies.common.claims import Claim
    from tfpipeline.studies.embeddings.pool import Pool
    from tfpipeline.studies.embeddings.runs import Deployed

HELP = "milliseconds a sentence of files of low rank, folded or not, beside few bits"
COLUMNS = ("model", "form", "mode", "kernels", "bytes", "ms", "test")
MODES = ("float32", "dynamic", "int4")
FOLDED = ", folded"
PORTABLE = "portable"
_SIMILAR = 1.1
_COLORS = {"float32": "#33658a", "dynamic": "#e9a03b", "int4": "#c8553d"}


@pooled
def run(pool: Pool, command: str) -> StudyResult:
    """Time the files of whole and of factored models in turn, a sentence at a time on one thread.

    Table 4 of Acharya et al. (2019) has seconds over a test set. Folded models have the second
    factor multiplied into the layer that reads it.
    """
    from tfpipeline.studies.common.written_study import write_study
    from tfpipeline.studies.embeddings.plan import first_stages
    from tfpipeline.studies.embeddings.runs import Smaller
    from tfpipeline.studies.embeddings.times import time_files

    named = _runs(pool)
    trained = [one.run for _, one in named]
    pool.rows(first_stages(trained), "First stages")
    pool.rows(trained, "Models")
    found = pool.rows([one for _, one in named], "Export")
    times = time_files(pool.files, [one for _, one in named], MODES)
    rows: list[Row] = []
    for (form, one), row in zip(named, found, strict=True):
        training = one.run.run if isinstance(one.run, Smaller) else one.run
        for mode in MODES:
            file = row["files"][mode]
            for kernels, size in ((PORTABLE, "bytes"), ("fused", "bytes_fused")):
                if (one.name, mode, kernels) in times:
                    rows.append(
                        {
                            **{"model": training.model, "form": form, "mode": mode},
                            **{"kernels": kernels, "bytes": file[size], "test": file["test"]},
                            "ms": times[one.name, mode, kernels],
                        }
                    )
    return write_study(
        pool.out,
        pool.about("embedding-latency", command),
        COLUMNS,
        rows,
        _claims(rows, pool.settings),
        lambda f: _draw(f, rows, pool.settings.models),
        (12, 4.8),
    )


def _runs(pool: Pool) -> list[tuple[str, Deployed]]:
    """Return the exports by name, of the first seed."""
    from tfpipeline.studies.embeddings.plan import smaller, whole
    from tfpipeline.studies.embeddings.runs import RANK, Deployed

    settings = pool.settings
    found = []
    for model in settings.models:
        found.append((WHOLE, Deployed(whole(settings, model))))
        for reduction in settings.reductions:
            cut, name = smaller(settings, model, (RANK, reduction)), low_rank_form(reduction)
            found += [(name, Deployed(cut)), (f"{name}{FOLDED}", Deployed(cut, folded=True))]
    return found


def _claims(rows: list[Row], settings: Any) -> list[Claim]:
    from tfpipeline.studies.common.claims import Claim

    times = {(r["model"], r["form"], r["mode"]): r["ms"] for r in rows if r["kernels"] == PORTABLE}
    claims = []
    for model in settings.models:
        whole, eight = times[model, WHOLE, "float32"], times[model, WHOLE, "dynamic"]
        names = [low_rank_form(reduction) for reduction in settings.reductions]
        plain = [times[model, name, "float32"] for name in names]
        folded = [times[model, f"{name}{FOLDED}", "float32"] for name in names]
        same = low_rank_form(0.75 if 0.75 in settings.reductions else settings.reductions[-1])

        def said(values: list[float], names: list[str] = names) -> str:
            return ", ".join(
                f"{name} {value:.4f} ms" for name, value in zip(names, values, strict=True)
            )

        claims += [
            Claim(
                f"{model}: factors in float32 take at most 1.1 times the time of 8 bits at about "
                f"equal size ({same})",
                times[model, same, "float32"] <= _SIMILAR * eight,
                f"{times[model, same, 'float32']:.4f} against {eight:.4f} ms",
            ),
            Claim(
                f"{model}: factors take at most 1.1 times the time of the whole table",
                max(plain) <= _SIMILAR * whole,
                f"{said(plain)}; whole {whole:.4f} ms",
            ),
            Claim(
                f"{model}: folded they take no more time than the whole table",
                max(folded) <= whole,
                f"{said(folded)}; whole {whole:.4f} ms",
            ),
        ]
    return claims


def _draw(figure: Any, rows: list[Row], models: tuple[str, ...]) -> None:
    grid = figure.subplots(1, len(models), squeeze=False)[0]
    for axes, model in zip(grid, models, strict=True):
        forms = list(dict.fromkeys(row["form"] for row in rows if row["model"] == model))
        for mode, color in _COLORS.items():
            for kernels, marker in ((PORTABLE, "o"), ("fused", "x")):
                own = [
                    row
                    for row in rows
                    if (row["model"], row["mode"], row["kernels"]) == (model, mode, kernels)
                ]
                places = [forms.index(row["form"]) for row in own]
                label = f"{mode}, {kernels}"
                if own:
                    axes.plot([row["ms"] for row in own], places, marker, color=color, label=label)
        axes.set_yticks(range(len(forms)), forms, fontsize=8)
        axes.set(title=model, xlabel="ms a sentence, median")
        axes.grid(axis="x", alpha=0.3)
    # Beside the points, of which there may be one in any corner.
    grid[-1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1.0))
