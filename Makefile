# All commands of the project. Needs python3 (3.10 to 3.13) and make; everything else goes into .venv.

PYTHON ?= python3
TORCH ?= torch

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LESSONS := $(sort $(wildcard notebooks/[0-9]*.ipynb))
BENCHMARKS := $(filter-out benchmarks/measuring.py benchmarks/training.py,$(sort $(wildcard benchmarks/*.py)))
# What has to give the same answers on every backend of Keras: all that is written in keras.ops, or calls a tower.
BACKEND_TESTS := $(wildcard $(addprefix tests/test_,$(addsuffix .py,\
	distances masks miners losses triplets batch_losses prototypes layers metrics callbacks towers kept models retrieval \
	tokens sentence_towers mask_losses segmentation tracking turning)))

export KERAS_BACKEND := tensorflow
export TF_CPP_MIN_LOG_LEVEL := 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo lab test lint format test-unit test-jax test-torch test-notebooks bench notebooks clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

$(INSTALLED): pyproject.toml
	@echo "== installing into $(VENV): about two minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip  # the pip of Python 3.10 searches for ever
	@$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

demo: $(INSTALLED) ## run the first lesson, write its page to build/, print its numbers
	@$(BIN)/python notebooks/run.py $(firstword $(LESSONS))

lab: $(INSTALLED) ## open the lessons in Jupyter Lab
	@$(BIN)/python -m jupyterlab notebooks

test: lint test-unit test-jax test-notebooks ## everything below that checks, the quickest first

lint: $(INSTALLED) ## check style and formatting, notebooks included
	@echo "== lint"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "make format puts this right"; exit 1; }

format: $(INSTALLED) ## put style and formatting right
	@$(BIN)/ruff check --quiet --fix --exit-zero .
	@$(BIN)/ruff format --quiet .

test-unit: $(INSTALLED) ## tests, examples in docstrings, code in README.md
	@echo "== unit tests, docstrings, README"
	@$(BIN)/python -m pytest --quiet --doctest-modules siamkeras tests

test-jax: $(INSTALLED) ## the tests that must not depend on the backend, on JAX
	@echo "== the same answers on JAX"
	@KERAS_BACKEND=jax $(BIN)/python -m pytest --quiet $(BACKEND_TESTS)

test-torch: $(INSTALLED) ## the same on torch, installed first (TORCH=torch==2.13.0 sets the version)
	@echo "== the same answers on torch"
	@$(BIN)/python -m pip install --quiet "$(TORCH)"
	@KERAS_BACKEND=torch $(BIN)/python -m pytest --quiet $(BACKEND_TESTS)

test-notebooks: $(INSTALLED) ## every lesson from a fresh kernel, against its committed numbers
	@echo "== lessons"
	@$(BIN)/python -m pytest --quiet --durations=5 \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=1200 --nbval-kernel-startup-timeout=120 notebooks

notebooks: $(INSTALLED) ## run every lesson again and save it, for committing
	@$(BIN)/python notebooks/run.py --save $(LESSONS)

bench: $(INSTALLED) ## run every benchmark
	@for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean: ## remove what was made, except .venv
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache
	@find . -path ./$(VENV) -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -print0 | xargs -0 rm -rf
