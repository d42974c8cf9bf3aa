# `make setup` makes .venv; `make demo`, `test`, `check`, `fuzz` and `bench` make it where it is not there.
# `make fuzz MINUTES=60` tries inputs that nobody meant on all readers; it writes offending ones to the folder FOUND.
# `make bench BACKBONE=FILE.onnx` spares the export of an untrained ResNet50; `PHOTOS=DIR` (JPEGs) has bulk tagging measured.
PYTHON ?= python3
BIN := .venv/bin
MINUTES ?= 60
FOUND ?= fuzz-found

.PHONY: setup demo test check fuzz bench

setup: .venv/installed

.venv/installed: setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
	touch $@

demo: setup
	$(BIN)/hashtag demo

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: setup
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --found $(FOUND)

bench: setup
	$(BIN)/python -m benchmarks.speed.one_photo $(if $(BACKBONE),--backbone $(BACKBONE))
	$(if $(PHOTOS),$(BIN)/python -m benchmarks.speed.tagging $(PHOTOS) --count 200 --rounds 1)
