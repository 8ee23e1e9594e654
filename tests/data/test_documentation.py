from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.data import DataError, LabelledTexts, load_documentation
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text import documentation
from tfpipeline.data.text.docstrings import docstring_sentences, sentences
from tfpipeline.data.text.near_copies import near_copies

SOURCE = '''
"""Talks about the whole module first.

    >>> and(not, about, code, here)
"""
class Box:
    """Hold the things that others put in."""
    if True:
        def put(self):
            """Put one more thing in. Then close the box again."""
def f(): pass
async def g():
    """Wait until the box is full."""
'''


def test_sentences_of_a_class_are_one_document(tmp_path: Path) -> None:
    (tmp_path / "box.py").write_text(SOURCE)
    (tmp_path / "pack" / "test").mkdir(parents=True)
    (tmp_path / "pack" / "test" / "left_out.py").write_text(SOURCE)
    (tmp_path / "pack" / "broken.py").write_text("def")
    found = docstring_sentences(tmp_path, ["box", "pack", "not_there"])
    assert {name: texts for name, texts in found.items() if texts} == {
        "box.py ": ["Talks about the whole module first."],
        "box.py Box": [
            "Hold the things that others put in.",
            "Put one more thing in.",
            "Then close the box again.",
        ],
        "box.py g": ["Wait until the box is full."],
    }
    # By brute force: all docstrings that Python's own walk finds.
    texts = [
        ast.get_docstring(node)
        for node in ast.walk(ast.parse(SOURCE))
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    wanted = sorted(line for text in texts for line in sentences(text or ""))
    assert sorted(line for lines in found.values() for line in lines) == wanted


def test_what_is_no_sentence_is_left_out() -> None:
    text = "Too short here.\n\nx = f(1, 2) + g(a[3]) / h(4.5)\n\n" + "long " * 41
    assert list(sentences(text)) == []
    assert list(sentences("One is here  now.\nTwo comes right after: Three is the last one")) == [
        "One is here now.",
        "Two comes right after:",
        "Three is the last one",
    ]


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_documents_stay_whole(sizes: list[int]) -> None:
    documents = {f"d{n}": [f"d{n} {i}" for i in range(size)] for n, size in enumerate(sizes)}
    parts = documentation.split_documents(documents)
    assert sorted(line for part in parts.values() for line in part) == sorted(
        line for lines in documents.values() for line in lines
    )
    homes = {name: {line.split()[0] for line in part} for name, part in parts.items()}
    assert not homes["train"] & homes["test"]
    assert not homes["train"] & homes["validation"]
    assert not homes["validation"] & homes["test"]
    largest = max(sizes)
    for name, share in (("train", 0.7), ("validation", 0.15), ("test", 0.15)):
        assert len(parts[name]) <= share * sum(sizes) + largest


@pytest.fixture(name="data", scope="module")
def _data() -> LabelledTexts:
    return load_documentation()


@pytest.mark.slow
def test_every_area_has_enough_sentences(data: LabelledTexts) -> None:
    assert len(data.labels) == 9
    assert data.labels == tuple(sorted(data.labels))
    assert len(data.train) > 7000
    for split, least in (("train", 300), ("validation", 60), ("test", 60)):
        assert np.bincount(data.splits()[split].y, minlength=9).min() > least
    json.dumps(data.provenance)


@pytest.mark.slow
def test_no_sentence_is_in_two_splits_nor_nearly(data: LabelledTexts) -> None:
    every = [text.lower() for split in SPLITS for text in data.splits()[split].texts]
    assert len(set(every)) == len(every)
    assert not near_copies(data.test.texts, data.train.texts + data.validation.texts).any()
    assert not near_copies(data.validation.texts, data.train.texts).any()


@pytest.mark.slow
def test_the_names_of_modules_are_masked(data: LabelledTexts) -> None:
    words = {word for text in data.train.texts for word in re.findall(r"\w+", text.lower())}
    assert documentation.MASK in words
    assert not words & {"asyncio", "tkinter", "email", "urllib", "zipfile", "datetime"}


@pytest.mark.slow
def test_it_is_the_same_again(data: LabelledTexts) -> None:
    assert load_documentation().provenance == data.provenance


def test_a_library_without_documentation_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documentation.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(DataError, match="comes with 0 documented classes, functions or pages of"):
        load_documentation()
