"""Lists the folders of the package with their rules: the first lines of their docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

from imports import python_modules


def folder_table(root: Path) -> str:
    """Return a Markdown table of every folder in `tfpipeline/` and `export/` of `root`."""
    rules = {}
    for module in python_modules(root):
        if module.file.name == "__init__.py" and module.file.parent != root / "tfpipeline":
            docstring = ast.get_docstring(ast.parse(module.file.read_text(encoding="utf-8"))) or ""
            path = module.file.parent.relative_to(root).as_posix()
            rules[path] = docstring.partition("\n")[0].removesuffix(".")
    rows = [f"| `{path}` | {rules[path]} |" for path in sorted(rules)]
    return "\n".join(["| folder | holds |", "|---|---|", *rows])
