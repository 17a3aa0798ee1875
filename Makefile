# Everything a newcomer types. Needs Python 3.11, make and pip, nothing else.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/pip install -q --disable-pip-version-check
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
export PYTHONWARNINGS := ignore

.PHONY: help demo dev run status test test-long bench lint lint-python lint-sql format lock clean

help:  ## Show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(VENV)/.run  ## Two weeks of made-up chat traffic, from files to KPIs
	$(BIN)/chat-platform demo

dev: $(VENV)/.run  ## The Dagster UI on http://127.0.0.1:3000, daemon included
	$(BIN)/chat-platform dev

run: $(VENV)/.run  ## Everything new in landing through to the KPIs
	$(BIN)/chat-platform run

status: $(VENV)/.run  ## Loads, refused lines, freshness
	$(BIN)/chat-platform status

test: $(VENV)/.dev lint  ## Linters, types and all tests but the long ones
	$(BIN)/pytest -m "not long" -n 2 --durations=10

test-long: $(VENV)/.dev  ## The long tests: more kills, more disorder, more fuzzing
	$(BIN)/pytest -m long -n 2

bench: $(VENV)/.bench $(VENV)/.dev  ## Speed beside bare programs and other tools; writes docs/benchmark.md, a try too (BENCH_ARGS="--messages 30000 --out /tmp/bench" leaves it alone)
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

lint: $(VENV)/.dev  ## ruff, mypy, sqlfluff
	@$(MAKE) --no-print-directory -j2 lint-python lint-sql

lint-python: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-sql: $(VENV)/.dev
	$(BIN)/sqlfluff lint --processes 2 -q dbt_project
	$(BIN)/sqlfluff lint --processes 2 -q --templater raw chat_platform

format: $(VENV)/.dev  ## Put the code into its shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.dev  ## Make the lock files anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header -q -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --extra bench --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-emit-index-url --no-header -q -c requirements.lock -c requirements-dev.lock -o requirements-bench.lock
	echo uv | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q -c requirements-dev.lock -o requirements-uv.lock

clean:  ## Remove the environment and caches; data below .chat_platform stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis build *.egg-info

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@$@ -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else "Python 3.11 or 3.12 is needed: make PYTHON=python3.11")'

# uv installs in a third of the time. It does not read how pip was told to reach a registry: where it fails, pip goes on.
define install
	@echo "Installing (half a minute, once) ..."
	@{ $(PIP_INSTALL) --require-hashes -r requirements-uv.lock && \
	UV_HTTP_RETRIES=0 $(BIN)/uv pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r $(1); } || \
	{ echo "uv did not do it; pip goes on, which takes longer."; $(PIP_INSTALL) --require-hashes -r $(1); }
	@$(PIP_INSTALL) --no-deps -e .
endef

$(VENV)/.run: $(VENV)/bin/python requirements-uv.lock requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@

# The larger lock holds all of the smaller one.
$(VENV)/.dev: $(VENV)/bin/python requirements.lock requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@[ -e $(VENV)/.run ] || touch $(VENV)/.run
	@touch $@

$(VENV)/.bench: $(VENV)/.run requirements-bench.lock
	$(call install,requirements-bench.lock)
	@touch $@
