# symgen: set up, check, test and compose from a fresh clone, with make and a Python from 3.11 on.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
VENV   ?= .venv
BIN    := $(VENV)/bin
STYLE  ?= guqin
OUT    ?= out/$(STYLE).mid
ARGS   ?=

# Named in the same pip call as the project, so that an index with builds for the CPU keeps its say.
TORCH  := torch==2.13.0
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet

.DEFAULT_GOAL := help
.PHONY: help setup compose test check format clean

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: PYTHON=python3.12  STYLE=guzheng  OUT=out/a.mid  ARGS='--bars 16 --seed 3'"

setup: $(VENV)/.ready-dev ## build .venv with everything for work on symgen

compose: $(VENV)/.ready ## compose a piece with the model that ships (STYLE, OUT, ARGS)
	@mkdir -p "$(dir $(OUT))"
	$(BIN)/symgen compose --style $(STYLE) -o "$(OUT)" $(ARGS)

test: $(VENV)/.ready-dev ## run the tests (ARGS go to pytest)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: $(VENV)/.ready-dev ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py

format: $(VENV)/.ready-dev ## let ruff mend style and layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv, caches and built things
	rm -rf "$(VENV)" build dist out .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Without the tools of development: enough to compose.
$(VENV)/.ready: pyproject.toml | $(BIN)/python
	@echo "installing symgen into $(VENV) (torch is large: a few minutes the first time)"
	$(PIP) install '$(TORCH)' -e .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml | $(BIN)/python
	@echo "installing symgen and its tools into $(VENV) (torch is large: a few minutes the first time)"
	$(PIP) install '$(TORCH)' -e '.[dev]'
	@touch $@ $(VENV)/.ready

# Three ways to a virtual environment, for systems that leave out venv's own pip.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: no Python from 3.11 on was found; install one or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is no Python from 3.11 on; name another: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -m venv "$(VENV)" >/dev/null 2>&1 \
	|| "$(PYTHON)" -m virtualenv --quiet "$(VENV)" 2>/dev/null \
	|| { "$(PYTHON)" -m venv --clear --without-pip "$(VENV)" && "$(PYTHON)" -m pip --python "$@" install --quiet pip; } \
	|| { rm -rf "$(VENV)"; echo "make: $(PYTHON) can make no virtual environment; install python3-venv or virtualenv" >&2; exit 1; }
