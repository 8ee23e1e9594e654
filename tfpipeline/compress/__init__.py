"""Compression of trained models: from stage 1 to stage 2."""

from __future__ import annotations

from tfpipeline.compress.byte_file import load_bytes, save_bytes
from tfpipeline.compress.cluster_rows import cluster_rows
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.factorize import factorize
from tfpipeline.compress.factorize_embedding import factorize_embedding
from tfpipeline.compress.fold_embedding import fold_embedding
from tfpipeline.compress.project_embedding import project_embedding
from tfpipeline.compress.prune_rows import prune_rows
from tfpipeline.compress.row_report import RowReport
from tfpipeline.compress.size_ledger import CellSizes, LedgerRow, SizeLedger, ledger
from tfpipeline.compress.truncate import truncate
from tfpipeline.compress.truncation_report import MatrixTruncation, TruncationReport
from tfpipeline.compress.two_stage_fit import TwoStageResult, two_stage_fit

__all__ = [
    "CellSizes",
    "CompressionError",
    "LedgerRow",
    "MatrixTruncation",
    "RowReport",
    "SizeLedger",
    "TruncationReport",
    "TwoStageResult",
    "cluster_rows",
    "factorize",
    "factorize_embedding",
    "fold_embedding",
    "ledger",
    "load_bytes",
    "project_embedding",
    "prune_rows",
    "save_bytes",
    "truncate",
    "two_stage_fit",
]
