# Every command of the project. Needs make and Python 3.11 or later; all else goes into .venv.
#
#   make PYTHON=python3.12 test    makes .venv with another interpreter (after make clean-venv)

PYTHON ?= python3
VENV ?= .venv
OLDEST_VENV ?= $(VENV)-oldest
CLIENTS_VENV ?= $(VENV)-clients
# Interpreters that `make check` runs tests on as well, where they are installed. Their packages are
# those of .venv, so networks are not compared with stock Keras once more: the last one runs all other
# everyday tests, the ones before it the guide, the docstrings, and what depends on an interpreter.
OTHER_PYTHONS ?= 3.12 3.13
TESTS_ON_3.12 := docs/user_guide sklstm tests/ecosystem
TESTS_ON_3.13 := --ignore=tests/engine --ignore=tests/regressors
# What `make demo` runs.
DEMO ?= examples/tune/plot_milk_grid_search.py
# What `make mutants` tries: a pattern of names. The digit at its end takes one in ten.
MUTANTS ?= sklstm._past.*3

BIN := $(VENV)/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# Two tests at a time: most use one core. Each of the two processes imports TensorFlow for itself.
PYTEST := -m pytest -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test check check-tests coverage check-others check-oldest check-clients audit docs bench \
	mutants lint types format package clean clean-venv
.DELETE_ON_ERROR:

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environments: one stamp per set of packages, renewed when the requirements change ----------

$(VENV)/.dev: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; run make PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) -e '.[dev]'
	touch $@

$(VENV)/.docs: $(VENV)/.dev
	$(BIN)/python $(PIP_INSTALL) -e '.[docs]'
	touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python $(PIP_INSTALL) -e '.[bench]'
	touch $@

$(OLDEST_VENV)/.test: pyproject.toml requirements-oldest.txt
	test -x $(OLDEST_VENV)/bin/python || $(PYTHON) -m venv $(OLDEST_VENV)
	$(OLDEST_VENV)/bin/python $(PIP_INSTALL) -c requirements-oldest.txt -e '.[test]'
	touch $@

# Not compiled beforehand: most of these packages' modules are never imported.
$(CLIENTS_VENV)/.clients: pyproject.toml
	test -x $(CLIENTS_VENV)/bin/python || $(PYTHON) -m venv $(CLIENTS_VENV)
	$(CLIENTS_VENV)/bin/python $(PIP_INSTALL) --no-compile -e '.[clients,test]'
	touch $@

# --- what people run ------------------------------------------------------------------------------

demo: $(VENV)/.dev  ## learn the milk series, search its window, save the picture
	$(BIN)/python tools/run_example.py $(DEMO)

test: $(VENV)/.dev  ## the everyday tests
	$(BIN)/python $(PYTEST)

check: lint types audit check-tests docs package check-others check-clients  ## all that must hold

# The slow ones run apart, as stock Keras keeps memory of each fit for as long as a process lives.
check-tests: $(VENV)/.dev  ## all tests, the slow ones and the examples included
	$(BIN)/python $(PYTEST)
	$(BIN)/python $(PYTEST) -m slow --durations=30

# Not in `check`: measuring takes twice as long as the tests.
coverage: $(VENV)/.dev  ## which lines and branches the everyday tests reach
	$(BIN)/python $(PYTEST) --cov --cov-report=term

lint: $(VENV)/.dev  ## style, format and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache --no-logo

format: $(VENV)/.dev  ## put style and format right where a tool can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/.dev  ## static types
	$(BIN)/mypy

audit: $(VENV)/.dev  ## advisories on what is needed at run time, where they can be looked up
	$(BIN)/python tools/audit.py

docs: $(VENV)/.docs  ## the documentation, into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.bench  ## speed and memory
	$(BIN)/python benchmarks/run.py

mutants: $(VENV)/.dev  ## small faults put into the code: which does no test notice?
	$(BIN)/mutmut run '$(MUTANTS)'

package: $(VENV)/.dev  ## wheel and source distribution, into dist
	rm -rf dist
	$(BIN)/python -m build --outdir dist > /dev/null
	$(BIN)/twine check --strict dist/*

check-oldest: $(OLDEST_VENV)/.test  ## the everyday tests with the oldest supported releases
	$(OLDEST_VENV)/bin/python $(PYTEST) -p no:cacheprovider

# What other packages warn of is theirs.
check-clients: $(CLIENTS_VENV)/.clients  ## the guide "Inside other forecasters", and its packages
	$(CLIENTS_VENV)/bin/python -m pytest -p no:cacheprovider --disable-warnings \
		-W default -W error::sklstm.SklstmWarning tests/clients

# PYENV_VERSION lets a pyenv shim find its interpreter; others do not read it.
check-python-%:
	@export PYENV_VERSION=$*; \
	if python$* -c 'import ensurepip, venv' 2> /dev/null; then \
		echo "Python $*:" && \
		{ test -x $(VENV)-$*/bin/python || python$* -m venv $(VENV)-$*; } && \
		$(VENV)-$*/bin/python $(PIP_INSTALL) -e '.[test]' && \
		$(VENV)-$*/bin/python $(PYTEST) -p no:cacheprovider $(TESTS_ON_$*); \
	else \
		echo "Python $* is not installed here: skipped."; \
	fi

check-others: check-oldest $(OTHER_PYTHONS:%=check-python-%)  ## tests in other environments

clean:  ## remove what was built, but not the environments
	rm -rf dist build htmlcov .coverage docs/_build docs/auto_examples docs/generated \
		docs/sg_execution_times.rst examples/output .pytest_cache .ruff_cache .mypy_cache .hypothesis mutants

clean-venv:  ## remove the environments
	rm -rf $(VENV) $(OLDEST_VENV) $(CLIENTS_VENV) $(OTHER_PYTHONS:%=$(VENV)-%)
