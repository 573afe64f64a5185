# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Every target installs what it needs first. `make` alone lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .cache/venv
PYTHON := $(VENV)/bin/python
PARTS := $(PYTHON) -m tools.run_parts

# Tools call each other by name (molecule runs ansible-playbook), and Ansible finds this checkout as podwright.fleet.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache/collections
export PYTHONDONTWRITEBYTECODE := 1
# Where Molecule remembers what it has made: with the hosts, which are in .cache too.
export MOLECULE_EPHEMERAL_DIRECTORY := $(CURDIR)/.cache/molecule

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install Debian packages (as root) and the virtual environment; instant when nothing is missing
	@tools/setup

.PHONY: collection
collection: setup ## build the collection's tarball, the same bytes for the same files, and print its path
	@$(PYTHON) -m tools.collection build

.PHONY: quickstart
quickstart: setup ## build, sign and serve a redis image, then run it as a pod on this machine with the playbook
	@$(PYTHON) -m tools.quickstart up

.PHONY: quickstart-down
quickstart-down: setup ## undo quickstart and prove that nothing is left
	@$(PYTHON) -m tools.quickstart down

.PHONY: test
test: setup ## everything below up to molecule, two parts at a time, with a summary at the end
	@tools/setup tests/agent/apt-packages.txt tests/modules/apt-packages.txt tests/vm/apt-packages.txt
	@$(PARTS) vm agent-tests molecule module-tests hostile unit sanity lint docs

.PHONY: lint
lint: setup ## ruff, mypy --strict, yamllint, ansible-lint, shellcheck, REUSE, changelog fragments
	@$(PARTS) lint

.PHONY: fragments
fragments: setup ## write the documentation of the modules' options from their tables
	@$(PYTHON) -m tools.doc_fragments

.PHONY: unit
unit: setup ## tests of pure code, no root needed
	@$(PARTS) unit

.PHONY: agent-tests
agent-tests: setup ## behaviour tests of the agent, on throw-away hosts of namespaces (root)
	@tools/setup tests/agent/apt-packages.txt
	@$(PARTS) agent-tests

.PHONY: hostile
hostile: setup ## hostile archives, manifests and other input, and 2,000 cases of the fuzz (root)
	@$(PARTS) hostile

.PHONY: thorough-tests
thorough-tests: setup ## agent-tests, hostile and module-tests with all that `make test` takes samples of (2 hours, root)
	@tools/setup tests/agent/apt-packages.txt tests/modules/apt-packages.txt tests/vm/apt-packages.txt
	@PODWRIGHT_THOROUGH=1 $(PARTS) thorough

.PHONY: fuzz
fuzz: setup ## 100,000 cases of the fuzz in two processes (10 minutes, root)
	@$(PYTHON) -m tests.hostile.fuzz

.PHONY: threats
threats: setup ## run every test of a threat row, print the table of rows, write docs/threats.md (root)
	@tools/setup tests/agent/apt-packages.txt
	@$(PYTHON) -m pytest -q -n 2 --dist worksteal --timeout=600 --threats=docs/threats.md tests

.PHONY: module-tests
module-tests: setup ## the modules through Ansible, on throw-away hosts of namespaces (root)
	@tools/setup tests/modules/apt-packages.txt
	@$(PARTS) module-tests

.PHONY: install-tests
install-tests: setup ## the role agent on bare Debian 12 and 13 under systemd, and by dnf: install, upgrade, remove (5 minutes, root)
	@$(PARTS) install-tests

.PHONY: sanity
sanity: setup ## ansible-test sanity
	@$(PARTS) sanity

.PHONY: molecule
molecule: setup ## roll a signed pod out to three systemd hosts over SSH (root)
	@$(PARTS) molecule

.PHONY: vm
vm: setup ## some of what vm-tests runs, for `make test` (8 minutes, root)
	@tools/setup tests/vm/apt-packages.txt
	@$(PARTS) vm

