#!/bin/sh
# Renews requirements/*.txt from pyproject.toml: exact versions with hashes, and no address of any registry.
# Versions stay as they are unless pyproject.toml asks for others; `scripts/lock.sh --upgrade` moves them all.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}

# What a person has configured for uv must not reach a committed file; a mirror and a cache change no hash.
for name in $(env | sed -n 's/^\(UV_[A-Z_]*\)=.*/\1/p'); do
  case $name in UV_DEFAULT_INDEX | UV_CACHE_DIR) ;; *) unset "$name" ;; esac
done

compile() {
  file=requirements/$1.txt
  shift
  echo "$file"
  "$uv" pip compile --quiet --no-config --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' --output-file "$file" "$@"
}

# One environment for everything, and each image holds a part of it at the same versions.
compile dev pyproject.toml --all-extras --group dev "$@"
for image in scorer generator consumers pipelines; do
  compile $image pyproject.toml --extra $image --constraints requirements/dev.txt
done
# The local language model's environment, and what builds it.
compile llm --group llm "$@"
compile llm-build --group llm-build "$@"
# The installer itself, which pip fetches first.
grep '^uv==' requirements/dev.txt | tr -d '\\' | compile uv -
