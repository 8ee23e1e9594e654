"""CONTRIBUTING.md teaches to add a recurrent cell: this follows the page in a copy of the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import c_programs
import pytest

from tfpipeline.runtime.native import LIBRARY_VARIABLE

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("custom_ops", "export", "tests", "tfpipeline")
BLOCK = re.compile(r"^`([^`\n]+)`:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPEC = "custom_ops/spec/"
#: Files of tests by what is chosen of them: NumPy, golden bytes, kernels, a runtime; an export.
TESTS = {
    "minimal or both_sides_have_the_same_cells": [
        f"tests/native/test_{part}.py"
        for part in ("cells", "golden", "kernels", "recurrent_options", "numerics", "interpreter")
    ],
    "minimal and (int8 or float_output)": ["tests/export/test_recurrent_kinds.py"],
}


def blocks() -> list[tuple[str, str, str]]:
    """Path, language and text of every block of the page's section that names a file."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.split("## Add a recurrent cell\n")[1].split("\n## ")[0]
    return BLOCK.findall(section)


def changed(text: str, hunk: str) -> str:
    """The text after one part of a diff, whose old lines it must have once, in any spacing."""
    lines, edits = text.splitlines(), hunk.splitlines()
    old = [line[1:].split() for line in edits if line[:1] != "+"]
    found = [i for i in range(len(lines)) if [x.split() for x in lines[i : i + len(old)]] == old]
    assert len(found) == 1, f"{len(found)} places for\n{hunk}"
    kept, new = iter(lines[found[0] : found[0] + len(old)]), []
    for edit in edits:
        if edit[:1] == "+":
            new.append(edit[1:])
        elif edit[:1] == "-":
            next(kept)
        else:
            new.append(next(kept))
    lines[found[0] : found[0] + len(old)] = new
    return "\n".join(lines) + "\n"


def follow(tree: Path) -> None:
    """Writes and changes the files of the page in a copy of the repository."""
    for path, language, text in blocks():
        file = tree / path
        assert file.exists() == (language == "diff"), path
        if language == "diff":
            content = file.read_text(encoding="utf-8")
            for hunk in re.split(r"^@@\n", text, flags=re.MULTILINE):
                content = changed(content, hunk)
            text = content
        file.write_text(text, encoding="utf-8")


def build_plugin(tree: Path) -> Path:
    """The plug-in of the copy."""
    library = tree / "libtfpipeline_ops.so"
    sources = sorted(
        str(file)
        for folder in ("kernels", "ops", "text", "plugin")
        for file in (tree / "custom_ops" / folder).rglob("*.[cS]")
    )
    flags = [*c_programs.FLAGS, "-O0", "-fPIC", "-shared", "-pthread"]
    done = subprocess.run(
        [c_programs.compiler(), *flags, *sources, "-o", str(library)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return library


def test_the_page_names_eight_files_beside_the_spec() -> None:
    paths = [path for path, _, _ in blocks()]
    assert len(set(paths)) == len(paths)
    assert len([path for path in paths if not path.startswith(SPEC)]) == 8


def test_a_cell_that_follows_the_page_has_all_forms(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    ignored = shutil.ignore_patterns("__pycache__", "_native", "*.so")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tree)
    follow(tree)
    # Where an installation has the package tfpipeline.export.
    shutil.copytree(tree / "export", tree / "tfpipeline" / "export")
    outside = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = {
        **outside,
        "PYTHONPATH": os.pathsep.join([str(tree), str(tree / "tests" / "support")]),
        LIBRARY_VARIABLE: str(build_plugin(tree)),
    }

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    python("tests/native/make_golden.py")
    assert (tree / SPEC / "minimal_golden.json").is_file()
    for chosen, files in TESTS.items():
        said = python("-m", "pytest", "-v", "-p", "no:cacheprovider", *files, "-k", chosen)
        passed = re.findall(r"^(tests/\S+\.py)::.* PASSED", said, re.MULTILINE)
        assert set(passed) == set(files), said
