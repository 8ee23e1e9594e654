"""Each C driver with all sources: heap allocations counted, and under the sanitizers."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import c_programs
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="uses the linker's --wrap and libasan"),
]


@pytest.mark.parametrize(
    "program",
    [
        *("recurrent_driver", "fully_connected_driver", "fully_connected_u8_driver"),
        *("factored_driver", "embedding_driver", "builtin_lstm_driver"),
        "tokenizer_driver",
    ],
)
@pytest.mark.parametrize("mode", ["allocations", "sanitizers"])
def test_driver(mode: str, program: str, c_mode: Callable[[str], c_programs.Programs]) -> None:
    assert c_programs.run(c_mode(mode).build(f"{program}.c")) == "ok\n"


@pytest.mark.parametrize("contract", ["tfp_op_get", "tfp_node_input", "tfp_row_stride", "none"])
@pytest.mark.parametrize("mode", ["allocations", "sanitizers"])
def test_a_broken_contract_ends_the_program(
    mode: str, contract: str, c_mode: Callable[[str], c_programs.Programs]
) -> None:
    program = c_mode(mode).build("assert_driver.c")
    done = subprocess.run([program, contract], capture_output=True, text=True, check=False)
    if contract == "none":
        assert (done.returncode, done.stdout) == (0, "begin\nend\n")
    else:
        assert done.returncode not in (0, 2) and done.stdout == "begin\n", done


@pytest.mark.skipif(sys.platform != "linux", reason="uses the linker's --wrap")
def test_kernels_and_ops_assert_what_callers_promise(
    c_mode: Callable[[str], c_programs.Programs],
) -> None:
    program = c_mode("allocations").build("assertion_driver.c")
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert done.returncode in (-signal.SIGILL, -signal.SIGTRAP), done
