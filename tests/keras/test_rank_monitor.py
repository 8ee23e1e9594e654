from __future__ import annotations

import importlib.util

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.callbacks import RankMonitor
from tfpipeline.layers import FactoredDense, FactoredGRU
from tfpipeline.metrics import explained_variance_rank, nu, trace_norm

pytestmark = pytest.mark.slow


def test_logs_every_matrix(sequences, labels):
    model = keras.Sequential(
        [
            keras.layers.Bidirectional(FactoredGRU(6, rank=4, name="gru")),
            keras.layers.Dense(5),
        ]
    )
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    model.build(sequences.shape)
    history = model.fit(
        sequences, labels, epochs=4, verbose=0, callbacks=[RankMonitor(0.8, every=2)]
    ).history
    for direction in ("forward_gru", "backward_gru"):
        layer = getattr(model.layers[0], direction.replace("gru", "layer"))
        matrices = {"kernel": layer.cell.kernel, "recurrent_kernel": layer.cell.recurrent_kernel}
        for name, matrix in matrices.items():
            product = np.asarray(matrix, "float64")
            key = f"{direction}/{name}"
            assert history[f"{key}/nu"][-1] == pytest.approx(nu(product), abs=1e-5)
            assert history[f"{key}/trace_norm"][-1] == pytest.approx(trace_norm(product), rel=1e-5)
            assert history[f"{key}/rank@0.8"][-1] == explained_variance_rank(product, 0.8)
            assert len(history[f"{key}/nu"]) == 2


def test_diverged_weights_do_not_stop_training(sequences):
    model = keras.Sequential([FactoredGRU(6, name="gru")])
    model.build(sequences.shape)
    model.layers[0].weights[0].assign(np.full((10, 10), np.nan))
    monitor = RankMonitor()
    monitor.set_model(model)
    measures = monitor.measure()
    assert np.isnan(measures["gru/kernel/nu"])
    assert not np.isnan(measures["gru/recurrent_kernel/nu"])


def test_a_matrix_with_a_side_of_one_has_no_nu():
    model = keras.Sequential([keras.Input((6,)), FactoredDense(1, name="score")])
    model.set_weights([np.arange(6.0)[:, None], np.array([[2.0]]), np.zeros(1)])
    monitor = RankMonitor(0.75)
    monitor.set_model(model)
    # The only singular value is the length of (0, 2, 4, 6, 8, 10).
    assert monitor.measure() == {
        "score/kernel/rank@0.75": 1,
        "score/kernel/trace_norm": pytest.approx(220**0.5),
    }


@pytest.mark.parametrize("every", [0, -1, True, 1.5, "2"])
def test_every_is_a_positive_int(every):
    with pytest.raises(ValueError, match="`every` must be a positive int; received"):
        RankMonitor(every=every)


def test_each_epoch_has_the_measures_where_nothing_else_is_said():
    monitor = RankMonitor()
    monitor.set_model(keras.Sequential([keras.Input((6,)), FactoredDense(4, name="score")]))
    for epoch in range(3):
        logs = {"loss": 1.0}
        monitor.on_epoch_end(epoch, logs)
        assert list(logs) == [
            "loss",
            *(f"score/kernel/{measure}" for measure in ("nu", "rank@0.9", "trace_norm")),
        ]
    monitor.on_epoch_end(3)  # as Keras may call it, without logs


def test_nu_of_a_cut_matrix_counts_what_was_cut():
    """With r of n singular values all alike nu is (sqrt(r) - 1) / (sqrt(n) - 1)."""
    model = keras.Sequential([keras.Input((16,)), FactoredDense(9, rank=4, name="score")])
    model.set_weights([np.eye(16, 4), 2.0 * np.eye(4, 9), np.zeros(9)])
    monitor = RankMonitor(0.5)
    monitor.set_model(model)
    assert monitor.measure() == {
        "score/kernel/nu": pytest.approx(0.5),
        "score/kernel/rank@0.5": 2,
        "score/kernel/trace_norm": pytest.approx(8.0),
    }


def test_a_model_that_fit_builds_is_measured(sequences):
    model = keras.Sequential([FactoredDense(6, name="score")])
    model.compile("sgd", "mse", jit_compile=JIT)
    options = {"verbose": 0, "callbacks": [RankMonitor()]}
    history = model.fit(sequences[:, 0], np.zeros((6, 6)), **options).history
    assert len(history["score/kernel/nu"]) == 1


def test_errors(sequences):
    with pytest.raises(ValueError, match="share in"):
        RankMonitor(tau=0)
    model = keras.Sequential([keras.Input((9, 10)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=JIT)
    with pytest.raises(ValueError, match="found no factored layer"):
        model.fit(sequences, np.zeros(6), verbose=0, callbacks=[RankMonitor()])


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow")
def test_writes_for_tensorboard(tmp_path, sequences):
    import tensorflow
    from tensorflow.core.framework.summary_pb2 import DATA_CLASS_SCALAR
    from tensorflow.core.util.event_pb2 import Event
    from tensorflow.python.lib.io.tf_record import tf_record_iterator

    model = keras.Sequential([keras.Input((None, 10)), FactoredGRU(6, name="gru")])
    model.compile("sgd", "mse", jit_compile=JIT)
    monitor = RankMonitor(0.9, log_dir=tmp_path)  # which outlives fit: nothing waits in a buffer
    history = model.fit(
        sequences, np.ones((6, 6)), epochs=2, verbose=0, callbacks=[monitor]
    ).history
    (file,) = tmp_path.iterdir()
    written = {}
    for record in tf_record_iterator(str(file)):
        event = Event.FromString(record)
        for value in event.summary.value:
            written[value.tag, event.step] = float(tensorflow.make_ndarray(value.tensor))
            assert value.metadata.plugin_data.plugin_name == "scalars"
            assert value.metadata.data_class == DATA_CLASS_SCALAR
    for key, values in history.items():
        if key != "loss":
            for epoch, value in enumerate(values):
                assert written[key, epoch] == pytest.approx(value, rel=1e-6)
    assert len(written) == 2 * 6
