"""Experiments with a question, a command and a result that others can get again.

A study is a module with

* `HELP`: one line that says what it finds out;
* `add_arguments(parser)`: its own options, beside `--out`, `--quick` and `--processes`;
* `run(out, quick=..., processes=..., command=..., **own_options) -> StudyResult`;

and light to import, because the command line reads the first two for its help.

It keeps every finished row on disk (`common.rows.RowStore`), so that an interrupted study goes on
where it stopped, and writes a CSV file and a JSON file that says how the rows came about
(`common.provenance.describe_run`). A study that trains compares at least three seeds, selects on
validation data only, and reports mean and spread.
"""

from __future__ import annotations

import importlib
from types import ModuleType

STUDIES = {
    "export-matrix": "tfpipeline.studies.export.export_matrix",
    "export-accuracy": "tfpipeline.studies.export.export_accuracy",
    "export-time": "tfpipeline.studies.export.export_time",
    "export-speed": "tfpipeline.studies.export.export_speed",
    "lambda-grid": "tfpipeline.studies.low_rank.lambda_grid",
    "nu-coefficient": "tfpipeline.studies.low_rank.nu_coefficient",
    "rank-at-error": "tfpipeline.studies.low_rank.rank_at_error",
    "size-against-error": "tfpipeline.studies.low_rank.size_against_error",
    "transition-epoch": "tfpipeline.studies.low_rank.transition_epoch",
    "joint-forms": "tfpipeline.studies.low_rank.joint_forms",
    "low-rank-or-sparse": "tfpipeline.studies.low_rank.low_rank_or_sparse",
    "growing-ranks": "tfpipeline.studies.low_rank.growing_ranks",
    "fast-grnn": "tfpipeline.studies.fast_grnn.compression",
    "alpha-beta": "tfpipeline.studies.fast_grnn.alpha_beta",
    "fixed-alpha": "tfpipeline.studies.fast_grnn.fixed_alpha",
    "initial-state": "tfpipeline.studies.fast_grnn.initial_state",
    "equal-bytes": "tfpipeline.studies.fast_grnn.equal_bytes",
    "trace-norm-ranks": "tfpipeline.studies.fast_grnn.trace_norm_ranks",
    "ternary-or-int8": "tfpipeline.studies.fast_grnn.ternary_or_int8",
    "qrnn-compression": "tfpipeline.studies.fast_grnn.qrnn_compression",
    "block-sparsity": "tfpipeline.studies.fast_grnn.block_sparsity",
    "language-model": "tfpipeline.studies.fast_grnn.language_model",
    "low-bit-grid": "tfpipeline.studies.low_bit.grid",
    "shared-batch-norm": "tfpipeline.studies.low_bit.shared_batch_norm",
    "gradient-norms": "tfpipeline.studies.low_bit.gradient_norms",
    "low-bit-text": "tfpipeline.studies.low_bit.character_model",
    "low-bit-words": "tfpipeline.studies.low_bit.word_model",
    "low-bit-speech": "tfpipeline.studies.low_bit.speech_recognizer",
    "lr": "tfpipeline.studies.embeddings.lr",
    "embedding-compression": "tfpipeline.studies.embeddings.compression",
    "embedding-retraining": "tfpipeline.studies.embeddings.retraining",
    "embedding-latency": "tfpipeline.studies.embeddings.latency",
    "low-rank-runs": "tfpipeline.studies.low_rank.finished_runs",
}


def load_study(name: str) -> ModuleType:
    """Return the module of a study; light to import."""
    return importlib.import_module(STUDIES[name])
