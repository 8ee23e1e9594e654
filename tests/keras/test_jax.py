"""The same tests on the JAX backend, in a process of their own: Keras has one backend each."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

pytestmark = pytest.mark.long
HERE = Path(__file__).parent


@pytest.mark.skipif(
    importlib.util.find_spec("jax") is None or keras.backend.backend() == "jax",
    reason="needs jax, and another backend here",
)
def test_jax_backend():
    files = (
        "test_factored_recurrent.py",
        "test_recurrent_layer.py",
        "test_fast_cells.py",
        "test_activations.py",
        "test_qrnn.py",
        "test_joint_forms.py",
        "test_from_keras.py",
        "test_trace_norm.py",
        "test_calr.py",
        "test_truncate.py",
        "test_factorize.py",
        "test_pruning.py",
        "test_hard_threshold.py",
        "test_iterative_hard_thresholding.py",
        "test_learning_rate_multipliers.py",
        "test_two_stage_fit.py",
        "test_ctc.py",
        "test_gram_ctc.py",
        "test_ctc_labels.py",
        "test_error_rates.py",
        "test_optimizer_state.py",
        "test_own_objects.py",
        "test_resumed_training.py",
        "test_rolling_model.py",
        "test_quantizers.py",
        "test_normalized_dense.py",
        "test_normalized_layers.py",
        "test_second_moments.py",
        "test_weight_drop.py",
        "test_activation_regularizer.py",
        "test_factored_embedding.py",
        "test_mapped_rows.py",
        "test_prune_rows.py",
        "test_cluster_rows.py",
        "test_masked_average_pooling.py",
        "test_text_models.py",
        "test_wrong_low_bit_options.py",
    )
    # Keras compiles every operation of every shape by itself here: only what differs by backend.
    chosen = (
        "((full_rank_equals_keras and go_back and not reset_before) or (dropout and lstm and 0.4)"
        " or (mask_state and False) or stateful_runs or bidirectional or (collapsed and 0.25)"
        " or (gradient and lstm) or (save_and_load and lstm) or (built_by_fit and sequential-gru)"
        " or (there_and_back and partial and not reset_before)"
        " or (mixed_bfloat16 and (weight or not normalized)) or every_cycle"
        " or (optimizer_state and not of_the_rest) or half_the_squares or not_factored"
        " or computes_its_exported or (mask_and and None) or twin_is_factorized_and_cut"
        " or trains_on_its_own or averages_of_cut"
        " or golden or blocks_are_those or loop_in_numpy or another_backend"
        " or (bit_for_bit and not True) or several_steps_of_one or leave_each_other"
        " or leaves_out or interrupted_fit_ends"
        " or narang_masks or (step_is_scaled and Adam) or multipliers_act"
        " or freezes_under_weight_decay or slots_follow_their or called_like or frozen_layer_and"
        " or rolling_fit or rest_of_the_samples"
        " or (after_backup and False) or (averages_are and None) or (need_not and generator)"
        " or (ctc and not (graph or diverges or padding or no_gram_spells or infeasible"
        " or single_char))"
        " or (error_rate and (weighted or metric1)))"
        # Of the layers that Keras has not, one in full and the others' own equations.
        " and not (fast_rnn or ugrnn or filtered) or golden_step or (gradient_of_the_numbers and"
        " (vector or gates_filter)) or (trained_numbers and gates_both)"
        " or (loop_over_its_exported and split and 2-fo) or (states_and_chunks and 4-fo)"
        " or (straight_through and False and (LAT or Alternating or STN)) or drawn_weights"
        " or (its_numpy_loop and LSTM and separate)"
        " or (fit_save_and and True and shared) or (it_is_numpys and shared)"
        " or (the_state_of_the_cell and separate and masked)"
        " or (moments_are_those and LAT)"
        " or (dropped_weights_are and 3 and fast_grnn) or penalty_trains"
        " or looks_up_rows or surgery_is or surgery_of_rows or share_their_mean"
        " or rows_that_ids_share"
        " or average_of_nothing or (classifier_learns and gru) or where_training"
    )
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "--import-mode=importlib"),
            *("-p", "no:cacheprovider", "-k", chosen),
            *(str(HERE / name) for name in files),
        ],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            # Nearly all of the time is compilation, of code that then runs once.
            "XLA_FLAGS": "--xla_backend_optimization_level=0"
            " --xla_llvm_disable_expensive_passes=true",
        },
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]
