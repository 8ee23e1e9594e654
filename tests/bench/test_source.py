"""Results name the commit that made them, and never that of somebody else's repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tfpipeline.bench import describe_source


def git(folder: Path, *arguments: str) -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    clean = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    run = subprocess.run(
        ["git", "-C", str(folder), *author, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=clean,
    )
    return run.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / "tfpipeline").mkdir(parents=True)
    (root / "docs").mkdir()
    (root / "tfpipeline" / "__init__.py").write_text("")
    (root / "docs" / "page.md").write_text("")
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "one")
    return root


def test_the_commit_of_a_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, commit = checkout / "tfpipeline", git(checkout, "rev-parse", "HEAD")
    assert describe_source(package) == {"commit": commit, "dirty": False}
    # A results page under edit changes no result.
    (checkout / "docs" / "page.md").write_text("more")
    assert describe_source(package) == {"commit": commit, "dirty": False}
    (package / "new.py").write_text("")
    assert describe_source(package) == {"commit": commit, "dirty": True}
    # Inside a hook, git names its own repository.
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))
    assert describe_source(package)["commit"] == commit


def test_an_installed_package_has_no_commit(checkout: Path, tmp_path: Path) -> None:
    unknown = {"commit": None, "dirty": None}
    installed = tmp_path / "site-packages" / "tfpipeline"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert describe_source(installed) == unknown
    # In an environment inside a repository, ignored or tracked by it.
    inside = checkout / "environment" / "tfpipeline"
    inside.mkdir(parents=True)
    (inside / "__init__.py").write_text("")
    assert describe_source(inside) == unknown
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "two")
    assert describe_source(inside) == unknown


def test_a_machine_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert describe_source(checkout / "tfpipeline") == {"commit": None, "dirty": None}
