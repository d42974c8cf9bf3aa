# `make setup` makes .venv; `make demo`, `test`, `check` and `bench` make it where it is not there.
# `make fuzz MINUTES=60` feeds everything that reads files with mutated input, as long as it is told to.
# `make bench BACKBONE=FILE.onnx` spares the export of an untrained ResNet50; `PHOTOS=DIR` (JPEGs) has bulk tagging measured.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test check bench fuzz

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
	$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),60)

bench: setup
	$(BIN)/python -m benchmarks.speed.one_photo $(if $(BACKBONE),--backbone $(BACKBONE))
	$(if $(PHOTOS),$(BIN)/python -m benchmarks.speed.tagging $(PHOTOS) --count 200 --rounds 1)
