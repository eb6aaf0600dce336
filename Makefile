# make demo              pull the example that is in this repository, list it, write it as ext4
# make demo REF=debian:12 OUT=debian.ext4      without the list: it has thousands of lines
# make man               make the manual pages anew, after a change of the options
# make test              everything that a change must pass; what CI runs
# make docs              the documentation, into site/; a warning is an error
# make fast              unit tests, under a minute: without root, network and Debian's programs
# make versions          the main job on each Python from 3.11 to 3.14 that is here
# make lowest            unit tests with the lowest version allowed of each dependency
# make wheels            sdist, abi3 wheel and pure wheel for a release, into dist/
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

PYTHONS ?= python3.11 python3.12 python3.13 python3.14
FAST := tests/test_imports.py tests/pyext4/structures tests/pyext4/space tests/pyext4/ondisk \
	tests/pyext4/image tests/pyext4/native tests/flatten/test_cases.py \
	tests/flatten/test_dialects.py tests/flatten/test_onto.py tests/pull/spec tests/pull/local
LOWEST := tests/pyext4/structures tests/pyext4/ondisk tests/pyext4/image tests/pyext4/native \
	tests/flatten/test_cases.py tests/flatten/test_foreign_compression.py tests/pull/spec
DIST := build/dist
RELEASE := build/release
ZIG_CC := $(CURDIR)/$(RELEASE)/bin/python -m ziglang cc -target x86_64-linux-gnu.2.28
CHECK_WHEEL := release/check_wheel.py

.PHONY: demo test fast check docs versions lowest wheels clean oracles images man
.DELETE_ON_ERROR:

demo: $(VENV)/run
	$(IN_VENV) -m pull $(or $(REF),$(EXAMPLE) --list) $(OUT)
	@if command -v e2fsck >/dev/null; then e2fsck -fn $(OUT); \
	else echo "e2fsck is not installed, so nothing of another project has judged $(OUT)"; fi

test: $(VENV)/test check docs oracles images versions lowest
	$(IN_VENV) -m pytest -q --benchmark-disable benchmarks/micro
	@if [ -e $(IMAGES)/real/index.json ]; then $(IN_VENV) -m benchmarks --short; fi
	PYEXT4_BACKEND=pure $(IN_VENV) -m pytest -q $(PARALLEL) -m "not slow"
	PYEXT4_BACKEND=native $(IN_VENV) -m pytest -q $(PARALLEL)

# the tests of folders that need neither a program nor a network; oracles are left out by their mark
fast: $(VENV)/test
	$(IN_VENV) -m pytest -q $(PARALLEL) -m "not oracle and not slow" $(FAST)

# one abi3 wheel serves them all; it is built from the sdist, as pip would
versions: $(DIST)/made
	UV=$(VENV)/bin/uv sh release/versions.sh $(DIST)/*.whl $(PYTHONS)

lowest: $(DIST)/made
	UV=$(VENV)/bin/uv sh release/lowest.sh $(DIST)/*.tar.gz $(PYTHON) $(LOWEST)

$(DIST)/made: $(VENV)/test MANIFEST.in $(shell git ls-files pull flatten pyext4 tests examples 2>/dev/null)
	rm -rf $(DIST)
	PYEXT4_REQUIRE_NATIVE=1 $(IN_VENV) -m build --installer uv --outdir $(DIST) . >/dev/null
	touch $@

# For x86_64, in .venv's own Python, with zig as the compiler: it links with the symbols of glibc 2.28,
# whatever glibc is here, so the wheel is manylinux_2_28. Debian 12's gcc would make it need
# GLIBC_2.33 (fstatat). LDSHARED leaves out the run path of the Python here, and symbols for debuggers.
# Wheels for aarch64 come from cibuildwheel: pyproject.toml says how.
wheels: $(RELEASE)/ready
	rm -rf dist build/raw build/lib* build/temp*
	$(RELEASE)/bin/python -m build --installer uv --sdist .
	PYEXT4_REQUIRE_NATIVE=1 CC="$(ZIG_CC)" LDSHARED="$(ZIG_CC) -shared -s" \
		$(RELEASE)/bin/python -m build --installer uv --wheel --outdir build/raw .
	PATH="$(CURDIR)/$(RELEASE)/bin:$$PATH" $(RELEASE)/bin/auditwheel repair --plat manylinux_2_28_x86_64 --wheel-dir dist build/raw/*.whl
	PYEXT4_NO_NATIVE=1 $(RELEASE)/bin/python -m build --installer uv --wheel --outdir dist .
	$(RELEASE)/bin/auditwheel show dist/*manylinux*.whl
	$(RELEASE)/bin/abi3audit --strict dist/*manylinux*.whl
	$(RELEASE)/bin/twine check --strict dist/*
	$(RELEASE)/bin/python $(CHECK_WHEEL) dist/*.whl

$(RELEASE)/ready: $(VENV)/test
	$(VENV)/bin/uv venv --quiet --clear --python $(IN_VENV) $(RELEASE)
	$(VENV)/bin/uv pip install --quiet --python $(RELEASE)/bin/python --group release
	touch $@

check: $(VENV)/test
	$(IN_VENV) -m ruff check
	$(IN_VENV) -m ruff format --check
	$(IN_VENV) -m mypy

# the variable keeps a notice about mkdocs itself out of the output
docs: $(VENV)/test
	NO_MKDOCS_2_WARNING=1 $(IN_VENV) -m mkdocs build --strict --quiet

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
	PYEXT4_REQUIRE_NATIVE=1 $(IN_VENV) -m pip install --quiet --editable '.[test,bench,docs]'
	touch $@ $(VENV)/run

# the manual pages in man/, from the parsers; they go into the wheel as they stand there
man: $(VENV)/test
	$(IN_VENV) -m man.make_pages

clean:
	rm -rf $(VENV) build site *.egg-info $(OUT) */native/*.so */native/_native.c
