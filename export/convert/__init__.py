"""Makes float graphs of a marked model, in the worker process."""
