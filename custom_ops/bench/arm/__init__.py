"""What AArch64 kernels cost, counted under qemu: no Arm machine, no clock."""

from __future__ import annotations

from arm.a53 import a53_cycles
from arm.measure import Measurement, Subject, measure
from arm.tools import ArmBenchError, Tools

__all__ = ["ArmBenchError", "Measurement", "Subject", "Tools", "a53_cycles", "measure"]
