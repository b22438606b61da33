# `make help` lists the targets. Each of them makes .venv first, where it is missing or out of date.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

# Nothing of the caller's Python settings reaches the project's own environment.
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV

# Relative paths only: the folder's own path may have spaces in it.
VENV_PYTHON := .venv/bin/python
TESTS ?= tests
MARKS ?= not slow and not fuzz and not soak
BENCHMARKS ?= benchmarks/help_start.py benchmarks/reference_engine.py benchmarks/engines.py

.PHONY: help install base demo test check format bench contract docs clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

install:  ## make .venv and install the project into it; with cargo, the compiled engine has to build
	@LOB_REQUIRE_KERNEL=$${LOB_REQUIRE_KERNEL-$$(command -v cargo >/dev/null 2>&1 && echo 1)} sh scripts/bootstrap.sh

base:
	@sh scripts/bootstrap.sh base

demo: base  ## backtest a market maker on the bundled sample; summary and report.html
	@$(VENV_PYTHON) -m lob_backtest.cli run strategies/demo.toml -o out/demo --force
	@echo 'Next: open out/demo/report.html; . .venv/bin/activate; lob-backtest init mine'

test: install  ## run the tests (MARKS='not fuzz and not soak' adds the slow ones, TESTS=tests/data picks some)
	@if command -v cargo >/dev/null 2>&1; then cargo test -q --locked --no-default-features --manifest-path kernel/Cargo.toml >/dev/null; fi
	@$(VENV_PYTHON) -m pytest -q -m '$(MARKS)' $(TESTS)

check: install  ## lint, format, types and house rules: what a commit has to pass
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -m mypy
	@if command -v cargo >/dev/null 2>&1; then cd kernel && cargo fmt --check && cargo clippy -q --locked --release --all-targets -- -D warnings; fi
	@$(VENV_PYTHON) -m pytest -q tests/house/test_tidy.py

format: install  ## format the code and fix what the linter can
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .
	@if command -v cargo >/dev/null 2>&1; then cd kernel && cargo fmt; fi

bench: install  ## measure: time to help, events a second
	@for script in $(BENCHMARKS); do $(VENV_PYTHON) "$$script" || exit 1; done

contract: install  ## write the kernel's half of the contract from lob_backtest/contract
	@$(VENV_PYTHON) scripts/generate_contract.py

docs:  ## write docs/api, docs/cli.md and the tables of keys from the code, and build the site in site/
	@sh scripts/bootstrap.sh docs
	@$(VENV_PYTHON) docs/generate_api.py
	@$(VENV_PYTHON) docs/generate_cli.py
	@$(VENV_PYTHON) docs/generate_configuration.py
	@NO_MKDOCS_2_WARNING=1 $(VENV_PYTHON) -m mkdocs build --quiet

clean:  ## remove .venv, caches and output
	@rm -rf .venv kernel/target lob_backtest/*.so build dist out site .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
