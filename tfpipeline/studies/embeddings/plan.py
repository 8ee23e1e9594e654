"""Which runs the studies of smaller tables share; light, as its runs are."""

from __future__ import annotations

from tfpipeline.studies.embeddings.runs import (
    CLUSTER,
    PRUNE,
    RANDOM,
    RANK,
    WHOLE,
    Smaller,
    Training,
)
from tfpipeline.studies.embeddings.settings import Settings

#: What is done to a model, in the first word of the name of a form.
LOW_RANK, PROJECTED = "rank", "projected"


def whole(settings: Settings, model: str) -> Training:
    """Return the model that stays as it is, with the first seed."""
    epochs = settings.first + settings.second
    return Training(settings.seeds[0], model, epochs, WHOLE, parts=settings.parts)


def smaller(settings: Settings, model: str, *cuts: tuple[str, float]) -> Smaller:
    """Return the model whose table is made smaller in the middle, with the first seed."""
    half = Training(settings.seeds[0], model, settings.first, WHOLE, parts=settings.parts)
    return Smaller(half, cuts, settings.second, settings.parts)


def low_rank_form(reduction: float) -> str:
    """Return what a model whose factors leave out so much is called."""
    return f"{LOW_RANK} -{100 * reduction:g} %"


def forms(settings: Settings, model: str) -> dict[str, Training | Smaller]:
    """Return every form of a model by its name, with the first seed."""
    from dataclasses import replace

    start = whole(settings, model)
    found: dict[str, Training | Smaller] = {WHOLE: start, RANDOM: replace(start, start=RANDOM)}
    for reduction in settings.reductions:
        found[low_rank_form(reduction)] = smaller(settings, model, (RANK, reduction))
    for share in settings.rows:
        for kind in (PRUNE, CLUSTER):
            found[f"{kind} {100 * share:g} %"] = smaller(settings, model, (kind, share))
    for kept, reduction in settings.compositions:
        for kind in (PRUNE, CLUSTER):
            name = f"{kind} {100 * kept:g} %, {low_rank_form(reduction)}"
            found[name] = smaller(settings, model, (kind, kept), (RANK, reduction))
    for method in settings.projections:
        for reduction in settings.projected:
            name = f"{PROJECTED} {method} -{100 * reduction:g} %"
            found[name] = replace(start, start=method, reduction=reduction)
    return found


def with_seed(run: Training | Smaller, seed: int) -> Training | Smaller:
    """Return the same run with another seed."""
    from dataclasses import replace

    if isinstance(run, Smaller):
        return replace(run, run=replace(run.run, seed=seed))
    return replace(run, seed=seed)


def first_stages(runs: list[Training | Smaller]) -> list[Training]:
    """Return the runs whose models others start from, once."""
    return list(dict.fromkeys(run.run for run in runs if isinstance(run, Smaller)))
