"""`python -m tfpipeline.cli`, for where the command is not on the PATH.

Python has put the current folder first on the path by then. What this package imports from here on
does not come from it; `python -P -m tfpipeline.cli` keeps it off from the start.
"""

from __future__ import annotations

import sys

from tfpipeline.worker_process import leave_current_folder

leave_current_folder()

from tfpipeline.cli.main import main  # noqa: E402  not before the path is right

sys.exit(main())
