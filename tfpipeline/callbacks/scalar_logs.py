"""Numbers for TensorBoard, epoch by epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


class ScalarLogs:
    """Writes numbers by name as `tf.summary.scalar` does; that one needs the tensorboard package.

    Args:
        log_dir: folder for TensorBoard; needs TensorFlow, on any backend of Keras.

    Raises:
        ValueError: TensorFlow is not installed.
    """

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        try:
            import tensorflow as tf
        except ImportError as error:
            raise ValueError(
                f"`log_dir` needs TensorFlow, which is not installed; received {str(log_dir)!r}: "
                "leave it out, the history has the same numbers."
            ) from error
        self._writer: Any = tf.summary.create_file_writer(os.fspath(log_dir))

    def write(self, values: Mapping[str, float], epoch: int) -> None:
        """Write the values of an epoch."""
        import tensorflow as tf
        from tensorflow.core.framework.summary_pb2 import DATA_CLASS_SCALAR, SummaryMetadata

        metadata = SummaryMetadata(data_class=DATA_CLASS_SCALAR)
        metadata.plugin_data.plugin_name = "scalars"
        with self._writer.as_default():  # whose end flushes
            for name, value in values.items():
                tf.summary.write(name, tf.constant(value, tf.float32), epoch, metadata)
