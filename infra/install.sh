#!/bin/sh
# Make a virtual environment: infra/install.sh FOLDER [EXTRAS]. Locked and hashed; what is right is left alone.
# EXTRAS: neural (torch as well), or peer (the rival of the benchmarks, in a folder of its own).
set -eu
venv=$1
extras=$2

fail() {
    echo "tapedeck: $1" >&2
    exit 2
}

find_uv() {
    if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
        uv=uv
        return
    fi
    uv=.venv-uv/bin/uv
    [ -x "$uv" ] && return
    command -v python3 >/dev/null || fail "python3 is missing; install Python 3.11 or newer"
    python3 -m venv .venv-uv >/dev/null 2>&1 ||
        fail "uv is missing and python3 cannot make a virtual environment; install uv, or python3-venv"
    .venv-uv/bin/python -m pip install --quiet --disable-pip-version-check uv ||
        fail "uv is missing and pip could not install it; install uv by hand"
}

find_python() {
    for version in 3.11 3.12 3.13 '>=3.11'; do
        if python=$("$uv" python find --no-python-downloads --no-project --system "$version" 2>/dev/null); then
            return
        fi
    done
    fail "Python 3.11 or newer is missing; install it (its folder must be on the PATH)"
}

find_uv
if [ ! -x "$venv/bin/python" ]; then
    find_python
    "$uv" venv --quiet --python "$python" "$venv"
fi
export VIRTUAL_ENV="$venv"
lock=requirements${extras:+-$extras}.lock
[ -f "$lock" ] || fail "EXTRAS is $extras, and there is no $lock; give neural or peer, or nothing"
"$uv" pip sync --quiet --require-hashes "$lock"
if [ "$extras" != peer ]; then
    "$uv" pip install --quiet --no-deps --no-build-isolation --editable .
fi
