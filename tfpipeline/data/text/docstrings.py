"""Sentences of the docstrings of Python's library."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

Documents = dict[str, list[str]]
"""Sentences by the name of what they describe."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

_LEFT_OUT = {"test", "tests", "idle_test"}
_PROMPTS = (">>>", "...", "$", "%")
_FEWEST_WORDS, _MOST_WORDS = 4, 40
# Of the characters of a sentence; what has less is code, a table or a formula.
_LETTERS = 0.65


def docstring_sentences(library: Path, names: list[str]) -> Documents:
    """Return the sentences of each module, and of each class (with its methods) and function in it.

    Sources are parsed and not run.

    Args:
        library: the folder of the standard library.
        names: of modules and packages; those that are not there are passed over.
    """
    found: Documents = {}
    for name in names:
        for file in (library / f"{name}.py", *sorted((library / name).rglob("*.py"))):
            inside = file.relative_to(library)
            if not file.is_file() or _LEFT_OUT & set(inside.parts):
                continue
            for place, text in _docstrings(file):
                found.setdefault(f"{inside.as_posix()} {place}", []).extend(sentences(text))
    return found


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of prose, without paragraphs of code and what is no sentence.

    Example:
        >>> list(sentences("Return the value of it. See there."))
        ['Return the value of it.']
    """
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.lstrip().startswith(_PROMPTS):
            continue
        plain = " ".join(re.sub(r"[^ -~\s]", " ", paragraph).split())
        for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z])", plain):
            words = re.findall(r"[A-Za-z]+", sentence)
            letters = sum(map(len, words))
            if _FEWEST_WORDS <= len(words) <= _MOST_WORDS and letters > _LETTERS * len(sentence):
                yield sentence


def _docstrings(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each docstring, and the name of the class or function at the top that has it."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return  # Pythons differ in what they have; the hash tells.
    yield "", ast.get_docstring(tree) or ""
    for top in tree.body:
        for node in _definitions(top):
            yield getattr(top, "name", ""), ast.get_docstring(node) or ""


def _definitions(node: ast.AST) -> Iterator[Definition]:
    """Yield the classes and functions of a statement, without a look at its expressions."""
    if isinstance(node, Definition):
        yield node
    for block in ("body", "orelse", "handlers", "finalbody"):
        for statement in getattr(node, block, ()):
            yield from _definitions(statement)
