"""No module needs, directly or by others, a module that needs it: in Python's imports and in C's
includes, where a header and the source file of the same name count as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from imports import ROOT, python_modules
from test_dependencies import INCLUDE

Graph = Mapping[str, set[str]]


def circles(graph: Graph) -> list[list[str]]:
    """Return the groups of nodes that reach each other, or themselves, each group sorted."""
    reached = {node: set(_reachable(graph, node)) for node in graph}
    found = {
        tuple(sorted({node, *(other for other in reached[node] if node in reached[other])}))
        for node in graph
        if node in reached[node]
    }
    return sorted(map(list, found))


def _reachable(graph: Graph, start: str) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [*graph[start]]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += graph[node]
            yield node


def python_graph(root: Path, lazy: bool = False) -> Graph:
    """Return which module imports which, below `tfpipeline/` and `export/` of `root`.

    Args:
        root: The repository.
        lazy: Whether imports inside functions and for type checkers count too. Those of the lazy
            root package never do: it names all that it gives.
    """
    modules = {one.name.removesuffix(".__init__"): one for one in python_modules(root)}

    def module_of(name: str) -> str | None:
        while name and name not in modules:
            name = name.rpartition(".")[0]
        return name or None

    graph: dict[str, set[str]] = {}
    for name, module in modules.items():
        counted = [i for i in module.imports() if not i.lazy or (lazy and name != "tfpipeline")]
        targets = {module_of(item.module) for item in counted}
        graph[name] = {target for target in targets if target is not None and target != name}
    return graph


def native_graph(root: Path) -> Graph:
    """Return which C unit includes which, below `custom_ops/` of `root`: a unit is `<name>.h`, its
    `<name>.c` and whatever else has that name in the folder."""
    base = root / "custom_ops"
    # Where compilers are told to look, beside the folder of the file itself.
    folders = [base, *sorted(p for p in base.rglob("*") if p.is_dir())]
    kinds = {".c", ".h", ".inc", ".S", ".cc"}
    graph: dict[str, set[str]] = {}

    def unit(file: Path) -> str:
        return file.resolve().relative_to(base.resolve()).with_suffix("").as_posix()

    for file in sorted(f for f in base.rglob("*") if f.suffix in kinds):
        included = graph.setdefault(unit(file), set())
        for bracket, header in INCLUDE.findall(file.read_text(encoding="utf-8")):
            if bracket == "<":
                continue
            places = [folder / header for folder in (file.parent, *folders)]
            target = next((place for place in places if place.is_file()), None)
            assert target is not None, f'{file.name}: there is no "{header}"'
            if unit(target) != unit(file):
                included.add(unit(target))
            elif target.resolve() == file.resolve():
                included.add(unit(file))
    return graph


def test_no_circle_when_modules_are_imported() -> None:
    assert circles(python_graph(ROOT)) == []


def test_no_circle_of_any_imports() -> None:
    assert circles(python_graph(ROOT, lazy=True)) == []


def test_no_circle_of_includes() -> None:
    graph = native_graph(ROOT)
    assert len(graph) > 100 and sum(map(len, graph.values())) > 200
    assert circles(graph) == []


def tree(root: Path, files: Mapping[str, str]) -> Path:
    (root / "custom_ops" / "plugin").mkdir(parents=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("back", "lazy"),
    [
        ("from tfpipeline.data import a", False),
        ("from .a import A", False),
        ("if True:\n    from ..data.a import A", False),
        ("def f():\n    from .a import A", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import A", True),
        ("import importlib\ndef f():\n    importlib.import_module('tfpipeline.data.a')", True),
    ],
)
def test_a_circle_of_imports_is_found(tmp_path: Path, back: str, lazy: bool) -> None:
    files = {"a": "from .b import B", "b": "from tfpipeline.data.c import C", "c": back}
    root = tree(tmp_path, {f"tfpipeline/data/{name}.py": text for name, text in files.items()})
    circle = [f"tfpipeline.data.{name}" for name in files]
    assert circles(python_graph(root)) == ([] if lazy else [circle])
    assert circles(python_graph(root, lazy=True)) == [circle]


def test_a_module_that_asks_its_package_is_a_circle(tmp_path: Path) -> None:
    files = {"export/__init__.py": "from .a import A, B", "export/a.py": "from . import B"}
    root = tree(tmp_path, files)
    assert circles(python_graph(root)) == [["tfpipeline.export", "tfpipeline.export.a"]]


def test_the_lazy_root_may_name_everything(tmp_path: Path) -> None:
    listed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import data"
    files = {"tfpipeline/__init__.py": listed, "tfpipeline/data.py": "import tfpipeline"}
    assert circles(python_graph(tree(tmp_path, files), lazy=True)) == []


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"a.h": '#include "b.h"', "b.h": '#include "a.h"'}, ["plugin/a", "plugin/b"]),
        ({"a.h": "", "a.c": '#include "b.h"', "b.h": '#include "a.h"'}, ["plugin/a", "plugin/b"]),
        ({"a.h": "", "b.h": "", "a.c": '#include "b.h"', "b.c": '#include "a.h"'},
         ["plugin/a", "plugin/b"]),
        ({"x/a.h": '#include "../b.h"', "b.h": '#  include "plugin/x/a.h"'},
         ["plugin/b", "plugin/x/a"]),
        ({"a.inc": '#include "a.inc"'}, ["plugin/a"]),
    ],
)  # fmt: skip
def test_a_circle_of_includes_is_found(
    tmp_path: Path, files: dict[str, str], circle: list[str]
) -> None:
    root = tree(tmp_path, {f"custom_ops/plugin/{name}": text for name, text in files.items()})
    assert circles(native_graph(root)) == [circle]


def test_a_header_and_its_source_are_no_circle(tmp_path: Path) -> None:
    files = {"a.h": "#include <stdint.h>", "a.c": '#include "a.h"\n#include "b.h"', "b.h": ""}
    root = tree(tmp_path, {f"custom_ops/plugin/{name}": text for name, text in files.items()})
    assert circles(native_graph(root)) == []
