"""A benchmark that measures nothing: which NumPy it was given."""

from __future__ import annotations

import json

import numpy as np

if __name__ == "__main__":
    print(json.dumps({"numpy": np.__file__}))
