#!/bin/sh
# Labels made by several ranks under Open MPI: the same bytes as by one process.   usage: tests/mpi.sh PROGRAM
set -u
program=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/small_labels.sh"
# As root and on few cores only if it is told so; a rank that ends with 4 (a picture failed) leaves the others
# alone.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_orte_abort_on_non_zero_status=0

label -o "$work/whole"
for ranks in 1 4; do
  mpirun -np $ranks "$program" $fuse -o "$work/ranks-$ranks" --shard auto > "$work/said" 2>&1
  same "ranks-$ranks" "$ranks ranks"
  expect 4 "59 of 60 pictures done, 1 failed, 0 missing" status "$work/ranks-$ranks"
  [ "$(ls "$work/ranks-$ranks/journal" | grep -c "of-$ranks.jsonl")" -eq $ranks ] ||
    say "$ranks ranks: $(ls "$work/ranks-$ranks/journal"); $(cat "$work/said")"
done
exit $failed
