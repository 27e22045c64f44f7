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
SECURITY := .venv/security
LOCALSTACK := .venv/localstack
BUILD := .venv/build
BENCH := .venv/bench
CARGO_TOOLS := .local/cargo
FUNCTIONS := $(notdir $(wildcard functions/*))
HOST := $(subst aarch64,arm64,$(shell uname -m))

# Where `make deploy` saves the answers that it gets, a file for each stack; and what was saved last.
CONFIG ?= samconfig.toml
SAVED := $(shell sed -n 's/^parameter_overrides *= *//p' '$(CONFIG)' 2>/dev/null)
SAVED_ARCHITECTURE := $(shell sed -n 's/^parameter_overrides.*Architecture=[\\"]*\([a-z0-9_]*\).*/\1/p' '$(CONFIG)' 2>/dev/null)

# The processor to deploy to: what is built has to fit what the template says.
ARCHITECTURE ?= $(or $(SAVED_ARCHITECTURE),arm64)
RUST_TARGET := $(if $(filter arm64,$(ARCHITECTURE)),aarch64,x86_64)-unknown-linux-gnu

export SAM_CLI_TELEMETRY := 0

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- what people come for ----------------------------------------------------------------------

.PHONY: demo
demo: $(LOCAL)/ready bootstraps  ## Run a pipeline on a local AWS (PIPELINE=customers, CSV=your.csv, KEEP=1 to look around)
	@$(LOCAL)/bin/python -m local.demo $(if $(PIPELINE),--pipeline '$(PIPELINE)') $(if $(CSV),--csv '$(CSV)') $(if $(KEEP),--keep)

.PHONY: pipeline
pipeline: $(LOCAL)/ready bootstraps  ## Check a pipeline file and run it on a local AWS (SPEC=pipelines/x.json, DATE=2026-01-31)
	@$(LOCAL)/bin/python -m local.demo.pipeline '$(or $(SPEC),$(error make pipeline SPEC=pipelines/x.json))' $(if $(DATE),--date '$(DATE)')

.PHONY: test
test: tools fmt lint unit check guards e2e  ## Run every check and test

.PHONY: soak
soak: $(LOCAL)/ready bootstraps  ## Run the long forms: the model of the protocol, a million events, 200 requests at once, every grant, 10,000 uploads and the faults again and again
	MODEL_STEPS=5000000 cargo test --locked --release --package crawl --test protocol_model
	PROPTEST_CASES=1000000 cargo test --locked --release --package s3-event-filter --package event -- --include-ignored
	REQUESTS=200 GRANTS=1 $(LOCAL)/bin/pytest --capture=no tests/e2e/test_sharing.py tests/e2e/test_waking.py tests/e2e/test_grants.py
	set -e; for round in 1 2 3 4 5; do OBJECTS=10000 $(LOCAL)/bin/pytest --capture=no tests/e2e/test_burst.py; done
	set -e; for round in 1 2 3 4 5; do $(LOCAL)/bin/pytest --quiet tests/e2e/faults; done

# Builds for minutes the first time: Glue with the project's features and profile, and again with the defaults.
.PHONY: bench
bench: $(BENCH)/ready  ## Measure the Lambdas beside their Python twins (RUNS=20 CALLS=500 ONLY='get-crawler-state* floor' INTO=folder)
	@$(BENCH)/bin/python -m benches $(if $(RUNS),--runs $(RUNS)) $(if $(CALLS),--calls $(CALLS)) \
	  $(if $(ONLY),--only $(foreach name,$(ONLY),'$(name)')) $(if $(INTO),--into '$(INTO)')

.PHONY: overhead
overhead: $(LOCAL)/ready bootstraps  ## Measure what runs take beside their jobs and crawls, ours and the tutorials'
	@$(LOCAL)/bin/pytest --quiet --capture=no benches/test_overhead.py

SAM_BUILD = PATH="$$PWD/$(BUILD)/bin:$$PATH" $(CHECKS)/bin/sam build --parameter-overrides Architecture=$(ARCHITECTURE)

.PHONY: sam-build
sam-build: $(BUILD)/ready $(CHECKS)/ready  ## Build with SAM into .local/sam/, as a deployment does (ARCHITECTURE=x86_64)
	rustup target add $(RUST_TARGET)
	$(SAM_BUILD) --build-dir .local/sam/$(ARCHITECTURE)

# One at a time: together they would have the features of each other's dependencies.
PACKAGE = PATH="$$PWD/$(BUILD)/bin:$$PATH" cargo lambda build --release --locked --target $(RUST_TARGET) --package
.PHONY: package
package: $(BUILD)/ready  ## Build what a release attaches, functions and command-line tool, into target/package/ (ARCHITECTURE=x86_64)
	rustup target add $(RUST_TARGET)
	mkdir -p target/package
	set -e; for function in $(FUNCTIONS); do \
	  $(PACKAGE) $$function --output-format zip; \
	  cp target/lambda/$$function/bootstrap.zip target/package/$$function-$(ARCHITECTURE).zip; \
	done
	$(PACKAGE) crawler-sync --lambda-dir target/tool
	tar --create --gzip --file target/package/crawler-sync-$(ARCHITECTURE).tar.gz --transform 's/bootstrap/crawler-sync/' \
	  --directory target/tool/crawler-sync bootstrap

.PHONY: sbom
sbom: .local/sbom/ready  ## Write what each function is made of into target/package/ (CycloneDX)
	mkdir -p target/package
	PATH="$$PWD/.local/sbom/bin:$$PATH" cargo cyclonedx --format json --no-build-deps --override-filename sbom
	set -e; for function in $(FUNCTIONS); do mv functions/$$function/sbom.json target/package/$$function.cdx.json; done
	mv cli/sbom.json target/package/crawler-sync.cdx.json
	rm -f shared/*/sbom.json

.PHONY: docs
docs: $(LOCAL)/ready bootstraps  ## Write what is generated: lists, tables and diagrams of the pages, and the schema
	WRITE_DOCS=1 $(LOCAL)/bin/pytest --quiet --numprocesses $(WORKERS) --dist loadfile -m generated tests

.PHONY: histories
histories: $(LOCAL)/ready bootstraps  ## Record the runs on the local AWS that the tests of the command-line tool read
	$(LOCAL)/bin/python -m tests.support.histories

.PHONY: pictures
pictures: $(LOCAL)/ready bootstraps  ## Take the pictures of the README: the demo in a terminal, the report of a run (apt-get install chromium)
	@$(LOCAL)/bin/python -m tools.pictures

.PHONY: pipelines
pipelines:  ## Check the files in pipelines/, and write pipelines/template.yaml from them
	@cargo run --quiet --locked --package crawler-sync -- template pipelines --output pipelines/template.yaml

.PHONY: deploy
deploy: $(BUILD)/ready $(CHECKS)/ready $(CONFIG)  ## Build with SAM and deploy; asks the first time (GUIDED=1 again, ARCHITECTURE=x86_64, CONFIG=prod.toml)
	$(if $(filter-out $(ARCHITECTURE),$(SAVED_ARCHITECTURE)),$(error $(CONFIG) says $(SAVED_ARCHITECTURE): change it there))
	rustup target add $(RUST_TARGET)
	$(SAM_BUILD)
	$(CHECKS)/bin/sam deploy --config-file '$(abspath $(CONFIG))' --no-fail-on-empty-changeset \
	  $(if $(SAVED),$(if $(GUIDED),--guided),--guided --parameter-overrides Architecture=$(ARCHITECTURE))
	$(MAKE) deploy-pipelines

# What the machinery's deployment has saved.
saved = $(shell sed -n 's/^$(1) *= *"\(.*\)"/\1/p' '$(CONFIG)' | tail -1)
.PHONY: deploy-pipelines
deploy-pipelines: pipelines $(CHECKS)/ready  ## Deploy what starts the pipelines (PARAMETERS='SourceBucketName=landing', CONFIG=prod.toml)
	$(CHECKS)/bin/sam deploy --template-file pipelines/template.yaml --config-file '$(abspath $(CONFIG))' \
	  --config-env pipelines --stack-name '$(call saved,stack_name)-pipelines' \
	  $(addprefix --region ,$(call saved,region)) --no-fail-on-empty-changeset \
	  --parameter-overrides MachineryStack='$(call saved,stack_name)' $(PARAMETERS)

# The file of a further stack begins with what all have in common.
$(CONFIG):
	sed -E '/^(stack_name|region|s3_prefix|parameter_overrides|image_repositories) /d' samconfig.toml > $@

# --- the parts of test -------------------------------------------------------------------------

.PHONY: fmt
fmt: $(CHECKS)/ready
	cargo fmt --all --check
	$(CHECKS)/bin/ruff format --check

# The same flags everywhere: another feature set would compile the Glue SDK, minutes of work, once more.
.PHONY: lint
lint: $(CHECKS)/ready $(LOCAL)/ready
	cargo clippy $(CARGO_FLAGS) -- -D warnings
	$(CHECKS)/bin/ruff check
	$(LOCAL)/bin/mypy
	$(LOCAL)/bin/lint-imports --no-logo --cache-dir .local/import-linter

.PHONY: bootstraps
bootstraps:
	@cargo build $(CARGO_FLAGS)

.PHONY: unit
unit:
	cargo test $(CARGO_FLAGS)

# Nothing here needs an account, and nothing should look for one.
.PHONY: check
check: export AWS_EC2_METADATA_DISABLED := true
check: $(CHECKS)/ready $(SECURITY)/ready $(LOCALSTACK)/ready $(LOCAL)/ready $(CARGO_TOOLS)/ready tools/node_modules/ready bootstraps
	$(CHECKS)/bin/sam validate --lint
	$(LOCAL)/bin/pytest --numprocesses 2 tests/static

# The other processor's build takes as long once more, and cannot run here: CI has a job for it.
export ARCHITECTURES ?= $(HOST)
.PHONY: guards
guards: $(LOCAL)/ready  ## Build with SAM, and hold the bootstraps to their rules and budgets (ARCHITECTURES='x86_64 arm64')
	set -e; for architecture in $(ARCHITECTURES); do $(MAKE) sam-build ARCHITECTURE=$$architecture; done
	$(LOCAL)/bin/pytest --numprocesses 2 --dist loadfile tests/release

# Not part of check: the database of advisories is on GitHub, and changes without a commit of ours.
.PHONY: advisories
advisories: $(CARGO_TOOLS)/ready  ## Look the crates up in the RustSec advisory database
	$(CARGO_TOOLS)/bin/cargo-deny --locked --workspace check advisories

# Each with a local AWS of its own. More than there are cores: they wait for crawls most of the time.
WORKERS ?= 4
# What takes a minute by itself begins first: begun last, it would keep one worker busy and the others waiting.
LONGEST := $(addprefix tests/e2e/,test_waking.py test_demo.py test_grants.py work drop_in \
  test_what_runs_cost.py test_burst.py test_command_explain.py faults test_medallion.py)
.PHONY: e2e
e2e: $(LOCAL)/ready bootstraps
	$(LOCAL)/bin/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(LONGEST) tests/e2e local/aws/tests

# --- tools -------------------------------------------------------------------------------------

# Two at a time: each unpacks on one processor.
.PHONY: tools
tools:
	@$(MAKE) --jobs=2 $(addsuffix /ready,$(CHECKS) $(CARGO_TOOLS) $(SECURITY) $(LOCAL) $(LOCALSTACK) $(BUILD) tools/node_modules)

.PRECIOUS: .venv/%/ready
$(LOCAL)/ready: local/requirements.txt
$(CHECKS)/ready: tools/checks.txt
$(SECURITY)/ready: tools/security.txt
$(LOCALSTACK)/ready: tools/localstack.txt
$(BUILD)/ready: tools/build.txt
$(BENCH)/ready: benches/requirements.txt
.venv/%/ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=…")'
	@echo "installing $< into .venv/$*"
	@$(PYTHON) -m venv --clear .venv/$*
	@.venv/$*/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# Unoptimised and without debug info: each is built once, and runs for a second.
$(CARGO_TOOLS)/ready: tools/cargo.txt
.local/sbom/ready: tools/sbom.txt
$(CARGO_TOOLS)/ready .local/sbom/ready:
	@echo "installing $< into $(@D)"
	@CARGO_PROFILE_DEV_DEBUG=0 xargs cargo install --quiet --locked --debug --root $(@D) < $<
	@touch $@

tools/node_modules/ready: tools/package-lock.json $(CHECKS)/ready
	@echo "installing $< into tools/node_modules"
	@PATH="$$PWD/$(CHECKS)/bin:$$PATH" npm ci --silent --prefix tools
	@touch $@

.PHONY: clean
clean:  ## Remove whatever the other targets made
	rm -rf .venv .local .aws-sam target tools/node_modules
