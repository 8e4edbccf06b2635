# All commands of the project. They need python3 (3.10 to 3.13) and make, and install everything else into .venv.

PYTHON ?= python3
TORCH ?= torch

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LESSONS := $(sort $(wildcard notebooks/[0-9]*.ipynb))
BENCHMARKS := $(filter-out benchmarks/measuring.py benchmarks/training.py,$(sort $(wildcard benchmarks/*.py)))
# Tests of everything that is written in keras.ops or calls a tower: they pass on every backend.
BACKEND_TESTS := $(wildcard tests/test_distances.py tests/losses tests/test_prototypes.py tests/test_layers.py \
	tests/test_metrics.py tests/test_callbacks.py tests/test_shared_checks.py tests/test_models.py \
	tests/towers/test_baselines.py tests/towers/test_conv.py tests/towers/test_dense.py \
	tests/test_tokenizers.py tests/test_inference.py tests/retrieval \
	tests/applications/segmentation/test_layers.py tests/applications/segmentation/test_losses.py \
	tests/applications/signatures/test_model.py \
	tests/applications/tracking/test_correlation.py \
	tests/applications/tracking/test_losses.py tests/applications/tracking/test_model.py)
# Files that are slow on other backends, as these compile every operation: only what depends on the backend.
SEGMENTER := tests/applications/segmentation/test_model.py
BACKEND_TESTS += $(SEGMENTER)::test_any_number_of_references_in_any_order \
	$(SEGMENTER)::test_padding_with_empty_references_changes_nothing \
	$(SEGMENTER)::test_a_saved_segmenter_gives_the_same_masks \
	$(SEGMENTER)::test_comparisons_are_float32_under_mixed_precision \
	tests/towers/test_ensembles.py::test_rotation_and_flip_agree_with_numpy \
	tests/towers/test_text.py::test_strings_on_another_backend_raise \
	tests/towers/test_text_layers.py::test_the_mean_is_over_the_unmasked_steps \
	tests/towers/test_text_layers.py::test_ids_outside_the_vocabulary_become_1 \
	tests/towers/test_text_layers.py::test_n_gram_weights_multiply_the_logarithm_of_one_plus_the_count \
	tests/towers/test_text_layers.py::test_an_n_gram_has_the_same_bucket_at_every_position \
	tests/towers/test_text_layers.py::test_hashes_do_not_overflow
PARALLEL := --numprocesses=2 --dist=loadfile
# Each of the two processes computes on one core: more threads than cores wait for each other.
ONE_CORE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1
# XLA compiles a quarter faster without its slow optimisations, and tests call what they compile only once or twice.
QUICK_XLA := XLA_FLAGS="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"

export KERAS_BACKEND := tensorflow
export TF_CPP_MIN_LOG_LEVEL := 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo lab test lint format test-unit test-jax test-torch test-notebooks test-slow test-colab test-lowest \
	bench notebooks clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

$(INSTALLED): pyproject.toml
	@echo "== installing into $(VENV): about two minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip  # the pip of Python 3.10 does not finish resolving
	@$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $@

demo: $(INSTALLED) ## run lesson 1, write its page to build/, print its numbers
	@$(BIN)/python notebooks/run.py $(firstword $(LESSONS))

lab: $(INSTALLED) ## open the lessons in Jupyter Lab
	@$(BIN)/python -m jupyterlab notebooks

test: lint test-unit test-jax test-notebooks ## style, unit tests, JAX, all lessons: the quickest first

lint: $(INSTALLED) ## check style and formatting, notebooks included
	@echo "== lint"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "make format fixes this"; exit 1; }

format: $(INSTALLED) ## fix style and formatting
	@$(BIN)/ruff check --quiet --fix --exit-zero .
	@$(BIN)/ruff format --quiet .

test-unit: $(INSTALLED) ## unit tests and the examples in docstrings
	@echo "== unit tests, docstrings"
	@$(ONE_CORE) $(BIN)/python -m pytest --quiet $(PARALLEL) --doctest-modules siamkeras tests

test-jax: $(INSTALLED) ## the backend-neutral tests on JAX
	@echo "== JAX"
	@$(ONE_CORE) $(QUICK_XLA) KERAS_BACKEND=jax $(BIN)/python -m pytest --quiet $(PARALLEL) $(BACKEND_TESTS)

test-torch: $(INSTALLED) ## the backend-neutral tests on torch, installed first (TORCH=torch==2.13.0 sets the version)
	@echo "== torch"
	@$(BIN)/python -m pip install --quiet "$(TORCH)"
	@KERAS_BACKEND=torch $(BIN)/python -m pytest --quiet $(PARALLEL) $(BACKEND_TESTS)

test-notebooks: $(INSTALLED) ## every lesson in a fresh kernel, compared with its committed numbers
	@echo "== lessons"
	@$(ONE_CORE) $(BIN)/python -m pytest --quiet $(PARALLEL) --durations=12 \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=1200 --nbval-kernel-startup-timeout=120 notebooks

test-slow: $(INSTALLED) ## slow tests: README, wheel, benchmarks, complete data sets
	@echo "== slow tests"
	@$(BIN)/python -m pip install --quiet onnx tf2onnx onnxruntime  # for the exports to ONNX
	@$(BIN)/python -m pytest --quiet $(PARALLEL) --dist=load -m slow --durations=10 tests

test-colab: ## the wheel with the versions of Colab: unit tests, README, lesson 1
test-lowest: ## the same with the lowest versions in pyproject.toml

# Runs in a copy of the repository without the package, so that every process imports the wheel. Installing the wheel
# must not change a pinned version; a test compares them.
test-colab test-lowest: test-%:
	@echo "== the wheel with requirements/$*.txt, in .venv-$*"
	@rm -rf .venv-$* build/$*
	@mkdir -p build/$*
	@tar -cf - --exclude=./.git --exclude='./.venv*' --exclude=./build . | tar -xf - -C build/$*
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --requirement requirements/$*.txt
	@cd build/$* && ../../.venv-$*/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@.venv-$*/bin/python -m pip install --quiet "$$(echo build/$*/dist/*.whl)[data]"
	@rm -rf build/$*/siamkeras build/$*/build build/$*/*.egg-info
	@cd build/$* && ../../.venv-$*/bin/python -m pytest --quiet $(PARALLEL) --doctest-modules --pyargs siamkeras ./tests
	@cd build/$* && ../../.venv-$*/bin/python -m pytest --quiet -m slow tests/test_readme.py
	@cd build/$* && ../../.venv-$*/bin/python notebooks/run.py $(firstword $(LESSONS))

notebooks: $(INSTALLED) ## run every lesson and save its outputs, for committing
	@$(BIN)/python notebooks/run.py --save $(LESSONS)

bench: $(INSTALLED) ## run every benchmark
	@for script in $(BENCHMARKS); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean: ## remove build outputs and caches, except .venv and .venv-*
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache
	@find . -path './.venv*' -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -print0 | xargs -0 rm -rf
