"""`python -m tfpipeline.cli`, for where the command is not on the PATH."""

from __future__ import annotations

import sys

from tfpipeline.cli.main import main

sys.exit(main())
