# make demo   installs everything into .venv and does the main job on synthetic speech; ends with the path of a report
# make test   installs everything into .venv and runs the checks and the tests
# make clean  removes .venv and what the two have made
# Another interpreter: make demo PYTHON=python3.12

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# Threads that wait for each other in a spin loop cost more than they save on few cores.
export OMP_WAIT_POLICY := passive
# Tests start many processes, each of which would compile the whole package again.
unexport PYTHONDONTWRITEBYTECODE

# C that .clang-format lays out.
C_SOURCES := $(shell find src/micronets/compiler/csrc src/micronets/frontend/csrc src/micronets/streaming/csrc src/micronets/apps/csrc src/micronets/device/firmware -name '*.[ch]' -o -name '*.cc') src/micronets/device/sim/trace.c

.PHONY: demo test types suite clean

demo: $(VENV)/.installed-demo
	$(BIN)/micronets run examples/kws_demo.toml --out demo --resume
	$(BIN)/micronets listen demo/model.tflite --input composed --board NUCLEO-F446RE

test: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(C_SOURCES)
	$(MAKE) --no-print-directory -j 2 types suite

# mypy has work for one core alone, so it runs beside the first tests; if either finds anything, `make test` fails.
types: $(VENV)/.installed-test
	$(BIN)/mypy

suite: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(BIN)/pytest -v -n 2 --dist worksteal --no-header --durations=25

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("micronets needs Python 3.11 or newer, this is %d.%d; name another: make PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-demo: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[design,tflm,speech,sim]'
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[design,tflm,speech,sim,onnx,dev]'
	@touch $@ $(VENV)/.installed-demo

clean:
	rm -rf $(VENV) demo build .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
