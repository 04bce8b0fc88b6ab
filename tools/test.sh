#!/bin/sh
# Runs the checks of `make test` one after another and closes with "N passed, N failed".
#   usage: tools/test.sh MAKE BUILD UNIT_TESTS FILTER
# Every line below is one test, except the unit tests, which bring their own totals.
set -u
# Idle threads sleep: spinning ones make a busy machine many times slower.
export OMP_WAIT_POLICY=passive
# Within a job of a batch system: these would make programs of the tests parts of it.
unset RANK WORLD_SIZE OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE PMI_RANK PMI_SIZE PMIX_RANK \
  SLURM_PROCID SLURM_STEP_ID SLURM_STEP_NUM_TASKS SLURM_NTASKS SLURM_ARRAY_TASK_ID
make=$1 build=$2 unit_tests=$3 filter=$4 log=$2/test.log
passed=0 failed=0 skipped=0

# check NAME COMMAND...: one test. Its output is shown where it fails.
check() {
  name=$1; shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1)); echo "[ passed ] $name"
  else
    failed=$((failed + 1)); echo "$output"; echo "[ FAILED ] $name"
  fi
}

unit_tests() {
  "$unit_tests" --gtest_brief=1 --gtest_filter="$filter" 2>&1 | tee "$log.unit"
  totals=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$log.unit" | tail -1)
  # No totals line means that the program died: that is a failure.
  set -- ${totals:-0 1 0}
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# MINIMAL=1 must stand on libc, libm, libstdc++, libgcc, libgomp, yaml-cpp and expat alone.
minimal_libraries() {
  libraries=$(ldd "$build/minimal/clearcut") || return 1
  extra=$(echo "$libraries" | awk '{ print $1 }' |
    grep -vE '^(linux-vdso|libc|libm|libstdc\+\+|libgcc_s|libgomp|libyaml-cpp|libexpat)\.so|/ld-linux')
  [ -z "$extra" ] || { echo "the MINIMAL build needs also:" $extra; return 1; }
}

# stb_image and our own inflate read and write the same files.
minimal_files() {
  "$build/minimal/unit_tests" --gtest_brief=1 --gtest_filter='Picture*:LabelPng*:Np*:Deflate*:Dataset*:*Fuzz*'
}

unit_tests
if [ "$filter" = '*' ]; then
  check "clang-format" $make format-check
  check "headers compile alone" $make headers-alone
  [ -x "$build/full/clearcut" ] && check "command line" tests/cli.sh "$build/full/clearcut"
  [ -x "$build/full/clearcut" ] && check "killed, shared and full-disk labelling" tests/faults.sh "$build/full/clearcut"
  [ -x "$build/full/clearcut" ] &&
    check "killed, stopped and full-disk training" tests/train_faults.sh "$build/full/clearcut"
  [ -x "$build/full/clearcut" ] && check "a kernel of one's own" tests/variants.sh "$build"
  check "the operator of docs/adding_an_op.md" tests/new_operator.sh "$build"
  check "packages, data, installed files" tests/scripts.sh "$build"
  [ -x "$build/minimal/clearcut" ] && check "MINIMAL=1 library list" minimal_libraries
  [ -x "$build/minimal/clearcut" ] && check "MINIMAL=1 command line" tests/cli.sh "$build/minimal/clearcut"
  [ -x "$build/minimal/unit_tests" ] && check "MINIMAL=1 files" minimal_files
  for program in "$build"/examples/*; do
    [ -x "$program" ] && check "example $(basename "$program")" "$program"
  done
fi

[ $((passed + failed + skipped)) -gt 0 ] || { failed=1; echo "no test has a name like $filter"; }
[ "$skipped" -gt 0 ] && echo "$skipped skipped, named above"
echo "$passed passed, $failed failed" | tee "$log"
[ "$failed" -eq 0 ]
