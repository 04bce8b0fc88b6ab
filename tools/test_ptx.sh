#!/bin/sh
# The tests of `make test-ptx`: every operator row on the PTX that nvcc made, for each architecture; then once more
# with random errors in the results of approximate instructions.
#   usage: tools/test_ptx.sh BUILD ARCH...
set -u
build=$1; shift
failed=0
run() { echo "[ run ] $*"; "$@" --gtest_brief=1 || failed=1; }
run "$build/ptx/$1/ptx_tests"
first=$1; shift
# The table of docs/kernels.md counts the first architecture's PTX.
for arch in "$@"; do run "$build/ptx/$arch/ptx_tests" --gtest_filter='-PtxLadder.Table'; done
export CLEARCUT_PTX_ULPS=2
run "$build/ptx/$first/ptx_tests" --gtest_filter='Row/CudaOpTest.Agrees*:CudaTraining.*'
exit $failed
