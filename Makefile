# `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test test-majors prove fmt

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build the console and try it on a throw-away Postgres
	@scripts/install-packages demo
	@command -v cargo >/dev/null || { echo 'Rust is missing. https://rustup.rs installs it; then run make demo again.' >&2; exit 2; }
	cargo build --locked
	@demo/run

test: ## Check the formatting, the lints, the documentation, and run all tests
	@scripts/install-packages test
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --test prove -- -D warnings
	@scripts/check-dependencies
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps --document-private-items
	@tests/prisma/setup
	@if cargo nextest --version >/dev/null 2>&1; then set -x; cargo nextest run --locked --no-fail-fast; else set -x; cargo test --locked --no-fail-fast --lib --bins --tests; fi

test-majors: ## Run the tests that depend on the server on Postgres 13, 14, 16, 17 and 18, which it fetches
	@scripts/install-packages test majors
	@tests/prisma/setup
	@tests/postgres/run

prove: test-majors ## Run the long campaigns: other majors, crashes, latencies, memory. Prints figures
	cargo test --locked --release --test prove -- --test-threads=1 --nocapture

fmt: ## Format the code
	cargo fmt
