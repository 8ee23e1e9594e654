"""Each C driver with all sources: heap allocations counted, and under the sanitizers."""

from __future__ import annotations

import sys
from collections.abc import Callable

import c_programs
import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="uses the linker's --wrap and libasan")
@pytest.mark.parametrize(
    "program",
    ["recurrent_driver", "fully_connected_driver", "fully_connected_u8_driver", "factored_driver"],
)
@pytest.mark.parametrize("mode", ["allocations", "sanitizers"])
def test_driver(mode: str, program: str, c_mode: Callable[[str], c_programs.Programs]) -> None:
    assert c_programs.run(c_mode(mode).build(f"{program}.c")) == "ok\n"
