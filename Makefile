# `make course` shows everything, `make test` proves it, `make help` lists the rest.
# A fresh machine needs Python 3.11 or newer, git and make; the first target that needs .venv makes it.

.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
             $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN     := .venv/bin
READY   := .venv/.ready
WORKERS ?= 2
LESSONS ?= $(sort $(notdir $(wildcard lessons/[0-9]*)))
LESSON  ?= $(firstword $(LESSONS))
OUT     ?= out/class
SUBMITTED ?= $(OUT)/submitted
STUDENTS  ?= 30
DUE       ?=
SAMPLE_DUE := 2026-01-30T23:00:00+00:00

export OMP_NUM_THREADS ?= 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1
export JUPYTER_PLATFORM_DIRS := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)
PYTEST := $(BIN)/python -m pytest

# ---------------------------------------------------------------- what people call

.PHONY: help
help:  ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: course
course: $(READY) system book  ## Book, released lessons and a graded sample class, from nothing
	@$(BIN)/autograder release --to out/release
	@$(MAKE) --no-print-directory sample-class
	@printf '\n%s\n' "All of it, made just now:"
	@printf '  %-10s %s\n' \
	    Book     "file://$(CURDIR)/_build/html/index.html" \
	    Lessons  "$(CURDIR)/out/release/" \
	    Grades   "$(CURDIR)/$(OUT)/results.json" \
	    Report   "$(CURDIR)/$(OUT)/report/"

.PHONY: test
test: $(READY) system database  ## Everything that CI runs
	@$(MAKE) --no-print-directory -j $(WORKERS) check book test-lessons
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "not soak" -p no:benchmark

.PHONY: test-fast
test-fast: $(READY)  ## The tests that need neither book nor browser nor patience
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "not soak and not slow and not browser and not book" -p no:benchmark

.PHONY: test-lessons
test-lessons: $(READY)  ## Run every solved lesson from top to bottom (nbval)
	@if compgen -G 'lessons/*/*.ipynb' > /dev/null; then \
	    $(PYTEST) lessons --nbval-lax --nbval-current-env -p no:xdist -p no:cacheprovider -p no:benchmark -W default -q; \
	else echo "test-lessons: no lesson yet"; fi

.PHONY: book
book: $(READY)  ## The book, executed, offline, warnings as errors: _build/html
	@$(BIN)/jupyter-book build book -W -n --keep-going -q || { rm -rf _build/.doctrees _build/html/.doctrees; exit 1; }
	@echo "Book: file://$(CURDIR)/_build/html/index.html"

.PHONY: ledger
ledger: $(READY)  ## Write book/ledger.md again from book/ledger.yml
	@PYTHONPATH=book/_ext $(BIN)/python -m coursebook.ledger

.PHONY: lab
lab: $(READY)  ## JupyterLab on the released lessons
	@test -d out/release || $(BIN)/autograder release --to out/release
	$(BIN)/jupyter lab out/release

.PHONY: grade
grade: $(READY) system  ## Grade SUBMITTED=folder for LESSON=name into OUT=folder, with feedback and report
	@test -d "$(SUBMITTED)" || { echo "No folder $(SUBMITTED). Give one: make grade SUBMITTED=... (or make a sample class: make sample-class)"; exit 2; }
	@$(call graded,$(LESSON))

.PHONY: sample-class
sample-class: DUE = $(SAMPLE_DUE)
sample-class: $(READY) system  ## Make a class of STUDENTS=30 for each lesson and grade it
	@for lesson in $(LESSONS); do \
	    { compgen -G "$(SUBMITTED)/*/$$lesson" > /dev/null || \
	      $(BIN)/autograder simulate $$lesson --students $(STUDENTS) --to $(SUBMITTED); } && \
	    { $(call graded,$$lesson); } || exit 2; \
	done

.PHONY: release-students
release-students: $(READY)  ## A folder for students: the lessons and the package, out/students
	@rm -rf out/students && mkdir -p out/students
	@$(BIN)/autograder release --to out/students
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir out/students .
	@echo "For students: $(CURDIR)/out/students"

