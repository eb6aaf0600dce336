#!/bin/sh
# versions.sh WHEEL PYTHON...: does the main job with the wheel on each Python that is here, in a new
# environment without the source tree. Says which were found; one must be.
# $UV is the program uv, which makes an environment in a second.
set -eu

wheel=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tried= missing=

for name in "$@"; do
    python=
    # on PATH, Debian's, or one of pyenv's; a shim of pyenv may stand for nothing
    for candidate in "$(command -v "$name" || true)" "/usr/bin/$name" \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/"$name"; do
        if [ -x "$candidate" ] && "$candidate" -c '' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        missing="$missing $name"
        continue
    fi
    "$UV" venv --quiet --python "$python" "$work/$name"
    "$UV" pip install --quiet --python "$work/$name/bin/python" "$wheel"
    # 3.14 has zstd itself: what the others need for it is not asked for there
    echo "$python: $("$work/$name/bin/python" --version)"
    "$work/$name/bin/python" "$here/release/check_wheel.py" --installed --native "$here/examples/layout"
    tried="$tried $name"
done

echo "tried:${tried:- none}; not here:${missing:- none}"
[ -n "$tried" ]
