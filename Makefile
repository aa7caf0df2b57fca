# A list of verbs; the logic is in Python. `make` alone shows them.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/bin/uv
RUN := .venv/bin/python
export UV_PYTHON_DOWNLOADS := never
export UV_COMPILE_BYTECODE := 1
MANIFESTS := pyproject.toml $(wildcard */pyproject.toml services/*/pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help up test check faults compose-test cluster-test gen format bench clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

up: .venv/.synced ## start everything in one process, load the demo park, stay up until Ctrl-C
	@exec .venv/bin/parkcarbon up

test: .venv/.synced ## every stage: check, integration, system, security, api, faults, alone, compose
	@$(RUN) tests/stages.py

check: .venv/.synced ## the fast subset: lint, types, contracts, generated files, unit tests
	@$(RUN) tests/stages.py lint types contracts unit

faults: .venv/.synced ## kill and disturb the platform for ten minutes while it is pushed to, then compare every figure
	@$(RUN) -m tests.faults.run --minutes 10

compose-test: .venv/.synced ## build the images without a pull, and try the platform in containers
	@$(RUN) tests/stages.py compose

cluster-test: .venv/.synced ## apply the local overlay to the cluster of KUBECONFIG, and roll it during ingest
	@PARKCARBON_CLUSTER_TEST=1 .venv/bin/pytest -q -n0 tests/cluster

gen: .venv/.synced ## write what comes from the contracts anew: proto/gen, the routes of the gateway, both clients, openapi.json
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(RUN) proto/generate.py
	@$(RUN) client-ts/generate.py
	@$(RUN) client/generate_sync.py

format: .venv/.synced ## format the code and sort its imports
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

bench: .venv/.synced ## run every benchmark and write its results
	@$(UV) sync --quiet --all-packages --group bench
	@$(RUN) -m benchmarks

clean: ## remove what the other verbs made, but not the data
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -m venv .tools || { echo "the venv module is missing: on Debian, apt-get install python3-venv"; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: $(MANIFESTS) | $(UV)
	@echo "installing what is needed (once, and after a change of a pyproject.toml)"
	@$(UV) sync --quiet --all-packages --python $$(.tools/bin/python -c 'import sys; print(sys.executable)')
	@touch $@
