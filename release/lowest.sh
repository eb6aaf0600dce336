#!/bin/sh
# lowest.sh SDIST PYTHON TEST...: runs tests, from the sdist, with the lowest version that
# pyproject.toml allows of each dependency, those for building and testing included.
# $UV is the program uv, which can resolve that way.
set -eu

sdist=$1 python=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$sdist" -C "$work" --strip-components=1
"$UV" venv --quiet --python "$python" "$work/.venv"
PYEXT4_REQUIRE_NATIVE=1 "$UV" pip install --quiet --resolution lowest-direct \
    --python "$work/.venv/bin/python" --editable "$work[test]"
"$UV" pip list --quiet --python "$work/.venv/bin/python"
cd "$work"
.venv/bin/python -m pytest -q -p no:cacheprovider -m "not slow and not oracle" "$@"
