"""One self-contained HTML page from the results of the main job."""

from __future__ import annotations

from tfpipeline.report.page import write_report
from tfpipeline.report.results import ReportError, read_results

__all__ = ["ReportError", "read_results", "write_report"]
