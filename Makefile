# Every target makes .venv if it is missing and brings it up to date; with nothing to do that takes
# a fraction of a second. Another Python: make PYTHON=/path/to/python3.11
VENV := .venv
PY := $(VENV)/bin/python
# Number of test processes at a time
JOBS ?= 2
PYTEST := $(PY) -m pytest
PARALLEL := --numprocesses $(JOBS)  # which process takes what: tests/conftest.py

# The first Python that is 3.11; if there is none, tools/install.py says what to do.
PYTHON ?= $(shell for python in $(PY) python3.11 python3 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	&& { echo "$$python"; exit; }; done; echo python3)

.DEFAULT_GOAL := help
.PHONY: help install peers demo serve test test-fast test-all lint format bench lock clean

help:  ## this list
	@echo "speechlab: build speech recognition and speech synthesis from nothing"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install:  ## make .venv and install everything that the labs need
	@$(PYTHON) tools/install.py

peers:  ## install the systems of others too (Whisper, Coqui TTS; large)
	@$(PYTHON) tools/install.py --extras peers

demo: install  ## build, grade three submissions, train and run the capstone; writes demo/index.html
	@$(PY) tools/demo.py

serve: install  ## serve the page of `make demo`: type and hear, speak and read; Ctrl-C stops
	@$(VENV)/bin/speechlab capstone serve --folder demo

test: install  ## the tests, fast and slow
	@$(PYTEST) $(PARALLEL)

test-fast: install  ## the tests that take about two seconds at most
	@$(PYTEST) $(PARALLEL) -m "not slow"

test-all: install  ## everything, and each page at full length; writes docs/results.md
	@$(PYTEST) $(PARALLEL)
	@$(PY) tools/results.py

lint: install  ## style and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

format: install  ## put the code into the house's format
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: install  ## speed and accuracy against the well-known libraries
	@$(PY) -m benchmarks

lock: install  ## renew requirements.lock after a change of the dependencies
	@$(PY) tools/lock.py

# Only what a command makes again. Notebooks, submissions, marks and progress are never touched.
clean:  ## remove caches and the demo page
	@rm -rf demo build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find autograder labkit capstone solutions datasets benchmarks tests tools \
		-name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
