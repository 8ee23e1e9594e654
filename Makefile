# Two commands on a fresh machine, each makes its own environment in .venv:
#   make demo    the main job: speech in, a verified int8 .tflite with our op out (demo-out/report.html)
#   make test    the tests
#   make test-fast    those that take no more than a moment each, in less than three minutes
#   make bench   times of our fully connected and recurrent ops against the runtime's and gemmlowp's
#                (Debian's libgemmlowp-dev, if it is there), and of one streamed step against the
#                portable files, into docs/results
# For those who work on the Arm kernels, with Debian's qemu-user, gcc-aarch64-linux-gnu and llvm-19:
#   make bench-arm    what they cost, counted under qemu (docs/results/arm.md)
# For those who work on the C headers, with Debian's gcc-arm-none-eabi and qemu-system-arm:
#   make bench-micro  what a step takes on a Cortex-M0+, counted under qemu (docs/results/micro.md)
# Options: make demo QUICK=1            a small run, to see that everything works
#          make demo ARGS="--seed 7"    anything that `tfpipeline demo --help` lists
#          make test ARGS="-k export"   anything that pytest takes
#          make test JOBS=4             processes that test side by side; 2 GB of memory each
#          make bench ARGS="--batches 1 2" ARGS_GRID="--depths 320"
#          make bench ARGS_RECURRENT="--only GRU" ARGS_ONE_STEP="--units 64"
#          make bench ARGS_C_CALLS="--runtime libtensorflowlite_c.so"
#          make bench ARGS_SPARSE="--sparsity 0.7" ARGS_EMBEDDING="--words 20"
#          make bench-arm ARGS="--l2 1024"   a second-level cache of 1 MiB
#          PYTHON=/path/to/python3.12   instead of the first of 3.11, 3.12, 3.13 that is found

VENV ?= .venv
ARGS ?=
JOBS ?= 2
ARGS_GRID ?=
ARGS_SCAN ?=
ARGS_RECURRENT ?=
ARGS_ONE_STEP ?=
ARGS_C_CALLS ?=
QUICK ?=
BIN := $(VENV)/bin
SOURCES_OF_INSTALL := pyproject.toml setup.cfg $(wildcard setup.py) \
  $(shell find custom_ops -type f \( -name '*.[chS]' -o -name '*.inc' -o -name 'CMakeLists.txt' \
  -o -name '*.cmake' \))
C_FILES := $(shell find custom_ops -type f -name '*.[ch]')
PYTHON_DIRECTORIES := tfpipeline export tests custom_ops $(wildcard setup.py)

.PHONY: help demo test test-fast bench bench-arm bench-micro lint format clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

demo: $(VENV)/.installed-demo
	$(BIN)/tfpipeline demo $(if $(QUICK),--quick) $(ARGS)

PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/.installed-test
	$(PYTEST) $(ARGS)

test-fast: $(VENV)/.installed-test
	$(PYTEST) -m "not slow" $(ARGS)

bench: $(VENV)/.installed-test
	$(BIN)/python custom_ops/bench/fully_connected.py $(ARGS)
	$(BIN)/python custom_ops/bench/fully_connected_grid.py $(ARGS_GRID)
	$(BIN)/python custom_ops/bench/accelerate_scan.py $(ARGS_SCAN)
	$(BIN)/python custom_ops/bench/recurrent.py $(ARGS_RECURRENT)
	$(BIN)/python custom_ops/bench/builtin_lstm.py $(ARGS_BUILTIN_LSTM)
	$(BIN)/python custom_ops/bench/one_step.py $(ARGS_ONE_STEP)
	$(BIN)/python custom_ops/bench/block_sparse.py $(ARGS_SPARSE)
	$(BIN)/python custom_ops/bench/embedding.py $(ARGS_EMBEDDING)
	$(BIN)/python custom_ops/bench/c_calls.py $(ARGS_C_CALLS)

bench-arm: $(VENV)/.installed-test
	$(BIN)/python custom_ops/bench/arm_kernels.py --sources custom_ops --results docs/results $(ARGS)

bench-micro: $(VENV)/.installed-test
	$(BIN)/python custom_ops/bench/micro_steps.py --results docs/results $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check $(PYTHON_DIRECTORIES)
	$(BIN)/ruff format --check $(PYTHON_DIRECTORIES)
	$(if $(C_FILES),$(BIN)/clang-format --dry-run --Werror $(C_FILES))
	@# The folder export/ is the package tfpipeline.export; mypy finds it there through links.
	@rm -rf build/types && mkdir -p build/types/tfpipeline
	@for part in tfpipeline/*; do ln -s "../../../$$part" "build/types/$$part"; done
	@ln -s ../../../export build/types/tfpipeline/export
	@for part in arm arm_kernels.py micro micro_steps.py; do ln -s "../../custom_ops/bench/$$part" "build/types/$$part"; done
	cd build/types && $(abspath $(BIN))/mypy --config-file ../../pyproject.toml \
	  --cache-dir ../../.mypy_cache --package tfpipeline --package arm --module arm_kernels \
	  --package micro --module micro_steps

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix $(PYTHON_DIRECTORIES)
	$(BIN)/ruff format $(PYTHON_DIRECTORIES)
	$(if $(C_FILES),$(BIN)/clang-format -i $(C_FILES))

clean:
	rm -rf build dist *.egg-info tfpipeline/_native .venv .venv-* .cache-arm \
	  .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than everything that the installation read, so a second run installs nothing.
$(VENV)/.installed-%: $(SOURCES_OF_INSTALL) .ci/environment
	@PYTHON="$(PYTHON)" .ci/environment "$(VENV)" $*
