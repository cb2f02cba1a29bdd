# The short way in; CMakeLists.txt does the work. `make help` lists the targets.

RUN_COMMAND  = build/kilburn sim traces/sqlite.kbt --study
PREFIX       = /usr/local
FUZZ_SECONDS ?= 60
JOBS         = $(shell nproc)

.NOTPARALLEL:

CTEST   = ctest --output-on-failure -j$(JOBS)
C_FILES = git ls-files -co --exclude-standard -- '*.c' '*.h'
SCRIPTS = git ls-files -co --exclude-standard -- '*.sh' .ci/run completions traces/record

# $(call build,PRESET,FOLDER): configure once, then build; CMake reconfigures by itself. The make
# below is to feel alone: with its own number of jobs, and without a word on each folder.
build = { test -f $(2)/Makefile -o -f $(2)/build.ninja || cmake --preset $(1); } && \
        env -u MAKEFLAGS -u MAKELEVEL cmake --build $(2) -j$(JOBS)

.PHONY: all deps build run test bench bench-peer fuzz soak asan lint format install clean help

all: build ## Build build/kilburn and the library (the default)

deps: ## Install what is missing, for building and for testing
	@scripts/deps.sh build test

build:
	@scripts/deps.sh build
	@$(call build,release,build)

run: build ## Build, then show every policy on a shipped trace
	$(RUN_COMMAND)

test: deps build ## Build, then run every test
	@$(CTEST) --test-dir build

bench: build ## Run the benchmarks
	@KILBURN=$(CURDIR)/build/kilburn bash bench/run.sh

bench-peer: ## Compare with libCacheSim (LIBCACHESIM=path of its cachesim)
	@test -x "$(LIBCACHESIM)" || \
	    { echo "bench-peer: set LIBCACHESIM to the path of libCacheSim's cachesim" >&2; exit 2; }
	@$(call build,release,build)
	@KILBURN=$(CURDIR)/build/kilburn LIBCACHESIM="$(LIBCACHESIM)" bash bench/peer.sh

fuzz: deps ## Fuzz each target for FUZZ_SECONDS (60)
	@$(call build,fuzz,build-fuzz)
	@scripts/fuzz.sh build-fuzz $(FUZZ_SECONDS)

soak: deps build ## The long tests: random traces, walks, whole traces on the machine, shared pages, fuzzing
	python3 tests/reference/differential.py --traces 20000 build/tests/victims
	python3 tests/reference/walk.py --walks 3000000 --seed 7 build/tests/walks
	KILBURN_REFERENCES=0 build/tests/test_traces
	KILBURN_OPERATIONS=10000000 build/tests/test_sharing
	KILBURN_OPERATIONS=1000000 build/tests/test_storage
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=600

asan: deps ## Run every test under the address and undefined-behaviour sanitizers
	@$(call build,asan,build-asan)
	@$(CTEST) --test-dir build-asan

lint: deps ## Check the format, and build with gcc and clang, warnings being errors
	@$(C_FILES) | xargs clang-format --dry-run --Werror
	@if command -v shellcheck >/dev/null; then $(SCRIPTS) | xargs shellcheck -S warning; fi
	@$(call build,lint-gcc,build-lint-gcc)
	@$(call build,lint-clang,build-lint-clang)

format: deps ## Format every .c and .h
	@$(C_FILES) | xargs clang-format -i

install: build ## Install below PREFIX (/usr/local), staged into DESTDIR if set
	@DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)"
	@if test -z "$(DESTDIR)" -a "$$(id -u)" = 0; then ldconfig; fi

clean: ## Remove every build folder
	rm -rf build build-debug build-asan build-fuzz build-lint-gcc build-lint-clang

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | expand -t 14
