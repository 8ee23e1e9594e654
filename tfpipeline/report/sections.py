"""The sections of the page, top to bottom; each takes results and returns HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfpipeline.report import plots
from tfpipeline.report.markup import NOTHING, definitions, picture, section, table, text
from tfpipeline.report.results import Results


def headline(results: Results) -> str:
    """Return the title and the few numbers that matter."""
    forms = {form["name"]: form for form in results["forms"]}
    ratios = results.get("ratios", {})
    stage1, stage2 = _find(forms, "stage 1"), _find(forms, "stage 2")
    fused = _find(forms, "fused")
    numbers: list[tuple[str, str]] = []
    if fused:
        numbers.append((percent(fused["test_accuracy"]), "test accuracy of the fused int8 model"))
        numbers.append((kilobytes(fused["bytes"]), "its size"))
    if fused and stage1 and stage1["bytes"]:
        share = stage1["bytes"] / fused["bytes"]
        numbers.append((f"{share:.1f}×", "smaller than the float model it came from"))
    elif stage2 and stage1:
        numbers.append((percent(stage2["test_accuracy"]), "test accuracy of stage 2"))
    if ratios.get("fused_vs_stock"):
        numbers.append((f"{ratios['fused_vs_stock']:.1f}×", "as fast as the stock Keras GRU"))
    if ratios.get("fused_vs_portable"):
        numbers.append((f"{ratios['fused_vs_portable']:.1f}×", "as fast as our portable model"))
    if ratios.get("portable_vs_fused_agreement") is not None:
        agreement = percent(ratios["portable_vs_fused_agreement"], 2)
        numbers.append((agreement, "agreement of both int8 models on the test utterances"))
    tiles = "".join(
        f'<div class="tile"><b>{text(value)}</b><span>{text(what)}</span></div>'
        for value, what in numbers
    )
    kind = (
        " A quick run: it shows that everything works, not how well."
        if results.get("quick")
        else ""
    )
    intro = (
        "Speech in, a compressed and verified int8 model out: trained, shrunk by its singular "
        f"values, exported in two forms and measured on this machine.{kind}"
    )
    return (
        f"<header><h1>{text(results['title'])}</h1><p>{text(intro)}</p></header>\n"
        f'<div class="tiles">{tiles}</div>\n'
    )


def forms(results: Results) -> str:
    """Return the table of every form of the model."""
    rows = [
        (
            form["name"],
            count(form.get("parameters")),
            percent(form.get("kernel_share_of_dense"), 0),
            kilobytes(form.get("bytes")),
            percent(form.get("test_accuracy"), 2),
            percent(form.get("streamed_accuracy"), 2),
            percent(form.get("agreement_with_stage2"), 2),
            microseconds(form.get("us_per_utterance")),
            microseconds(form.get("us_per_frame")),
        )
        for form in results["forms"]
    ]
    best = next((i for i, row in enumerate(rows) if "fused" in row[0].lower()), None)
    header = (
        "form",
        "parameters",
        "kernels, of dense",
        "size",
        "test accuracy",
        "streamed",
        "agreement with stage 2",
        "µs an utterance",
        "µs a frame",
    )
    return section(
        "The forms of the model",
        table(header, rows, best),
        note="Accuracy is on test clips whose voices were never heard in training; streamed, the "
        "same clips follow each other in long recordings, and no state is ever reset. Kernels are "
        "counted against the same layers unfactored; a float parameter takes four bytes. Agreement "
        "is the share of clips with the label that stage 2 chooses, near ties aside. Times are "
        "medians on one thread.",
    )


def accuracy_against_size(results: Results) -> str:
    return section(
        "Accuracy against size",
        picture(plots.accuracy_against_size, results, "Test accuracy of each form over its size"),
    )


def latency(results: Results) -> str:
    """Return the bars and the numbers under them."""
    rows = [
        (
            row["name"],
            row.get("runtime") or NOTHING,
            kilobytes(row.get("bytes")),
            spread(row.get("us_per_utterance")),
            spread(row.get("us_per_frame")),
        )
        for row in results["latency"]
    ]
    if not rows:
        return ""
    return section(
        "Latency",
        picture(plots.latency_bars, results, "Latency of each model, as bars"),
        table(("model", "runtime", "size", "µs an utterance", "µs a frame"), rows),
        note="Measured in one run, interleaved, one thread: median (least to most of the rounds).",
    )


def singular_values(results: Results) -> str:
    rows = [
        (
            row["matrix"],
            row["rank_before"],
            row["rank_after"],
            percent(row.get("explained_variance"), 1),
        )
        for row in results["singular_values"]
    ]
    if not rows:
        return ""
    return section(
        "Singular values before and after",
        picture(plots.singular_values, results, "Singular values of each matrix in both stages"),
        table(("matrix", "rank in stage 1", "rank in stage 2", "explained variance"), rows),
        note="Stage 1 trains under a trace norm, which empties the tail; "
        "the dashed line is the rank that was kept.",
    )


def confusion(results: Results) -> str:
    form = results["confusion"].get("form", "the model")
    return section(
        "Confusion matrix",
        picture(plots.confusion_matrix, results, "Spoken against predicted labels"),
        note=f"Test clips through {form}; a row is what was spoken.",
    )


def training(results: Results) -> str:
    times = [
        f"stage {name[-1]} took {seconds(stage['seconds'])}"
        for name, stage in results["training"].items()
        if isinstance(stage, Mapping) and stage.get("seconds") is not None
    ]
    note = ", ".join(times)
    return section(
        "Training",
        picture(plots.training_curves, results, "Accuracy and loss over the epochs"),
        note=f"{note[:1].upper()}{note[1:]}." if note else "",
    )


def verification(results: Results) -> str:
    """Return what the exporter checked before it returned."""
    report = results.get("verification") or {}
    rows = report.get("forms") if isinstance(report, Mapping) else None
    content = ""
    if isinstance(rows, list) and rows and all(isinstance(row, Mapping) for row in rows):
        columns = [key for key in rows[0] if key not in {"path"} and _plain(rows[0][key])]
        content += table(
            [key.replace("_", " ") for key in columns],
            [[_of(key, row.get(key)) for key in columns] for row in rows],
        )
    if isinstance(report, Mapping):
        plain = [(k.replace("_", " "), _of(k, v)) for k, v in report.items() if _plain(v)]
        bounds = report.get("tolerances")
        if isinstance(bounds, Mapping):
            said = (f"{name.replace('_', ' ')} {_short(bound)}" for name, bound in bounds.items())
            plain.append(("bounds", ", ".join(said)))
        content += definitions(plain) if plain else ""
    if not content:
        return ""
    return section(
        "Verification",
        content,
        note="Before the export returned, every file ran on held-out audio against Keras.",
    )


def data(results: Results) -> str:
    info = results["data"]
    items: list[tuple[str, object]] = [
        ("source", info.get("source", NOTHING)),
        ("labels", ", ".join(map(str, info.get("labels", [])))),
    ]
    for name, what in (("counts", "clips"), ("voices", "voices")):
        values = info.get(name) or {}
        if values:
            items.append((what, ", ".join(f"{count(n)} {split}" for split, n in values.items())))
    items.append(("files skipped", info.get("skipped", 0)))
    items.append(("files converted", info.get("converted", 0)))
    return section("Data", definitions(items))


def provenance(results: Results) -> str:
    """Return everything that somebody needs to get the same page again."""
    machine = results.get("machine", {})
    items: list[tuple[str, object]] = [
        ("command", results.get("command", NOTHING)),
        ("seed", results.get("seed", NOTHING)),
        ("created", results.get("created", NOTHING)),
    ]
    if results.get("commit"):
        changed = " with changes" if results.get("dirty") else ""
        items.append(("commit", f"{results['commit']}{changed}"))
    items += [(name, _short(value)) for name, value in machine.items()]
    items += [(name, value or NOTHING) for name, value in results.get("versions", {}).items()]
    steps = [(step, seconds(value)) for step, value in results.get("seconds", {}).items()]
    content = definitions(items)
    if steps:
        content += "<h3>Time of each step</h3>\n" + definitions(steps)
    return section("How this was made", content)


def percent(value: float | None, digits: int = 1) -> str:
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def kilobytes(value: float | None) -> str:
    return NOTHING if value is None else f"{value / 1000:,.1f} kB"


def count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def microseconds(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def spread(timing: Mapping[str, float] | None) -> str:
    if not timing:
        return NOTHING
    low, middle, high = (microseconds(timing[key]) for key in ("min", "median", "max"))
    return f"{middle} ({low} to {high})"


def seconds(value: float) -> str:
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {value % 60:.0f} s"


def _find(forms_by_name: Mapping[str, Any], word: str) -> Any:
    return next((form for name, form in forms_by_name.items() if word in name.lower()), None)


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool) or value is None


def _of(key: str, value: Any) -> str:
    """Return a value of the verification: shares of decisions as percentages."""
    if "agree" in key and "disagree" not in key and isinstance(value, int | float):
        return percent(value, 2)
    return _short(value)


def _short(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
