#!/bin/sh
# Checks the contract in proto/, with what is not committed yet: its style, and that it breaks no reader of the contract
# at the commits $1, $2, …; without any, of the one on main (or $BUF_AGAINST) and of the last release.
# Exit code 0: fine; 100: findings, on standard output. When it could not tell, 2: nothing to compare with;
# 3: no buf or no git; 4: a contract that buf cannot build; 1: anything else.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

say() { printf '%s\n' "buf-check: $*" >&2; }

stop() {
  code=$1
  shift
  say "$@"
  exit "$code"
}

buf=.venv/bin/buf
if ! [ -x "$buf" ] && ! buf=$(command -v buf); then
  stop 3 "no buf, neither at .venv/bin/buf nor on the PATH; \`make env\` installs it"
fi
if ! command -v git >/dev/null; then
  stop 3 "no git on the PATH; install it, the contract is compared with what it keeps"
fi

# A hook tells git which repository it runs for; the one that counts here is the one around this folder.
# shellcheck disable=SC2046  # a list of names
unset $(git rev-parse --local-env-vars)

is_commit() { git rev-parse --quiet --verify "$1^{commit}" >/dev/null; }
has_contract() { git cat-file -e "$1:./proto" 2>/dev/null && git cat-file -e "$1:./buf.yaml" 2>/dev/null; }

if ! git rev-parse --git-dir >/dev/null; then
  stop 2 "git finds no repository here, so there is nothing to compare with; take a clone instead of an archive"
fi
if [ $# -eq 0 ]; then
  main=${BUF_AGAINST:-main}
  # A clone that a CI has made knows the branches of the server alone.
  if ! is_commit "$main" && is_commit "origin/$main"; then main=origin/$main; fi
  set -- "$main"

  # By version, from whichever branch it was cut: every release has readers, and a shallow clone cannot tell what HEAD
  # descends from. A pre-release (v1.0.0-rc1) stands below its release.
  release=$(git -c versionsort.suffix=- tag --list 'v[0-9]*' --sort=-version:refname | head -n 1)
  if [ -z "$release" ]; then
    say "no release yet (a tag like v1.0.0), so only '$main' is compared with"
  elif ! has_contract "refs/tags/$release"; then
    say "the last release, '$release', has no contract yet, so only '$main' is compared with"
  else
    set -- "$main" "refs/tags/$release"
  fi
fi
for against; do
  is_commit "$against" ||
    stop 2 "there is no commit '$against' to compare with; name one: scripts/buf-check.sh origin/main"
  has_contract "$against" ||
    stop 2 "'$against' has no contract yet (proto/ and buf.yaml), so nothing can break"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Not every shell counts a signal as an exit.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

found=no
# Runs the rest and prints what it finds under the title $1.
look() {
  title=$1
  shift
  code=0
  findings=$("$@") || code=$?
  case $code in
    0) return 0 ;;
    100) found=yes ;;
    *) stop 1 "'$*' could not run (exit code $code), for the reason above" ;;
  esac
  printf '%s:\n%s\n' "$title" "$findings"
}

look "style" "$buf" lint proto
# buf exits 100 for what it cannot parse, too.
if [ "$found" = yes ] && ! "$buf" build proto >/dev/null 2>&1; then
  stop 4 "buf cannot build the contract in proto/, for the reason above; nothing was compared"
fi
look "layout, which '$buf format proto --write' mends" "$buf" format proto --diff --exit-code

compared=
for against; do
  name=${against#refs/tags/}
  before=$(mktemp -d "$work/before.XXXXXX")
  git archive --output="$before.tar" "$against"
  tar -x -f "$before.tar" -C "$before"
  "$buf" build "$before/proto" --output="$before.binpb" ||
    stop 4 "buf cannot build the contract at '$name', for the reason above; nothing was compared with it"
  breaks="breaks readers of the contract at '$name'"
  if ! git merge-base --is-ancestor "$against" HEAD 2>/dev/null; then
    breaks="$breaks (it holds commits that this branch lacks: what they added counts as removed until they are merged)"
  fi
  # proto/ alone: buf compares no workspace with one of fewer modules, and what is vendored may be renewed.
  look "$breaks" "$buf" breaking proto --against "$before.binpb" --exclude-imports
  compared="$compared${compared:+ and }'$name'"
done

if [ "$found" = yes ]; then exit 100; fi
say "the contract is fine, and breaks no reader of the one at $compared"
