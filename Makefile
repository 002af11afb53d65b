# Two commands do it all on a fresh Debian or Ubuntu: `make demo` runs the whole loop, `make test` passes the tests.
# They build with one profile, into one target folder, with one feature set: the second builds only what tests add.
.PHONY: demo test lint bench bench-check setup build doc release

CARGO ?= cargo
TARGET = $(or $(CARGO_TARGET_DIR),target)
# A Rust that was just installed by the distribution's rustup is not on this shell's PATH yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

demo: build
	$(TARGET)/debug/tidemill demo $(DEMO_FLAGS)

build: setup
	$(CARGO) build --workspace --bin tidemill

test: setup
	$(CARGO) test --workspace --no-fail-fast

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc: setup
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

bench: setup
	benches/run

# The benches' code alone: it compiles, and clippy is content.
bench-check: setup
	$(CARGO) clippy --workspace --benches -- -D warnings

release: setup
	$(CARGO) build --release --workspace --bin tidemill

setup:
	@./setup
