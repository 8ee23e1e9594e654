"""The page: self-contained, escaped, complete, and clear about bad input."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tfpipeline.report import ReportError, plots, read_results, write_report
from tfpipeline.report.theme import DARK, LIGHT, THEMES

Results = dict[str, Any]
PLOTS = (
    plots.accuracy_against_size,
    plots.singular_values,
    plots.latency_bars,
    plots.confusion_matrix,
    plots.training_curves,
)
VOID = {"meta", "img", "source", "link", "br", "hr"}


class Page(HTMLParser):
    """Collects what the tests ask about, and checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.addresses: list[str] = []
        self.alternatives: list[str | None] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        named = dict(attrs)
        for key in ("src", "srcset", "href"):
            if key in named:
                self.addresses.append(named[key] or "")
        if tag == "img":
            self.alternatives.append(named.get("alt"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def page_of(results: Results, folder: Path) -> tuple[str, Page]:
    text = write_report(results, folder / "report.html").read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_shows_the_results(results: Results, tmp_path: Path) -> None:
    _, page = page_of(results, tmp_path)
    for shown in (
        results["title"],
        "float stage 1",
        "portable int8",
        "97.80 %",  # accuracy of the fused form
        "96.57 %",  # the same, streamed
        "99.80 %",  # agreement of the two int8 forms
        "4.3×",
        "13.1×",
        "39.8 kB",
        "412 (398 to 600)",
        "gru_2/recurrent_kernel",
        "8,000 train, 1,000 validation, 1,000 test",
        "1 min 24 s",
        "tfpipeline demo --seed 0",
        results["commit"],
    ):
        assert shown in page.text, shown


def test_the_page_needs_nothing_from_outside(results: Results, tmp_path: Path) -> None:
    text, page = page_of(results, tmp_path)
    assert page.addresses
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert "script" not in page.tags
    assert not re.search(r"@import|url\(", text)
    assert len(page.alternatives) == len(PLOTS)
    assert all(page.alternatives)


def test_everything_from_the_results_is_escaped(results: Results, tmp_path: Path) -> None:
    evil = '<script>alert(1)</script>"&'
    results["title"] = results["command"] = evil
    results["data"]["source"] = evil
    results["data"]["labels"] = [evil, *results["data"]["labels"][1:]]
    results["confusion"]["labels"] = results["data"]["labels"]
    results["forms"][0]["name"] = evil
    results["latency"][0]["name"] = results["latency"][0]["runtime"] = evil
    results["singular_values"][0]["matrix"] = evil
    results["versions"] = {evil: evil, "tfpipeline": evil}
    results["machine"] = {evil: evil}
    results["verification"] = {"forms": [{evil: evil}], evil: evil}
    results["seconds"] = {evil: 1.0}
    _, page = page_of(results, tmp_path)
    assert "script" not in page.tags
    assert page.text.count(evil) >= 10


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.__name__)
def test_each_plot_is_an_svg_in_the_colours_of_its_theme(
    plot: plots.Plot, theme: Any, results: Results
) -> None:
    svg = plot(results, theme)
    assert svg is not None
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert theme.ink in svg or theme.faint in svg
    other = LIGHT if theme is DARK else DARK
    assert other.ink not in svg


def test_plots_are_the_same_every_time(results: Results) -> None:
    assert plots.latency_bars(results, LIGHT) == plots.latency_bars(results, LIGHT)


@pytest.mark.parametrize("matrices", [0, 1, 3])
def test_any_number_of_matrices_fits(matrices: int, results: Results, tmp_path: Path) -> None:
    results["singular_values"] = results["singular_values"][:matrices]
    _, page = page_of(results, tmp_path)
    assert ("Singular values" in page.text) == (matrices > 0)


def test_gaps_in_the_results_are_shown_as_gaps(results: Results, tmp_path: Path) -> None:
    results["latency"] = []
    results["ratios"] = {}
    results["verification"] = {}
    results["data"]["voices"] = None
    results["training"]["stage2"] = {"history": {}, "seconds": 0.0}
    for form in results["forms"]:
        form["us_per_utterance"] = form["us_per_frame"] = None
    _, page = page_of(results, tmp_path)
    assert "Latency" not in page.text
    assert "voices" not in page.text.split("Data")[-1]


def test_a_page_is_written_whole_or_not_at_all(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("the old page", encoding="utf-8")
    results["forms"] = [{"parameters": 1}]
    with pytest.raises(KeyError):
        write_report(results, page)
    assert page.read_text(encoding="utf-8") == "the old page"
    assert list(tmp_path.iterdir()) == [page]


def test_results_are_read_back(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps(results), encoding="utf-8")
    assert read_results(file) == results


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file"),
        ("{", "cannot be read as JSON"),
        ("[1]", "expected an object"),
        ('{"title": "x"}', "forms"),
    ],
)
def test_a_bad_file_is_named_in_one_sentence(
    content: str | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ReportError, match=message) as caught:
        read_results(file)
    assert "results.json" in str(caught.value)
    assert "\n" not in str(caught.value)
