# What CI (.ci/run) and the pre-commit hooks run, by name. Tools come from .venv where there is one.
BIN := $(if $(wildcard .venv/bin/python),.venv/bin/,)

.PHONY: setup read format lint type test test-fast bare coverage check

setup:
	python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[dev]'

read:
	$(BIN)ocrpipe read docs/sample.png

format:
	$(BIN)ruff check --fix --exit-zero --quiet
	$(BIN)ruff format

lint:
	$(BIN)ruff check
	$(BIN)ruff format --check

type:
	$(BIN)mypy

test-fast:
	$(BIN)pytest

test:
	OMP_NUM_THREADS=1 $(BIN)pytest -m "" -n auto --dist loadgroup

bare:
	.ci/bare $(BIN)pytest -rs

coverage:
	OMP_NUM_THREADS=1 $(BIN)pytest -m "" -n auto --dist loadgroup --cov --cov-report term

check: lint type test-fast
