# `make help` lists what there is. Everything is made under .venv*/, .demo/ and .lab/; the lab's images, and the wheels of
# ansible-test's own environments, under the user's cache folder.
PYTHON ?= python3
BIN := .venv/bin
GATES := .venv-gates/bin
PINS := requirements roles/prepare/files/tools tests/requirements tests/requirements-oldest tests/requirements-gates \
	tests/requirements-sanity tests/requirements-sanity-oldest tests/requirements-py38
# A checkout is its own collection (see ansible.cfg); what the user has elsewhere stays out.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.ansible/collections
export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-setup lint docs-lint py38-lint sanity sanity-newest sanity-oldest unit unit-py38 \
	fuzz fuzz-short kill-test \
	roundtrip roundtrip-newest roundtrip-oldest molecule upgrade-tensorflow frameworks lab lab-down bench collection importer pins codes cases clean

help: ## This list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

setup: ## The environment alone, at .venv
	@$(PYTHON) tests/environment.py .venv requirements.txt

demo: setup ## The whole main job with real TensorFlow on this machine, under .demo/
	@$(BIN)/python tests/demo/demo.py

test: test-setup ## Every gate, the units, the round trips, and Molecule's scenarios on cut-off hosts (two cores: some 20 minutes)
	@$(BIN)/python tests/gates/left_out.py clear
	@echo "Two at a time: scenarios, gates, units, round trips, archive. Each prints when it has ended ..."
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target molecule roundtrip-newest unit roundtrip-oldest unit-py38 fuzz-short sanity lint docs-lint py38-lint importer
	@echo "make test: every gate, unit, round trip and scenario that ran has passed."
	@$(BIN)/python tests/gates/left_out.py show

test-setup:
	@$(PYTHON) tests/environment.py .venv tests/requirements.txt
	@$(PYTHON) tests/environment.py .venv-oldest tests/requirements-oldest.txt
	@$(PYTHON) tests/environment.py .venv-gates tests/requirements-gates.txt

lint: test-setup ## yamllint, ansible-lint (production), ruff, the changelog
	$(BIN)/yamllint --strict .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint --offline --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/antsibull-changelog lint

docs-lint: test-setup ## Every page of the plugins' and roles' documentation, with its references
	PATH="$(CURDIR)/$(GATES):$$PATH" $(GATES)/antsibull-docs lint-collection-docs --plugin-docs --check-extra-docs-refs \
		--validate-collection-refs dependent --disallow-unknown-collection-refs .

py38-lint: test-setup ## What travels to hosts and depots asks for nothing that Python 3.8 has not
	$(GATES)/vermin --target=3.8- --violations --no-tips $$($(BIN)/python tests/gates/travels.py)

sanity: sanity-newest sanity-oldest ## ansible-test sanity without an ignore file, on the newest and the oldest ansible-core

sanity-newest: test-setup
	$(BIN)/python tests/gates/sanity.py $@ tests/requirements-sanity.txt

sanity-oldest: test-setup
	.venv-oldest/bin/python tests/gates/sanity.py $@ tests/requirements-sanity-oldest.txt

unit: test-setup ## The unit tests
	FERRY_GATE=$@ $(BIN)/python -m pytest tests/unit

unit-py38: test-setup ## The unit tests of what travels, on a Python 3.8 where there is one
	$(BIN)/python tests/gates/oldest_python.py $@

fuzz: test-setup ## A million inputs and more for each reader of a bundle, and docs/fuzzing.md (some hours on two cores)
	$(BIN)/python tests/fuzz/run.py --page

fuzz-short: test-setup ## Some thousand inputs for each, always the same ones, and fuzzers that find planted bugs
	FERRY_GATE=$@ $(BIN)/python -m pytest tests/fuzz

kill-test: test-setup ## Some 300 upgrades of a host, each killed at another point, and docs/kill-test.md (some 20 minutes, and strace)
	$(BIN)/python tests/kill/run.py --page

roundtrip: roundtrip-newest roundtrip-oldest ## The demo's round trip and its bad inputs, on the newest and the oldest ansible-core

roundtrip-newest: test-setup
	FERRY_GATE=$@ $(BIN)/python -m pytest tests/roundtrip

roundtrip-oldest: test-setup
	FERRY_GATE=$@ .venv-oldest/bin/python -m pytest tests/roundtrip/test_roundtrip.py

molecule: test-setup ## The lab's own tests and every Molecule scenario, on cut-off hosts (root, Debian; see molecule/README.md)
	$(BIN)/python tests/gates/scenarios.py $@

upgrade-tensorflow: test-setup ## The upgrade scenario with real TensorFlow
	PATH="$(CURDIR)/$(BIN):$$PATH" FERRY_UPGRADE=tensorflow $(BIN)/molecule test -s upgrade

frameworks: test-setup ## The frameworks scenario with PyTorch too (3 GB)
	PATH="$(CURDIR)/$(BIN):$$PATH" FERRY_FRAMEWORKS=torch $(BIN)/molecule test -s frameworks

lab: test-setup ## A lab to play with: staging, a depot and three cut-off hosts
	@$(BIN)/ansible-playbook -i molecule/resources/inventory molecule/resources/create.yml molecule/resources/prepare.yml
	@echo "Now: $(BIN)/ansible-playbook -i molecule/resources/inventory playbooks/site.yml"
	@echo "     ssh -F .lab/lab/ssh_config server-trixie"
	@echo "     make lab-down"

lab-down: test-setup ## Take that lab away; the images stay
	@$(BIN)/ansible-playbook -i molecule/resources/inventory molecule/resources/destroy.yml

bench: test-setup ## Locking beside pip's own resolver, a measured ratio (some 5 minutes, and the package index)
	$(BIN)/python benchmarks/lock.py

collection: test-setup ## The collection's archive, under tests/output
	$(BIN)/ansible-galaxy collection build --force --output-path tests/output

importer: collection ## What Galaxy would say to the archive
	$(GATES)/python tests/gates/importer.py tests/output/airgap-ferry-$$(sed -n 's/^version: //p' galaxy.yml).tar.gz

pins: test-setup ## Write the pinned, hashed requirements anew from their .in files
	@for name in $(PINS); do case $$name in *-py38) python=3.8;; *) python=3.11;; esac; \
		(cd $$(dirname $$name) && $(CURDIR)/$(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version $$python \
		--no-header --no-annotate --no-emit-index-url --output-file $$(basename $$name).txt $$(basename $$name).in) || exit 1; done

codes: ## Write docs/codes.md from the registry of codes, docs/compatibility.md from the tables and docs/faults.md from the marks
	@$(BIN)/python tests/docs/make_codes.py
	@$(BIN)/python tests/docs/make_compatibility.py
	@$(BIN)/python tests/docs/make_faults.py

cases: test-setup ## Ask the live index for every case again, and write docs/locks.md
	@$(BIN)/python tests/cases/record.py

clean: ## Remove everything that these commands made here, labs that are up too
	@for lab in .lab/*; do if [ -d "$$lab" ]; then $(PYTHON) molecule/resources/lab.py down "$$lab"; fi; done
	rm -rf .lab .venv .venv-oldest .venv-gates .venv-py38 .demo tests/output .pytest_cache .ruff_cache .ansible_cache
