"""Sections, tables, figures and equations that the text names exist in the paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Kliegl et al. (2018), "Trace norm regularization and faster inference for embedded speech
# recognition RNNs": 2 is related work, so nothing here follows it.
SECTIONS = {"1", "3", "3.1", "3.2", "3.2.1", "3.2.2", "3.2.3", "4", "5"}
APPENDICES = {"A", "B", "B.1", "B.2", "B.3", "B.4", "B.5"}
FIGURES, TABLES, EQUATIONS = range(1, 9), range(1, 4), range(1, 11)
_SECTION = re.compile(
    r"\b(?P<kind>[Ss]ections?|[Aa]ppendix|[Aa]ppendices)\s+"
    r"(?P<names>[A-Z0-9](?:\.\d)*(?:(?:,| and)\s+(?:appendix )?[A-Z0-9](?:\.\d)*)*)\b"
)
_NUMBER = re.compile(r"\b(Figures?|Table|[Ee]quations?) \(?(\d+)\)?(?:(?: and| to) \(?(\d+)\)?)?")
#: How far behind the authors' names a citation may stand, and in between no others may.
_REACH = 160
_OTHERS = re.compile(r"et al\.|Graves|Deep Speech|Hochreiter|Prabhavalkar|Amodei|Cho ")


def citations() -> list[tuple[str, str]]:
    """Every mention of the paper with what follows it, as one line."""
    found = []
    for pattern in ("tfpipeline/**/*.py", "export/**/*.py", "docs/**/*.md", "*.md"):
        for path in sorted(ROOT.glob(pattern)):
            text = " ".join(re.sub(r"^\s*#", "", path.read_text("utf-8"), flags=re.M).split())
            for match in re.finditer(r"Kliegl et al\.", text):
                after = text[match.end() : match.end() + _REACH]
                other = _OTHERS.search(after)
                found.append((path.name, after[: other.start()] if other else after))
    return found


def unknown(text: str) -> list[str]:
    """The places in a text that the paper does not have."""
    wrong = []
    for match in _SECTION.finditer(text):
        for name in re.findall(r"[A-Z0-9](?:\.\d)*", match["names"]):
            if name not in SECTIONS | APPENDICES:
                wrong.append(f"section {name}")
    ranges = {"F": FIGURES, "T": TABLES, "E": EQUATIONS}
    for kind, first, last in _NUMBER.findall(text):
        for number in filter(None, (first, last)):
            if int(number) not in ranges[kind[0].upper()]:
                wrong.append(f"{kind} {number}")
    return wrong


def test_what_is_cited_exists() -> None:
    found = citations()
    cited = [text for _, text in found if _SECTION.search(text)]
    assert len(cited) > 15, "the pattern has lost the citations"
    wrong = {(name, place) for name, text in found for place in unknown(text)}
    assert not wrong


@pytest.mark.parametrize(
    "text",
    ["(2018), section 2.3: a", "(2018), section 2. The", "section 3.3", "appendix C", "Table 4"],
)
def test_what_does_not_exist_is_found(text: str) -> None:
    assert unknown(text)


def test_what_exists_is_not_found() -> None:
    assert not unknown("(2018), section 3.2 and appendix B, equations (2) and (3), Figure 8, 2018")
