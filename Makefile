# Two commands are all a newcomer needs: `make run` and `make test`. Each sets up .venv by itself.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run test test-qemu check format bench setup pin clean

run: $(VENV)/.core
	@$(BIN)/pilebench run $(ARGS)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto $(ARGS)

# An emulated PC with CAN cards; needs QEMU and Debian's kernel (its skip says which packages). Up to half an hour.
test-qemu: $(VENV)/.test
	$(BIN)/python -m pytest -m qemu -rs tests/linux_can $(ARGS)

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# SHORT=--short runs every benchmark in a short form; budgets still count.
bench: $(VENV)/.bench
	@set -e; for program in benchmarks/[!_]*.py; do echo "== $$program"; $(BIN)/python $$program $(SHORT); done

setup: $(VENV)/.bench

# Writes the versions now installed, without any address.
pin: $(VENV)/.bench
	@{ sed -n 1p constraints.txt; $(BIN)/python -m pip freeze --all --exclude-editable | grep -v -e '^pip==' -e ' @ '; } > .constraints
	@mv .constraints constraints.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "pilebench needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; use make PYTHON=python3.11")'
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.core

# What benchmarks compare with, on top of what the tests use.
$(VENV)/.bench: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(PIP) --editable '.[test,bench]'
	@touch $@ $(VENV)/.test $(VENV)/.core

clean:
	rm -rf $(VENV) build dist runs *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
