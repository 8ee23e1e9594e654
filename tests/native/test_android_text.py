"""Text to ids from Java, by the class that an app adds."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import c_programs
import pytest
from android_library import build_library, jdk
from native_tokenizer import find_metadata
from odd_texts import odd_texts
from text_models import WORDS, text_model

from tfpipeline.tokenization import Tokenizer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() != "x86_64", reason="builds for this machine"
    ),
]


def test_ids_in_java(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = jdk()
    model, tables = text_model(tmp_path)
    library = build_library(home, tmp_path_factory.mktemp("jni"))
    android = c_programs.SOURCES / "android" / "java" / "org" / "tfpipeline"
    program = c_programs.SOURCES / "tests" / "android" / "TextIds.java"
    command = [str(home / "bin" / "javac"), "-Xlint:all", "-Werror", "-Xlint:-options"]
    command += ["--release", "8", "-d", str(tmp_path)]
    subprocess.run([*command, str(android / "TfpipelineTokenizer.java"), str(program)], check=True)
    texts = odd_texts(600)
    (tmp_path / "texts").write_text("".join(f"{text.hex()}\n" for text in texts))
    java = [str(home / "bin" / "java"), f"-Djava.library.path={library.parent}"]
    java += ["-cp", str(tmp_path), "TextIds", str(model), str(tmp_path / "texts")]
    done = subprocess.run(java, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    missing, heap, empty, card, first, *found = done.stdout.splitlines()
    assert "no direct ByteBuffer" in missing and "no direct ByteBuffer" in heap
    assert "export the model with tokenizer=" in empty
    data = find_metadata(model.read_bytes(), "tfpipeline.model_card")
    assert data is not None and json.loads(card) == json.loads(data)
    ours = Tokenizer(tables)
    assert json.loads(first) == ours.encode("good é")[:] and WORDS.index("good") in json.loads(
        first
    )
    assert [json.loads(line) for line in found] == [ours.encode(text) for text in texts]
