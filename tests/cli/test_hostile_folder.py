"""No process of ours runs what lies in the folder where a user works."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_model import Exported, walk

from tfpipeline.data import synthesize_corpus
from tfpipeline.worker_process import python_command, spawning, worker_command, worker_environment

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
MARK = "RAN"
#: Of ours, of others, and of the standard library what starts late.
SHADOWS = (
    *("ai_edge_litert", "flatbuffers", "h5py", "keras", "numpy", "tensorflow", "espeakng_loader"),
    *("argparse", "json", "pickle", "platform", "queue", "random", "socket", "struct", "tempfile"),
)
STEPS = ("doctor", "train", "compress", "export", "inspect", "verify", "run", "benchmark", "report")
STARTERS = ("study", "other_runtime", "bench")


def shadowed(folder: Path) -> Path:
    """Fills a folder with modules that say that they ran, and with a package like ours."""
    (folder / "tfpipeline").mkdir()
    files = [*(folder / f"{name}.py" for name in SHADOWS), folder / "tfpipeline" / "__init__.py"]
    for file in files:
        mark = f"open({str(folder / MARK)!r}, 'a').write({file.name!r} + ' ')\n"
        file.write_text(mark + "raise ImportError('this is the current folder')\n")
    return folder


def ran(folder: Path) -> str:
    """What ran of it."""
    mark = folder / MARK
    return mark.read_text() if mark.exists() else ""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder whose modules shadow others."""
    monkeypatch.chdir(shadowed(tmp_path))
    return tmp_path


def results() -> dict[str, Any]:
    """Those of the report's own tests."""
    spec = importlib.util.spec_from_file_location("made_up", ROOT / "tests/report/conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: dict[str, Any] = module.example_results()
    return made


@pytest.fixture(scope="module")
def finished(
    exported: Exported, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, int], str, str]:
    """Statuses of all steps, what they said, and what of the folder ran."""
    made = tmp_path_factory.mktemp("made")
    corpus, samples, keras_file = made / "corpus", made / "x.npy", made / "model.keras"
    synthesize_corpus(corpus, seed=5, train_clips=24, validation_clips=12, test_clips=12)
    np.save(samples, walk(40))
    np.save(made / "one.npy", walk(1)[0])
    exported.model.save(keras_file)
    (made / "results.json").write_text(json.dumps(results()))
    portable = str(made / "kws.tflite")
    small = ["--data", str(corpus), "--limit", "24", "--quick"]
    loose = ["--agreement", "0", "--relative-error", "1"]
    steps: dict[str, list[str]] = {
        "doctor": ["--json"],
        "train": [*small, "--out", str(made / "stage1.keras")],
        "compress": [str(made / "stage1.keras"), *small, "--rank", "4"]
        + ["--out", str(made / "stage2.keras")],
        "export": [str(keras_file), "--calibration", str(samples), "--out", portable, *loose],
        "inspect": [portable, "--try"],
        "verify": [portable, "--model", str(keras_file), "--verification", str(samples), *loose],
        "run": [str(made / "one.npy"), "--model", portable],
        "benchmark": [portable, "--rounds", "1"],
        "report": [str(made / "results.json")],
        "study": [str(made)],
        "other_runtime": [portable, str(samples)],
        "bench": ["row_of_a_mode"],
    }
    (made / "steps.json").write_text(json.dumps(list(steps.items())))
    folder = shadowed(tmp_path_factory.mktemp("hostile"))
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "run_verbs.py"), str(made / "steps.json")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1]), done.stderr, ran(folder)


@pytest.mark.long
@pytest.mark.parametrize("step", [*STEPS, *STARTERS])
def test_every_verb_works_in_a_folder_full_of_other_modules(
    finished: tuple[dict[str, int], str, str], step: str
) -> None:
    statuses, said, executed = finished
    assert executed == ""
    assert statuses[step] == 0, said[-4000:]


def path_of(command: list[str]) -> list[str]:
    done = subprocess.run(
        command, env=worker_environment(), capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("entries", ["", ".", os.pathsep, f"..{os.pathsep}", "./", "sub/.."])
def test_no_entry_of_the_environment_means_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, entries: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", entries)
    path = path_of(python_command("-c", "import json, sys; print(json.dumps(sys.path))"))
    assert "" not in path and str(folder) not in path
    assert ran(folder) == ""


def test_folders_that_are_named_stay_on_the_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lib").mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["lib", "", str(folder.parent)]))
    path = path_of(python_command("-c", "import json, sys; print(json.dumps(sys.path))"))
    assert path[:2] == [str(folder / "lib"), str(folder.parent)]


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be deleted there")
def test_a_current_folder_that_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep)
    assert "PYTHONPATH" not in worker_environment()
    assert "" not in path_of(python_command("-c", "import json, sys; print(json.dumps(sys.path))"))


def test_processes_of_a_worker_are_as_careful(folder: Path) -> None:
    grandchild = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import json'])"
    subprocess.run(python_command("-c", grandchild), env=worker_environment(), check=True)
    assert ran(folder) == ""


def test_the_environment_of_this_process_comes_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep)
    monkeypatch.syspath_prepend("")
    environment, path = dict(os.environ), list(sys.path)
    with spawning() as context:
        assert os.environ["PYTHONSAFEPATH"] == "1" and "PYTHONPATH" not in os.environ
        assert "" not in sys.path
        process = context.Process(target=os.getpid)
        process.start()
        process.join()
        assert process.exitcode == 0
    assert dict(os.environ) == environment and sys.path == path
    assert ran(folder) == ""


def test_the_command_as_a_module(folder: Path) -> None:
    # Python itself imports some of its library before we can say anything.
    for name in ("argparse", "struct"):
        (folder / f"{name}.py").unlink(missing_ok=True)
    (folder / "tfpipeline" / "__init__.py").unlink()
    (folder / "tfpipeline").rmdir()
    done = subprocess.run(
        [sys.executable, "-m", "tfpipeline.cli", "doctor"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ran(folder) == ""
    assert worker_command("tfpipeline.cli")[1:] == ["-P", "-m", "tfpipeline.cli"]


STARTERS_BY_NAME = ("multiprocessing.Process(", "multiprocessing.Pool(", "os.exec", "os.spawn")


def starts(tree: ast.AST) -> Iterator[str]:
    """What in a module starts a Python process, or says how."""
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Call) else ""
        if text == "sys.executable" or text.endswith(".get_context"):
            yield text
        if text.startswith(STARTERS_BY_NAME):
            yield text
        if isinstance(node, ast.Call) and text.startswith("ProcessPoolExecutor("):
            yield from () if "mp_context=" in text else (text,)


#: Where it is printed, or names the folder of another program.
OTHER_USES = {
    "tfpipeline/worker_process.py",
    "tfpipeline/cli/doctor.py",
    "custom_ops/bench/arm/tools.py",
    "export/convert/worker.py",
}


def test_every_process_starts_by_the_one_helper() -> None:
    found = set()
    files = [f for d in ("tfpipeline", "export", "custom_ops") for f in (ROOT / d).rglob("*.py")]
    for file in files:
        if any(starts(ast.parse(file.read_text(encoding="utf-8")))):
            found.add(file.relative_to(ROOT).as_posix())
    assert len(files) > 200 and found == OTHER_USES