.PHONY: molecule-kvm
molecule-kvm: setup ## the same as virtual machines of KVM, in software emulation where there is no /dev/kvm (6 minutes, root)
	@tools/setup tests/vm/apt-packages.txt
	@$(PARTS) molecule-kvm

.PHONY: molecule-xen
molecule-xen: setup ## roll a signed pod out to a Xen host in software emulation, as a guest of it (10 minutes, root)
	@tools/setup tests/vm/apt-packages.txt
	@$(PARTS) molecule-xen

.PHONY: crash-tests
crash-tests: setup ## kill -9, ENOSPC, EIO, EROFS, EMFILE at every state-changing call of every verb (hours, root)
	@rm -f .cache/crash-matrix.txt
	@PODWRIGHT_MATRIX_STRIDE=1 PODWRIGHT_MATRIX_REPORT=$(CURDIR)/.cache/crash-matrix.txt \
		$(PYTHON) -m pytest -q -n 2 --dist worksteal --timeout=36000 tests/agent/test_crash_matrix.py; \
		status=$$?; grep -E '^(DONE|BAD)' .cache/crash-matrix.txt; exit $$status
	@PODWRIGHT_CRASH_STRIDE=1 PODWRIGHT_FETCH_STRIDE=1 PODWRIGHT_TEARDOWN_STRIDE=1 $(PYTHON) -m pytest -q -n 2 --timeout=3000 \
		tests/agent/test_killed_in_teardown.py tests/agent/test_crash.py tests/agent/test_oci_crash.py tests/hostile/test_fetch_faults.py tests/agent/test_dependencies.py \
		tests/modules/test_role_upgrade.py

.PHONY: power-tests
power-tests: setup ## cut the power 240 times under a fetch, on ext4 and xfs (10 minutes, root)
	@PODWRIGHT_POWER_CUTS=40 $(PYTHON) -m pytest -q -n 2 --timeout=3000 tests/hostile/test_power_loss.py

.PHONY: molecule-destroy
molecule-destroy: setup ## end the test hosts that an interrupted run left
	@$(PYTHON) -m tests.support.hosts destroy --state .cache/fleets/default
	@$(PYTHON) -m tests.support.hosts destroy --state .cache/fleets/kvm
	@$(PYTHON) -m tests.vm.xenfleet destroy --state .cache/fleets/xen

.PHONY: soak
soak: setup ## races for mount targets and against enter, pods killed, pods beside gc: 1,000 rounds of each (1 hour, root)
	@PODWRIGHT_KILLS=1000 PODWRIGHT_CROWD=200 PODWRIGHT_RACES=1000 PODWRIGHT_ENTERS=1000 PODWRIGHT_NETWORK_ROUNDS=1000 $(PYTHON) -m pytest -q -n 2 --timeout=3000 \
		tests/agent/test_volumes.py tests/agent/test_enter_attacks.py tests/agent/test_network_lifetimes.py \
		tests/agent/test_crowds.py tests/agent/test_many_at_once.py

.PHONY: vm-tests
vm-tests: setup ## SELinux, AppArmor, cgroup v2, TPM, Xen in virtual machines, two at a time (20 minutes, root)
	@tools/setup tests/vm/apt-packages.txt
	@$(PARTS) vm-plain vm-xen vm-labels molecule-kvm molecule-xen

.PHONY: bench
bench: ## measure against podman, write docs/benchmarks*.md (root); BENCH=kvm: only machines, BENCH=scale: 50 hosts
	@tools/setup tests/bench/apt-packages.txt
	@$(if $(BENCH),,$(PYTHON) -m tests.bench)
	@$(if $(filter-out kvm,$(BENCH)),,PYTHONPATH=agent $(PYTHON) -m tests.bench.kvm)
	@$(if $(filter scale,$(BENCH)),$(PYTHON) -m tests.bench.scale --write)

.PHONY: docs
docs: setup ## build the documentation as a site, in .cache/site
	@$(PARTS) docs
	@echo "open $(CURDIR)/.cache/site/index.html"

.PHONY: clean
clean: ## remove everything that was built or downloaded
	@tools/clean
