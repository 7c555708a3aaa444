PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One process more than there are cores: a third of the time a test waits. Each starts the servers that its tests need.
WORKERS ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count() + 1)")
# Let every process of the tests find what another has compiled, whatever the environment asks for.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal
COVERAGE := --cov --cov-report= --cov-fail-under=0

.PHONY: help demo pictures demo-live test test-servers test-more mutants servers lint format matrix docs lambda dist clean

help:
	@echo "make demo          run the whole main job on real input, in under 30 s after installation"
	@echo "make pictures      draw the dashboards of the docs from a run of the demo"
	@echo "make demo-live     the same site, kept running for you to click; prints its address"
	@echo "make test          install what the tests need (Telegraf, InfluxDB 1.8, VictoriaMetrics) and run them"
	@echo "make test-servers  the second tier: InfluxDB 2.7, Vault, Kapacitor, age, PostgreSQL, Redis, memcached, Chromium"
	@echo "make test-more     the tests that take long: pages step by step, benchmarks, a minute of load, more examples"
	@echo "make mutants       change the code in small ways, and count the changes that no test notices"
	@echo "make lint          ruff, mypy, import contracts, docs, coverage of the tests that ran"
	@echo "make format        let ruff rewrite what it can"
	@echo "make matrix        the test suite on every interpreter and Django found (tox)"
	@echo "make docs          build the documentation into docs/_build"
	@echo "make lambda        build the Lambda function that fetches CloudWatch metrics, into lambda, with cloudwatch.toml if it is here"
	@echo "make dist          build the wheel and the source distribution"
	@echo "make clean         remove everything the other targets made"

$(BIN)/python:
	@echo "Making a virtualenv in $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.demo: pyproject.toml | $(BIN)/python
	@echo "Installing what the demo needs into $(VENV)"
	$(BIN)/python -m pip install --quiet --editable . --group demo
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	@touch $(VENV)/.demo $@

demo: $(VENV)/.demo
	$(BIN)/python -m example_project.demo --page build/dashboards

pictures: $(VENV)/.demo
	$(BIN)/python -m example_project.demo --seconds 20 --page build/dashboards
	cp build/dashboards/overview.png build/dashboards/view.png docs/pictures/

demo-live: $(VENV)/.demo
	$(BIN)/python -m example_project.demo --live

servers: $(VENV)/.dev
	$(BIN)/python -m tests.servers install telegraf influxdb1 victoriametrics

test: servers
	COVERAGE_FILE=.coverage.test $(PYTEST) $(COVERAGE) -m "not (second_tier or more)"

test-servers: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --group servers
	$(BIN)/python -m tests.servers install --all
	COVERAGE_FILE=.coverage.servers $(PYTEST) $(COVERAGE) -m second_tier

test-more: servers
	$(PYTEST) -m "(more or hypothesis) and not second_tier" --hypothesis-profile more

mutants: servers
	$(BIN)/python -m pip install --quiet --group mutants
	$(BIN)/python -m tests.mutants $(MODULE) $(OPTIONS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning docs docs/_build
	@ls .coverage.* >/dev/null 2>&1 || $(MAKE) test
	@mkdir -p build
	$(BIN)/coverage combine --keep --quiet --data-file=build/coverage .coverage.*
	$(BIN)/coverage report --data-file=build/coverage

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

matrix: $(VENV)/.dev
	$(BIN)/tox run

docs: $(VENV)/.dev
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning docs docs/_build

lambda: $(VENV)/.dev
	$(BIN)/python -m zemanta_ops.lambda_package lambda $(if $(wildcard cloudwatch.toml),--declarations cloudwatch.toml)

dist: $(VENV)/.dev
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf $(VENV) .tox .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist lambda docs/_build
