#!/bin/sh
# Makes the environment $1 out of the locks: a Python of 3.11 or later is all that has to be there.
# $PYTHON names the interpreter; without it the first one that runs and is new enough is taken.
set -eu
cd "$(dirname "$0")/.."
venv=$1
venv_python=$venv/bin/python

say() { printf '%s\n' "$*" >&2; }

# Runs instead of asking for a path: a shim may be on the PATH and still have no interpreter behind it.
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  for candidate in ${PYTHON:-python3.12 python3.11 python3.13 python3.14 python3 python}; do
    if is_new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  if [ -n "${PYTHON:-}" ]; then
    say "PYTHON=$PYTHON is not a Python of 3.11 or later that runs; name another one: make PYTHON=/path/to/python3"
  else
    say "No Python of 3.11 or later runs here. Install one (Debian, Ubuntu: apt install python3 python3-venv;" \
      "macOS: brew install python@3.12), or name it: make PYTHON=/path/to/python3"
  fi
  return 1
}

make_venv() {
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    say "$python lacks the modules venv and ensurepip. Install them (Debian, Ubuntu: apt install python3-venv)," \
      "or name another Python: make PYTHON=/path/to/python3"
    return 1
  fi
  say "Making $venv with $("$python" --version); the first time this downloads about 0.5 GB."
  "$python" -m venv --clear "$venv"
}

# One that was copied or moved with its folder still points to the old place.
if ! "$venv_python" -m pip --version >/dev/null 2>&1 || ! grep -qF "$PWD/$venv" "$venv/pyvenv.cfg"; then
  make_venv
fi

# An unwritable home has no place for a cache; the installation does not need one.
cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/uv}
if ! mkdir -p "$cache" 2>/dev/null || ! [ -w "$cache" ]; then
  export UV_NO_CACHE=1
fi
if [ -n "${UV_NO_CACHE:-}" ]; then
  export PIP_NO_CACHE_DIR=1 npm_config_cache="$PWD/$venv/.npm"
fi

say "Fetching the installer …"
"$venv_python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
say "Installing the packages of requirements/dev.txt …"
# Compiled now, in parallel, so that no first start of a server has to do it.
"$venv/bin/uv" pip sync --python "$venv_python" --require-hashes --compile-bytecode requirements/dev.txt
"$venv/bin/uv" pip install --python "$venv_python" --quiet --no-deps --no-build-isolation --editable .

say "Installing the npm packages of clients/typescript and .gitea …"
# Node.js is one of the packages above, so that everybody has the same. No package runs a script of its own.
PATH=$PWD/$venv/bin:$PATH
for package in clients/typescript .gitea; do
  (cd "$package" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
done
say "Ready: $venv"
