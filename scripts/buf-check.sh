#!/bin/sh
# Checks the contract in proto/: its style, and that it breaks no reader of the contract at $1 (or $BUF_AGAINST, or main).
# Exit code 0: fine; 100: findings, on standard output; 2: nothing to compare with; 3: no buf.
set -eu
cd "$(dirname "$0")/.."
against=${1:-${BUF_AGAINST:-main}}

say() { printf '%s\n' "buf-check: $*" >&2; }

buf=.venv/bin/buf
if ! [ -x "$buf" ] && ! buf=$(command -v buf); then
  say "no buf, neither at .venv/bin/buf nor on the PATH; \`make env\` installs it"
  exit 3
fi

"$buf" lint

if ! git rev-parse --quiet --verify "$against^{commit}" >/dev/null; then
  say "there is no commit '$against' to compare with; name one: scripts/buf-check.sh origin/main"
  exit 2
fi
if ! git cat-file -e "$against:proto" 2>/dev/null || ! git cat-file -e "$against:buf.yaml" 2>/dev/null; then
  say "'$against' has no contract yet (proto/ and buf.yaml), so nothing can break; the style is fine"
  exit 2
fi

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
git archive "$against" proto buf.yaml | tar -x -C "$before"
"$buf" breaking --against "$before"
say "the contract is fine, and breaks no reader of the one at '$against'"
