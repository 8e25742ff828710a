# `make help` lists what there is. Everything is made under .venv/, .venv-oldest/ and .demo/.
PYTHON ?= python3
BIN := .venv/bin
PINS := requirements roles/prepare/files/tools tests/requirements tests/requirements-oldest
# A checkout is its own collection (see ansible.cfg); what the user has elsewhere stays out.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.ansible/collections
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-setup lint unit roundtrip roundtrip-newest roundtrip-oldest collection pins codes clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## The environment alone, at .venv
	@$(PYTHON) tests/environment.py .venv requirements.txt

demo: setup ## The whole main job with real TensorFlow on this machine, under .demo/
	@$(BIN)/python tests/demo/demo.py

test: test-setup ## Every gate, the units, and the demo's round trip with small wheels (two cores: some 8 minutes)
	@echo "Two at a time: lint, units, round trips, archive. Each prints when it has ended ..."
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target roundtrip-newest unit roundtrip-oldest lint collection
	@echo "make test: every gate, unit and round trip passed."

test-setup:
	@$(PYTHON) tests/environment.py .venv tests/requirements.txt
	@$(PYTHON) tests/environment.py .venv-oldest tests/requirements-oldest.txt

lint: test-setup ## yamllint, ansible-lint (production), ruff, the changelog
	$(BIN)/yamllint --strict .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint --offline --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/antsibull-changelog lint

unit: test-setup ## The unit tests
	$(BIN)/python -m pytest tests/unit

roundtrip: roundtrip-newest roundtrip-oldest ## The demo's round trip and its bad inputs, on the newest and the oldest ansible-core

roundtrip-newest: test-setup
	$(BIN)/python -m pytest tests/roundtrip

roundtrip-oldest: test-setup
	.venv-oldest/bin/python -m pytest tests/roundtrip/test_roundtrip.py

collection: test-setup ## The collection's archive, under tests/output
	$(BIN)/ansible-galaxy collection build --force --output-path tests/output

pins: test-setup ## Write the pinned, hashed requirements anew from their .in files
	@for name in $(PINS); do (cd $$(dirname $$name) && $(CURDIR)/$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --output-file $$(basename $$name).txt $$(basename $$name).in) || exit 1; done

codes: ## Write docs/codes.md from the registry of codes
	@$(BIN)/python tests/docs/make_codes.py

clean: ## Remove everything that these commands made here
	rm -rf .venv .venv-oldest .demo tests/output .pytest_cache .ruff_cache .ansible_cache
