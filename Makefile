# Every target sets up what it needs by itself: .venv, from locks/dev.txt with hashes.
# DEMO_SECONDS=20 ends the demo by itself; DEMO_JSON=1 makes its last line a JSON object.
# BENCH="--quick" passes options to the benchmark.
# SEEDS=400 FIRST_SEED=1 choose what is simulated; TIMELINE=1 tells the story of each seed.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
JUDGES := .venv-judges
LOCK  := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate

.PHONY: charts images judges e2e e2e-long help demo check test long lint simulate bench lock clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## a whole pair on the paper exchange, live in this terminal
	@$(BIN)/python -m hedgepair_runner demo \
		$(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS)) $(if $(filter 1,$(DEMO_JSON)),--json)

check: lint ## lint, types, layers and the quick tests
	@PYTHONASYNCIODEBUG=1 $(BIN)/python -m pytest -q -m "not slow and not long" -n 3 --dist worksteal

test: $(READY) ## all tests that need no cluster, but for the longest
	@$(BIN)/python -m pytest -m "not long" -n 4 --dist worksteal

long: $(READY) ## the longest tests, which CI runs as well
	@$(BIN)/python -m pytest -q -m long -n 2 --dist worksteal --ignore tests/bench --ignore tests/test_readme.py
	@$(BIN)/python -m pytest -q -m long tests/bench tests/test_readme.py

lint: $(READY) ## format, lint, types and layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

simulate: $(READY) ## the laws under faults by chance, seed by seed, on all cores
	@$(BIN)/python -m tests.simulation.command --seeds $(or $(SEEDS),400) \
		--first-seed $(or $(FIRST_SEED),1) $(if $(filter 1,$(TIMELINE)),--timeline)

bench: $(READY) ## the project's own benchmark, beside its floor
	@$(BIN)/python tests/bench/run.py $(BENCH)
	@$(BIN)/python tests/bench/exchange.py $(if $(findstring --quick,$(BENCH)),--quick)
	@$(BIN)/python tests/bench/operator_scale.py $(if $(findstring --quick,$(BENCH)),--quick)

charts: $(READY) $(JUDGES)/.ready ## the Helm chart: lint, tests, and its render matrix before the judges
	@export HELM=$$(scripts/helm-path) && \
	$$HELM lint --quiet --strict helm/hedgepair && \
	$(BIN)/python -m pytest -q tests/charts -n 2 && \
	scripts/render-matrix build/charts && \
	$(JUDGES)/bin/python scripts/judge_charts.py build/charts

judges: $(READY) $(JUDGES)/.ready ## the same before more judges, which Go builds
	@export HELM=$$(scripts/helm-path) && scripts/render-matrix build/charts
	@scripts/further-judges
	@$(JUDGES)/bin/python scripts/judge_charts.py --all build/charts

images: ## both images, by docker, podman, buildah or the tool of CLUSTER_TOOL; prints their sizes
	@scripts/images $(TAG)

e2e: $(READY) ## cluster tests: on KUBECONFIG, on kind, or by the tool of CLUSTER_TOOL
	@scripts/e2e short $(E2E)

e2e-long: $(READY) ## all cluster tests, the longest and the scale too
	@scripts/e2e long $(E2E)

lock: $(READY) ## locks/*.txt anew from pyproject.toml
	@$(LOCK) --all-extras pyproject.toml -o locks/dev.txt
	@$(LOCK) --extra runner pyproject.toml -o locks/runner.txt
	@$(LOCK) --extra operator pyproject.toml -o locks/operator.txt
	@$(LOCK) locks/build.in -o locks/build.txt
	@$(LOCK) locks/judges.in -o locks/judges.txt

clean: ## removes .venv and everything that tools left
	rm -rf $(VENV) $(JUDGES) .tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(JUDGES)/.ready: locks/judges.txt
	@$(BIN)/python -m venv $(JUDGES)
	@$(JUDGES)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
		-r locks/judges.txt
	@touch $@

$(READY): locks/dev.txt locks/build.txt pyproject.toml scripts/setup
	@scripts/setup $(VENV)
	@touch $@
