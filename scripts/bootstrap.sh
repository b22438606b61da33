#!/bin/sh
# Makes .venv and installs the project into it: once, and again when pyproject.toml, the kernel or the folder's place changes.
# What is installed: `base` what a run needs, `all` (the default) also what tests and checks need, `docs` also the site's.
# PYTHON=/path/to/python chooses the interpreter; otherwise the newest of python3.13 … python3.11, python3.
set -eu

cd "$(dirname "$0")/.."
root=$(pwd -P)
stamp=.venv/.installed

# Another virtualenv may be active, and so may this one, which is about to be remade: neither decides anything here.
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX VIRTUAL_ENV || true
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -Fxv "$root/.venv/bin" | paste -sd: -)
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*" >&2; }

is_new_enough() { "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3.13 python3.12 python3.11 python3 python3.14 python
    fi
    for python in "$@"; do
        if is_new_enough "$python"; then return 0; fi
    done
    say "error: Python 3.11 or newer is needed. Tried:"
    for python in "$@"; do
        if version=$("$python" --version 2>&1); then say "  $python: $version"; else say "  $python: missing"; fi
    done
    say "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name one: make PYTHON=/path/to/python3.11"
    return 1
}

# The pip of any interpreter can install into another one. The wheel is what Debian keeps for its own venv module.
borrow_pip() {
    for pip in "$python -m pip" "python3 -m pip" pip3 pip; do
        # shellcheck disable=SC2086  # "python3 -m pip" is three words
        if $pip --python .venv/bin/python install --quiet pip >/dev/null 2>&1; then return 0; fi
    done
    for wheel in /usr/share/python-wheels/pip-*.whl; do
        if [ -f "$wheel" ] && .venv/bin/python "$wheel/pip" install --quiet pip >/dev/null 2>&1; then return 0; fi
    done
    return 1
}

make_venv() {
    rm -rf .venv
    if "$python" -c 'import ensurepip, venv' 2>/dev/null && "$python" -m venv .venv >/dev/null 2>&1; then return 0; fi
    rm -rf .venv
    if "$python" -m venv --without-pip .venv >/dev/null 2>&1 && borrow_pip; then return 0; fi
    rm -rf .venv
    if "$python" -m virtualenv --quiet .venv >/dev/null 2>&1; then return 0; fi
    if virtualenv --quiet --python "$python" .venv >/dev/null 2>&1; then return 0; fi
    if uv venv --quiet --seed --python "$python" .venv >/dev/null 2>&1; then return 0; fi
    rm -rf .venv
    say "error: $python makes no virtual environment with pip in it, and no other pip, virtualenv or uv is here to help."
    say "Debian, Ubuntu: apt-get install python3-venv   (or python3-pip). Then run the same command again."
    return 1
}

is_usable() { is_new_enough .venv/bin/python && .venv/bin/python -c 'import pip' >/dev/null 2>&1; }

level=${1:-all}
case $level in
    base) levels="base" extras="" ;;
    all) levels="base all" extras="[databento,test,dev]" ;;
    docs) levels="base all docs" extras="[databento,test,dev,docs]" ;;
    *) say "error: bootstrap.sh $level: expected base, all or docs"; exit 1 ;;
esac

# The stamp's first lines are what was installed from, its last one the levels that it brought.
wanted=$(printf '%s\n' "$root"; cat pyproject.toml setup.py kernel/Cargo.* kernel/src/*.rs kernel/src/*/*.rs kernel/src/*/*/*.rs 2>/dev/null | cksum)
there=$(cat "$stamp" 2>/dev/null || true)
for each in "base" "base all" "base all docs"; do
    if [ "$there" = "$wanted
$each" ]; then
        case " $each " in *" $level "*) if is_new_enough .venv/bin/python; then exit 0; fi ;; esac
    fi
done

if ! is_usable; then
    find_python
    say "Making .venv with $("$python" --version) ($(command -v "$python"))"
    make_venv
fi
case $level in
    base) say "Installing lob_backtest and what it needs into .venv (about a minute, this once)" ;;
    *) say "Installing lob_backtest and what its tests and checks need into .venv (a minute or two, this once)" ;;
esac
if ! .venv/bin/python -m pip install --editable ".$extras" >.venv/install.log 2>&1; then
    tail -n 20 .venv/install.log >&2
    say "error: the installation failed; pip's last words are above, all of them in .venv/install.log."
    say "It needs the network, or an index that pip is set up for. Then run the same command again."
    exit 1
fi
printf '%s\n' "$wanted" "$levels" >"$stamp"
