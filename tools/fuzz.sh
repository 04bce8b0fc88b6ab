#!/bin/sh
# Readers of foreign files under libFuzzer.   usage: tools/fuzz.sh PROGRAM SECONDS [READER...]
#
# Each starts from tests/corpus/READER and from whole files, for SECONDS; what it finds on its way stays in
# build/fuzz/corpus/READER. A file that crashes a reader, takes 10 seconds or too much memory is kept as
# build/fuzz/READER-*, and the exit code is 1. To keep what was found, smaller:
#   CLEARCUT_FUZZ_TARGET=READER PROGRAM -merge=1 -max_len=2048 tests/corpus/READER build/fuzz/corpus/READER
set -u
program=$1 seconds=$2; shift 2
[ $# -gt 0 ] || set -- $("$program" 2>&1 | sed -n 's/^CLEARCUT_FUZZ_TARGET must name one of: //p')
status=0
for reader in "$@"; do
  work=build/fuzz/corpus/$reader log=build/fuzz/$reader.log kept=tests/corpus/$reader
  mkdir -p "$work"
  [ -d "$kept" ] || kept=
  if CLEARCUT_FUZZ_TARGET=$reader CLEARCUT_FUZZ_SEEDS=$work "$program" -max_total_time="$seconds" -max_len=65536 \
      -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=64 -artifact_prefix="build/fuzz/$reader-" -print_final_stats=1 \
      "$work" $kept >"$log" 2>&1; then
    echo "$reader: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") files, nothing found"
  else
    status=1
    echo "$reader: FAILED, see $log"
    grep -m 3 -E 'ERROR|SUMMARY|bytes of a file|Test unit written' "$log"
  fi
done
exit $status
