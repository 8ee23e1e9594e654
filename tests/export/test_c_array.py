"""A model as C source, compiled, against the file's bytes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from small_model import Exported

from tfpipeline.export import ExportError, write_c_array

_PROGRAM = """
#include <stdio.h>
#include <stdint.h>
#include "{header}"

int main(void) {{
  if ((uintptr_t){name} % 16 != 0) return 1;
  return fwrite({name}, 1, {name}_len, stdout) == {name}_len ? 0 : 2;
}}
"""


def compiler(*names: str) -> str:
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    return found


@pytest.mark.parametrize(
    ("suffix", "names", "standard"),
    [
        (".c", ("gcc", "cc", "clang"), "c11"),
        (".c", ("gcc", "cc", "clang"), "c99"),
        (".cc", ("g++", "c++", "clang++"), "c++11"),
    ],
)
def test_the_compiled_array_has_the_bytes_of_the_file(
    exported: Exported,
    tmp_path: Path,
    suffix: str,
    names: tuple[str, ...],
    standard: str,
) -> None:
    model: Path = exported.report.stream_portable
    source, header = write_c_array(model, tmp_path / f"kws model{suffix}")
    assert (source.name, header.name) == (f"kws model{suffix}", "kws model.h")
    main = tmp_path / f"main{suffix}"
    main.write_text(_PROGRAM.format(header=header.name, name="kws_stream_tflite"))
    program = tmp_path / "program"
    command = [compiler(*names), f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run([*command, str(source), str(main), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout == model.read_bytes()


def test_the_text_depends_on_the_model_only(exported: Exported, tmp_path: Path) -> None:
    texts = []
    for folder in ("one", "two"):
        files = write_c_array(exported.report.portable, tmp_path / folder / "kws.c", name="model")
        texts.append([file.read_text() for file in files])
        assert sorted(tmp_path.joinpath(folder).iterdir()) == sorted(files)
    assert texts[0] == texts[1]
    assert "extern const unsigned char model[];" in texts[0][1]
    assert "#ifndef KWS_H_" in texts[0][1]


def test_a_file_name_cannot_leave_its_comment(exported: Exported, tmp_path: Path) -> None:
    odd = tmp_path / "9 *.tflite"
    odd.write_bytes(Path(exported.report.portable).read_bytes())
    source, header = write_c_array(odd, tmp_path / "odd.c")
    assert "9__.tflite" in header.read_text() and "_9_tflite[]" in header.read_text()
    subprocess.run([compiler("gcc", "cc"), "-c", str(source), "-o", "/dev/null"], check=True)


def test_what_cannot_be_written_is_one_sentence(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("this is no model")
    model = exported.report.portable
    for path, c_path, name, message in (
        (tmp_path / "no.tflite", "m.c", None, "no.tflite cannot be read .No such file"),
        (tmp_path / "text.tflite", "m.c", None, "text.tflite is not a .tflite file"),
        (model, "m.txt", None, r"c_path must end in .c, .cc, .cpp, received"),
        (model, "m.c", "1 + 1", r"name must be one that C allows, .* received '1 \+ 1'"),
    ):
        with pytest.raises(ExportError, match=message):
            write_c_array(path, tmp_path / "out" / c_path, name)
    assert not (tmp_path / "out").exists()
