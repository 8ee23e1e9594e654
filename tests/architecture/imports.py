"""Reads what every module of the package imports, without importing any of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Folders of the repository, and the packages that they are when installed.
FOLDERS = (("tfpipeline", "tfpipeline"), ("export", "tfpipeline.export"))


@dataclass(frozen=True)
class Module:
    """A Python file of the package.

    Args:
        name: how it is imported, with `.__init__` where it is a package: "tfpipeline.data.errors".
        file: where it is.
    """

    name: str
    file: Path

    @property
    def inside(self) -> list[str]:
        """The name without the package's own, in parts: `["data", "errors"]`."""
        return self.name.split(".")[1:]

    def imports(self) -> Iterator[Import]:
        tree = ast.parse(self.file.read_text(encoding="utf-8"), str(self.file))
        return imports_of(tree, self.name.rpartition(".")[0])


def python_modules(root: Path) -> list[Module]:
    """Return every module below `tfpipeline/` and `export/` of `root`, by folder and path."""
    found = []
    for folder, package in FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            inside = file.relative_to(root / folder).with_suffix("").parts
            found.append(Module(".".join([package, *inside]), file))
    return found


@dataclass(frozen=True)
class Import:
    module: str
    line: int
    lazy: bool


def imports_of(tree: ast.AST, package: str, lazy: bool = False) -> Iterator[Import]:
    """Yield every import at any depth; `package` resolves the relative ones."""
    for node in ast.iter_child_nodes(tree):
        inner = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(name.name, node.lineno, lazy)
        elif isinstance(node, ast.ImportFrom):
            base = resolve("." * node.level + (node.module or ""), package)
            for name in node.names:
                yield Import(f"{base}.{name.name}", node.lineno, lazy)
        elif isinstance(node, ast.Call) and is_dynamic_import(node):
            target = node.args[0]
            assert isinstance(target, ast.Constant)
            yield Import(resolve(target.value, package), node.lineno, lazy)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for branch, branch_lazy in ((node.body, True), (node.orelse, inner)):
                yield from imports_of(ast.Module(branch, []), package, branch_lazy)
        else:
            yield from imports_of(node, package, inner)


def is_dynamic_import(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    literal = bool(call.args) and isinstance(call.args[0], ast.Constant)
    return literal and name in {"__import__", "import_module", "importlib.import_module"}


def resolve(module: str, package: str) -> str:
    level = len(module) - len(module.lstrip("."))
    if level == 0:
        return module
    parents = package.split(".")
    return ".".join([*parents[: len(parents) - level + 1], module.lstrip(".")]).rstrip(".")
