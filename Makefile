# Everything a newcomer or CI runs. Needs Rust (rust-toolchain.toml), Python 3.11 or later, and make.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
CARGO_FLAGS := --workspace --all-targets --locked

# One virtual environment a tool group: their pins contradict each other.
LOCAL := .venv/local
CHECKS := .venv/checks
BUILD := .venv/build

# The processor to deploy to: what is built has to fit what the template says.
ARCHITECTURE ?= arm64
RUST_TARGET := $(if $(filter arm64,$(ARCHITECTURE)),aarch64,x86_64)-unknown-linux-gnu

export SAM_CLI_TELEMETRY := 0

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- what people come for ----------------------------------------------------------------------

.PHONY: demo
demo: $(LOCAL)/ready bootstraps  ## Run the pipeline customers on a local AWS (CSV=your.csv, KEEP=1 to look around)
	@$(LOCAL)/bin/python -m local.demo $(if $(CSV),--csv '$(CSV)') $(if $(KEEP),--keep)

.PHONY: test
test: fmt lint unit check e2e  ## Run every check and test

.PHONY: soak
soak: $(LOCAL)/ready bootstraps  ## Run the long forms: the model of the protocol, 200 requests at once, the faults again and again
	MODEL_STEPS=5000000 cargo test --locked --release --package shared --test protocol_model
	REQUESTS=200 $(LOCAL)/bin/pytest tests/e2e/test_sharing.py
	for round in 1 2 3 4 5; do $(LOCAL)/bin/pytest --quiet tests/e2e/faults; done

.PHONY: build
build: $(BUILD)/ready  ## Build the release bootstraps of this machine's architecture into target/lambda/
	PATH="$$PWD/$(BUILD)/bin:$$PATH" cargo lambda build --release --locked

.PHONY: polling
polling: bootstraps  ## Print what waiting costs: polls, transitions, events, time lost (docs/polling.md)
	@target/debug/examples/polling

.PHONY: faults
faults: $(LOCAL)/ready  ## Write docs/faults.md from the scenarios that the tests play
	$(LOCAL)/bin/python tests/e2e/faults/page.py

.PHONY: migration
migration: $(LOCAL)/ready bootstraps  ## Write the tables of docs/migration.md from runs on the local AWS
	WRITE_TABLES=1 $(LOCAL)/bin/pytest tests/e2e/drop_in/test_migration_guide.py

.PHONY: diagrams
diagrams:  ## Draw docs/machines.md from the definitions of the state machines
	$(PYTHON) tools/diagrams.py

.PHONY: deploy
deploy: $(BUILD)/ready $(CHECKS)/ready  ## Build with SAM and deploy; asks for the parameters, offers the last answers (ARCHITECTURE=x86_64)
	rustup target add $(RUST_TARGET)
	PATH="$$PWD/$(BUILD)/bin:$$PATH" $(CHECKS)/bin/sam build --parameter-overrides Architecture=$(ARCHITECTURE)
	$(CHECKS)/bin/sam deploy --guided --parameter-overrides Architecture=$(ARCHITECTURE)

# --- the parts of test -------------------------------------------------------------------------

.PHONY: fmt
fmt:
	cargo fmt --all --check

# The same flags everywhere: another feature set would compile the Glue SDK, minutes of work, once more.
.PHONY: lint
lint:
	cargo clippy $(CARGO_FLAGS) -- -D warnings

.PHONY: bootstraps
bootstraps:
	@cargo build $(CARGO_FLAGS)

.PHONY: unit
unit:
	cargo test $(CARGO_FLAGS)

# Nothing here needs an account, and nothing should look for one.
.PHONY: check
check: export AWS_EC2_METADATA_DISABLED := true
check: $(CHECKS)/ready $(LOCAL)/ready tools/node_modules/ready bootstraps
	$(CHECKS)/bin/sam validate --lint
	$(LOCAL)/bin/pytest tests/static

.PHONY: e2e
e2e: $(LOCAL)/ready bootstraps
	$(LOCAL)/bin/pytest tests/contract tests/e2e

# --- tools -------------------------------------------------------------------------------------

.PRECIOUS: .venv/%/ready
$(LOCAL)/ready: local/requirements.txt
$(CHECKS)/ready: tools/checks.txt
$(BUILD)/ready: tools/build.txt
.venv/%/ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=…")'
	@echo "installing $< into .venv/$*"
	@$(PYTHON) -m venv --clear .venv/$*
	@.venv/$*/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

tools/node_modules/ready: tools/package-lock.json $(CHECKS)/ready
	@echo "installing $< into tools/node_modules"
	@PATH="$$PWD/$(CHECKS)/bin:$$PATH" npm ci --silent --prefix tools
	@touch $@

.PHONY: clean
clean:  ## Remove whatever the other targets made
	rm -rf .venv .local .aws-sam target tools/node_modules
