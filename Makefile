# The commands of this repository. `make` without a target lists them.
.DEFAULT_GOAL := help
.PHONY: help demo examples many up deploy-local ls logs down tools test field test-artefact first-run simulate prove chaos load orders fuzz redaction mutations audit sbom reproducible check lint check-format check-code check-template bench bench-memory cli

# Compiles and installs what a command needs, with progress, and runs it.
PYTHON ?= python3
START := $(PYTHON) dev/start.py

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

demo: ## Deploys to an empty local AWS, posts webhooks, and checks every stored byte (LOCAL_PORT=4566)
	@$(START) demo

examples: ## Installs the example applications, starts them and posts to them (STACK=1: as receivers of a local stack; N8N=1: with n8n, 3 GB)
	@$(PYTHON) examples/test.py $(if $(STACK),--stack) $(if $(N8N),--n8n)

many: cargo ## Posts webhooks to a local stack with receivers that fail, and counts what each gets (COUNT=1000 DEAD=120)
	@$(PYTHON) examples/many.py --count $(or $(COUNT),1000) --dead $(or $(DEAD),120)

chaos: ## Kills functions and cuts off origins while webhooks arrive, then accounts for every media message (CHAOS_COUNT=2000)
	@$(START) chaos

up: ## Starts the local AWS (LOCAL_PORT=4566)
	@$(START) up

deploy-local: ## Builds template.yaml and deploys it to the local AWS (WAPI_BASE_URL=, CDN_BASE_URLS=)
	@$(START) deploy

ls: ## Shows the files in the local bucket
	@$(START) ls

logs: ## Shows the log lines of the local functions
	@$(START) logs

down: ## Stops the local AWS
	@$(START) down

tools: ## Installs the pinned tools into .tools/
	@$(START) tools

test: ## Runs all tests, or those of packages (P="media wapi") or of test programs (T=whole_path)
	@$(START) test $(P:%=--package=%) $(T:%=--test=%)

field: ## Posts bodies as seen in production to a local stack, and shows the result of each
	@$(START) field

test-artefact: ## Compiles with `sam build`, deploys that to a local stack, and tests it
	@$(START) test-artefact

first-run: ## Measures a newcomer's wait in a fresh clone with an empty home (CI=1 includes .ci/run)
	@$(PYTHON) dev/first_run.py $(if $(CI),--ci)

# Built with the whole workspace, so that the dependencies are those that the tests have already compiled.
simulate: prove

prove: cargo ## Runs the functions in seeded worlds full of faults and accounts for every media message (SEEDS=1000 or 100..200; SEED=17 replays one)
	@cargo build --quiet --workspace --bin prove $(if $(SEED),,--profile proof)
	@target/$(if $(SEED),debug,proof)/prove $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000))
	@$(if $(SEED),,WHOLE_PROOF=1 cargo test --quiet --workspace --test worlds -- faults:: privilege:: receivers:: heard::)

orders: cargo ## Compares two orders of strategies in simulated worlds: time, requests, integrity and GB-seconds
	@cargo build --quiet --workspace --bin orders
	@target/debug/orders

load: cargo ## Counts the calls of the operator's verbs over few and over many parked jobs and records, and compares (PARKED=100000 RECORDS=1000000)
	@cargo build --quiet --workspace --profile proof --bin load --bin neighbours
	@target/proof/load --parked $(or $(PARKED),100000) --records $(or $(RECORDS),1000000)
	@target/proof/neighbours --waiting $(or $(WAITING),200000)

check: cargo ## Checks everything that must hold before a change lands (.ci/run is the same)
	@env -u MAKEFLAGS -u MAKELEVEL .ci/run

# Each check is defined once, here; .ci/run calls these targets.
lint: check-format check-code ## Checks format, code and template, without the slow checkers
	@tests/house/template-checks/check --quick

check-format: cargo ## Checks the format of the code, and that the text of each mutation is still found
	@cargo fmt --all --check
	@tests/mutations/mutate --check

check-code: cargo ## Runs clippy over everything; each warning is an error
	@cargo clippy --workspace --all-targets --features whole-path/artefact --quiet -- -D warnings

check-template: cargo ## Runs cfn-lint, sam validate, checkov, cfn-guard and cdk-nag over template.yaml
	@tests/house/template-checks/check

fuzz: cargo ## Searches for inputs that break the code that reads untrusted data, T seconds for each target (T=60, TARGETS="url_guard sqs_event")
	@T=$(or $(T),60) tests/fuzz/fuzz $(TARGETS)

redaction: cargo ## Runs all tests and the demo at TRACE, and searches everything they write for secrets and personal data
	@tests/redaction/redaction

audit: cargo ## Looks up every dependency in the RustSec database, which must be reachable
	@.ci/audit

sbom: cargo ## Lists the components of the functions and the command, as CycloneDX, in target/sbom/
	@.ci/sbom

reproducible: cargo tools ## Builds the functions twice, in two folders, and compares the archives byte for byte
	@.ci/reproducible

mutations: cargo ## Breaks each defence and expects a test to notice (THREATS="7 8" for some)
	@tests/mutations/mutate $(THREATS)

# Linked statically with glibc, so that it runs on any Linux of this processor.
cli: cargo ## Builds wapi-media as one static binary for this machine's processor
	@RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --locked --package wapi-media --target-dir target/static --target $$(rustc -vV | sed -n 's/^host: //p')
	@ls -lh target/static/*/release/wapi-media

bench: ## Measures the product beside Node.js, Python and unprimed Rust: time, processor, memory, dollars (ONLY=cold,webhook ROUNDS=5)
	@$(START) bench $(ONLY:%=--only=%) $(ROUNDS:%=--rounds=%) $(BASELINE:%=--baseline=%) $(if $(WRITE),--json=dev/bench/results.json --markdown=dev/bench/results.md --chart=docs/images/bench.svg)

bench-memory: ## Shows the functions' peak memory from 64 KB to 2 GB
	@$(START) bench --only=memory

.PHONY: cargo
cargo:
	@command -v cargo >/dev/null || { echo "cargo is missing. Remedy: install Rust 1.95 or later from https://rustup.rs and open a new shell." >&2; exit 1; }
