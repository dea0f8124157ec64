# Thin on purpose: every target is one line to read. A fresh clone and Python >= 3.11 are all it needs.
PYTHON ?= python3
FILE   ?= examples/titanic.mlp
BIN    := .venv/bin

.PHONY: run test lint bench agreement dist docs clean

run: .venv/run ## Train a pipeline (FILE=path/to/pipeline.mlp) and say where its report is
	$(BIN)/mldsl run $(FILE)

test: .venv/test lint ## Run every check and test
	$(BIN)/python -m pytest

lint: .venv/test ## Formatting, lint and strict types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

bench: .venv/test ## Time ours against the peers, side by side; rewrites docs/benchmarks.md
	$(BIN)/python -m mldsl.plugin.index && $(BIN)/python -m benchmarks

agreement: .venv/test ## Run the tests, and keep how near each number came to its reference's in docs/agreement.md
	$(BIN)/python -m pytest --write-agreement tests/plugins && $(BIN)/python -m docs.generate

dist: .venv/test ## Build the sdist and the wheel, with the index of declarations inside
	$(BIN)/python -m mldsl.plugin.index && $(BIN)/python -m build

docs: .venv/run ## Regenerate the reference pages, and what commands print in the others
	$(BIN)/python -m docs.generate && $(BIN)/python -m docs.deceptions && $(BIN)/python -m docs.fences

clean: ## Remove what the targets above made
	rm -rf .venv dist build runs .pytest_cache .mypy_cache .ruff_cache

.venv/run: pyproject.toml
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . && $(BIN)/python -m mldsl.plugin.index && touch $@

.venv/test: pyproject.toml
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]" && $(BIN)/python -m mldsl.plugin.index && touch $@ .venv/run
