# make demo              pull the example that is in this repository, write it as ext4, list it
# make demo REF=debian:12 OUT=debian.ext4
# make test              everything that a change must pass; what CI runs
#
# PYTHON names the interpreter that the environment in .venv is made from, 3.11 or later.

PYTHON ?= python3
REF ?=
OUT ?= example.ext4
EXAMPLE := oci:examples/layout:demo --platform linux/amd64

VENV := .venv
IN_VENV := $(VENV)/bin/python
SOURCES := pyproject.toml setup.py $(wildcard */native/build.py */native/*.c */native/*.h) \
	pull/guest/init/build.py $(wildcard pull/guest/init/*.c pull/guest/init/*.h)
IMAGES := .images
# many tests wait, for a time limit or for a guest; a file's tests share what is costly to set up
PARALLEL := --numprocesses 3 --dist loadfile

# e2fsck and its like stand where an ordinary user's PATH does not look
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: demo test check clean oracles images
.DELETE_ON_ERROR:

demo: $(VENV)/run
	$(IN_VENV) -m pull $(or $(REF),$(EXAMPLE)) $(OUT)
	$(IN_VENV) -m pyext4 ls -lR $(OUT)
	@if command -v e2fsck >/dev/null; then e2fsck -fn $(OUT); \
	else echo "e2fsck is not installed, so nothing of another project has judged $(OUT)"; fi

test: $(VENV)/test check oracles images
	$(IN_VENV) -m pytest -q --benchmark-disable benchmarks/micro
	@if [ -e $(IMAGES)/real/index.json ]; then $(IN_VENV) -m benchmarks --short; fi
	PYEXT4_BACKEND=pure $(IN_VENV) -m pytest -q $(PARALLEL) -m "not slow"
	PYEXT4_BACKEND=native $(IN_VENV) -m pytest -q $(PARALLEL)

check: $(VENV)/test
	$(IN_VENV) -m ruff check
	$(IN_VENV) -m ruff format --check
	$(IN_VENV) -m mypy

oracles:
	sh tests/oracle/install.sh

# what the oracle tests and the benchmarks read; without root or Debian's tools it says so
images: $(VENV)/test oracles
	$(IN_VENV) -m benchmarks.make_images --layers two --out $(IMAGES)/real --if-possible

$(VENV)/run: $(SOURCES)
	sh tests/oracle/install.sh --python
	test -x $(IN_VENV) || $(PYTHON) -m venv $(VENV)
	$(IN_VENV) -m pip install --quiet --editable .
	touch $@

# the cross compiler for the guest's init is one of the tests' programs
$(VENV)/test: $(SOURCES)
	sh tests/oracle/install.sh --python
	sh tests/oracle/install.sh
	test -x $(IN_VENV) || $(PYTHON) -m venv $(VENV)
	PYEXT4_REQUIRE_NATIVE=1 $(IN_VENV) -m pip install --quiet --editable '.[test,bench]'
	touch $@ $(VENV)/run

clean:
	rm -rf $(VENV) build *.egg-info $(OUT) */native/*.so */native/_native.c
