#!/bin/sh
# The operator of docs/adding_an_op.md, taken from the page, in a copy of the tree: it builds, and its tests pass.
#   usage: tests/new_operator.sh BUILD
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. tests/copy_tree.sh
copy_tree "$build" "$work"
# Each block of code begins with the name of its file.
awk -v to="$work" '/^```/ { file = ""; code = /cpp/; next }
  code && file == "" { file = to "/" $2; next }
  code { print > file }' docs/adding_an_op.md
cd "$work"
env -u MAKEFLAGS -u MAKELEVEL make unit DEPS=none CI="${CI:-}" FILTER='*row_norm*' > log 2>&1 || { tail -40 log; exit 1; }
grep -q '^[1-9][0-9]* passed, 0 failed' log || { tail -40 log; exit 1; }
