"""Latency of models on this machine: interleaved, one thread, repeatable."""

from __future__ import annotations

from tfpipeline.bench.keyword import Candidate, KeywordRow, keyword_table
from tfpipeline.bench.machine import Machine, describe_machine
from tfpipeline.bench.source import describe_source
from tfpipeline.bench.timing import Timing, time_interleaved

__all__ = [
    "Candidate",
    "KeywordRow",
    "Machine",
    "Timing",
    "describe_machine",
    "describe_source",
    "keyword_table",
    "time_interleaved",
]
