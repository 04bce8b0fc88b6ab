#!/bin/sh
# What users run before they have a program: tools/deps.sh without root rights and without network, make
# demo-real without data, and the installed pkg-config file.   usage: tests/scripts.sh BUILD
set -u
build=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# expect CODE LINES TEXT COMMAND...: ends with CODE and prints LINES lines (any number: -), one with TEXT.
expect() {
  code=$1 lines=$2 text=$3; shift 3
  output=$("$@" 2>&1); got=$?
  [ "$got" -eq "$code" ] || { echo "$*: exit code $got, expected $code: $output"; failed=1; }
  echo "$output" | grep -qF -- "$text" || { echo "$*: does not say '$text': $output"; failed=1; }
  [ "$lines" = - ] || [ "$(echo "$output" | wc -l)" -eq "$lines" ] ||
    { echo "$*: should print $lines lines: $output"; failed=1; }
}

# A machine without libspng-dev and libgtest-dev.
mkdir "$work/user" "$work/offline" "$work/complete"
printf '#!/bin/sh\ncase "$*" in *libspng-dev*|*libgtest-dev*) exit 1;; esac\necho installed\n' > "$work/user/dpkg-query"
printf '#!/bin/sh\necho 1000\n' > "$work/user/id"
printf '#!/bin/sh\nexit 1\n' > "$work/user/sudo"
cp "$work/user/dpkg-query" "$work/offline"
printf '#!/bin/sh\necho 0\n' > "$work/offline/id"
printf '#!/bin/sh\necho "E: Could not resolve host" >&2\nexit 100\n' > "$work/offline/apt-get"
printf '#!/bin/sh\necho installed\n' > "$work/complete/dpkg-query"
chmod +x "$work"/*/*

command="apt-get install -y --no-install-recommends libspng-dev libgtest-dev"
expect 2 1 "Run as root: apt-get update && $command" \
  env PATH="$work/user:$PATH" tools/deps.sh build full stb test
expect 2 - "E: Could not resolve host). Run as root: apt-get update && $command" \
  env PATH="$work/offline:$PATH" tools/deps.sh build full stb test
[ -z "$(env PATH="$work/complete:$PATH" tools/deps.sh build full stb test all)" ] ||
  { echo "tools/deps.sh says something where all packages are there"; failed=1; }

# Tools in Python say what they lack; the tables come from what bench writes.
if command -v python3 >/dev/null; then
  mkdir "$work/no_torch"
  echo 'raise ImportError("No module named torch")' > "$work/no_torch/torch.py"
  expect 0 - "skipped: PyTorch: No module named torch: apt-get install python3-torch" \
    env PYTHONPATH="$work/no_torch" python3 tools/bench_peers.py --output "$work/peers.json"
  [ "$(cat "$work/peers.json")" = "[]" ] || { echo "bench_peers.py without torch: $(cat "$work/peers.json")"; failed=1; }
  expect 0 - "cuda/tile_product.cuh" python3 tools/mutate.py --list  # and each row of docs/mutation.md has its mutant
  if [ -x "$build/full/clearcut" ]; then
    "$build/full/clearcut" bench kernels --layer 8:10:8:3 --reps 1 --json > "$work/kernels.json"
    expect 0 - "| 3x3, stride 1 |" python3 tools/bench_tables.py "$work/kernels.json"
  fi
fi

# Without DATA the page about data is printed: every data set with its check command.
expect 2 - "bin/clearcut data check" env -u MAKEFLAGS -u MAKELEVEL make -s demo-real DATA=

# The installed files alone build a program.
if command -v pkg-config > /dev/null; then
  export PKG_CONFIG_PATH="$build/stage/lib/pkgconfig"
  # shellcheck disable=SC2046
  g++ -O1 examples/derivative.cpp $(pkg-config --cflags --libs clearcut) -o "$work/derivative" &&
    "$work/derivative" > /dev/null || { echo "an example does not build with the pkg-config file"; failed=1; }
fi
exit $failed
