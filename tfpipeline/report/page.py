"""Puts the results on one HTML page that needs no other file and no network."""

from __future__ import annotations

import os
from pathlib import Path

from tfpipeline.report import sections
from tfpipeline.report.markup import attribute, text
from tfpipeline.report.results import Results, check_results
from tfpipeline.report.stylesheet import stylesheet


def write_report(results: Results, path: str | os.PathLike[str]) -> Path:
    """Write the page to `path`, whole or not at all, and return the path.

    Args:
        results: what `results.json` holds.
        path: the `.html` file to write.

    Raises:
        ReportError: a part that the page needs is missing from `results`.

    Example:
        `write_report(read_results("demo-out/results.json"), "demo-out/report.html")`
    """
    page = render(check_results(results))
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_text(page, encoding="utf-8")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def render(results: Results) -> str:
    """Return the page as a text."""
    parts = [
        sections.headline(results),
        sections.forms(results),
        sections.accuracy_against_size(results),
        sections.latency(results),
        sections.singular_values(results),
        sections.confusion(results),
        sections.training(results),
        sections.verification(results),
        sections.data(results),
        sections.provenance(results),
    ]
    title = str(results["title"])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="{attribute(_generator(results))}">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{text(title)}</title>
<style>
{stylesheet()}
</style>
</head>
<body>
<main>
{"".join(part for part in parts if part)}
</main>
</body>
</html>
"""


def _generator(results: Results) -> str:
    version = results.get("versions", {}).get("tfpipeline", "")
    return f"tfpipeline {version}".strip()