.PHONY: check
check: $(READY)  ## Lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=book/_ext $(BIN)/mypy -p coursebook --allow-untyped-calls --no-warn-return-any --disable-error-code import-untyped

.PHONY: soak
soak: $(READY) system database  ## The long proofs
	$(PYTEST) -n $(WORKERS) -m soak --timeout 3600 -p no:benchmark

.PHONY: bench-grading
bench-grading: $(READY)  ## What grading costs, beside nbgrader in the same run, written to book/instructors/grading_costs.md
	$(BIN)/python tests/benchmarks/grading.py

.PHONY: bench
bench: $(READY)  ## Benchmarks, as ratios against a peer in the same run, written to book/costs.md
	@mkdir -p out/bench
	OMP_NUM_THREADS=2 $(PYTEST) tests/benchmarks/bench_*.py --benchmark-only --benchmark-json=out/bench/times.json -p no:xdist
	OMP_NUM_THREADS=2 $(BIN)/python tests/benchmarks/memory_conv.py > out/bench/memory.md
	$(BIN)/python tests/benchmarks/table.py out/bench/times.json --memory out/bench/memory.md

.PHONY: setup
setup: $(READY) system  ## Only make .venv and look for bubblewrap, Chromium and PostgreSQL

.PHONY: clean
clean:  ## Remove what was built (not .venv)
	rm -rf _build out build dist *.egg-info autograder/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	rm -f $(READY)

# ---------------------------------------------------------------- how it is done

# Exit code 1 of grade says that somebody has to look at a submission; that is a result, not a failure.
define graded
if ! $(BIN)/python -c 'from autograder.sandbox import probe; p = probe(); raise SystemExit(0 if p.ok else f"{p.reason}\n{p.advice}")'; then \
    echo "NOT GRADED: $(1) (no jail on this machine, see above)"; \
else \
    $(BIN)/autograder grade $(1) --submitted $(SUBMITTED) --out $(OUT) --workers $(WORKERS) $(if $(DUE),--due $(DUE)); code=$$?; test $$code -le 1 && \
    $(BIN)/autograder feedback $(1) --out $(OUT) && $(BIN)/autograder report $(1) --out $(OUT); \
fi
endef

# Installs $$missing as root, else prints the line to run; what needs it is skipped and says so.
define installed
test -z "$$missing" && exit 0; \
if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
    echo "Installing $$missing with apt-get ($(1))"; \
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get install -y -qq --no-install-recommends $$missing > /dev/null; } \
        || echo "apt-get could not install $$missing: going on without"; \
else \
    echo "MISSING: $$missing ($(1)). On Debian or Ubuntu: sudo apt-get install $$missing. Going on without."; \
fi
endef

$(READY): requirements.txt pyproject.toml autograder/pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv found. On Debian or Ubuntu: sudo apt-get install python3 python3-venv"; exit 2; }
	@test -x $(BIN)/python || { echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv .venv; }
	@echo "Installing requirements.txt into .venv (the first time this takes minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e . -e ./autograder
	@touch $@

.PHONY: system
system:
	@missing=""; \
	command -v bwrap > /dev/null || missing="$$missing bubblewrap"; \
	command -v chromium > /dev/null || command -v chromium-browser > /dev/null || command -v google-chrome > /dev/null || missing="$$missing chromium"; \
	$(call installed,bubblewrap: the jail that student code runs in; chromium: browser tests)

# PostgreSQL is only for tests, which start servers of their own: Debian's package is told not to start one on this machine.
NO_CLUSTER := /etc/postgresql-common/createcluster.conf

.PHONY: database
database:
	@missing=""; \
	command -v initdb > /dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || missing="postgresql"; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && ! [ -e $(NO_CLUSTER) ]; then \
	    mkdir -p $(dir $(NO_CLUSTER)) && echo 'create_main_cluster = false' > $(NO_CLUSTER); fi; \
	$(call installed,for tests of --db)
