#!/bin/sh
# Training by several ranks under Open MPI.   usage: tests/mpi_train.sh PROGRAM
#
# With --reduce exact 1, 2 and 4 ranks leave the same bytes; by buckets 2 ranks start with the loss of one process and
# repeat themselves; a rank that is killed leaves a checkpoint from which the job ends as if nothing had been.
set -u
program=$1
. "$(dirname "$0")/small_training.sh"
# As root and on few cores only if it is told so; time to save before mpirun ends what it asked to end.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_odls_base_sigkill_timeout=10

small_training 12 "rate: 0.02" "batch: 4, steps: 6, log_every: 1, save_every: 1000000"

# on RANKS FOLDER OPTIONS...
on() {
  ranks=$1 folder=$2; shift 2
  mpirun -np "$ranks" "$program" train -c "$work/net.yaml" -o "$work/$folder" --threads 1 --progress none "$@" \
    > "$work/said" 2>&1
}
# same FOLDER FOLDER
same() {
  for file in history.csv checkpoints/last/model.safetensors checkpoints/last/optim.safetensors; do
    cmp "$work/$1/$file" "$work/$2/$file" || say "$1 and $2 differ in $file"
  done
}
first_loss() { sed -n 2p "$work/$1/history.csv" | cut -d, -f4; }

for ranks in 1 2 4; do on $ranks exact-$ranks --reduce exact || say "$ranks ranks: $(cat "$work/said")"; done
same exact-1 exact-2
same exact-1 exact-4
[ "$(grep -c "steps 6" "$work/said")" -eq 1 ] || say "not one rank alone says how it ended: $(cat "$work/said")"

expect 0 "steps 6" train -c "$work/net.yaml" -o "$work/alone" --threads 1 --progress none
on 2 two || say "2 ranks: $(cat "$work/said")"
on 2 again || say "2 ranks again: $(cat "$work/said")"
same two again
echo "$(first_loss alone) $(first_loss two)" | awk '{ d = $1 - $2; exit !($1 > 0 && d < 1e-5 && d > -1e-5) }' ||
  say "the first loss: $(first_loss alone) alone, $(first_loss two) on two ranks"

# told_once CODE TEXT: the job ends with CODE, and one rank says TEXT.
told_once() {
  [ $got -eq "$1" ] && [ "$(grep -c -- "$2" "$work/said")" -eq 1 ] ||
    say "exit code $got, not $1 with '$2' once: $(cat "$work/said")"
}
on 3 three; got=$?
told_once 2 "train.batch: 4 pictures cannot be shared equally by 3 ranks"
on 2 keys --set train.stepz=3; got=$?
told_once 2 "unknown key 'train.stepz'"
on 2 missing --set data.train.list=none.txt; got=$?
told_once 1 "the list .*none.txt does not exist"
on 2 infinite --set optimiser.rate=1e30; got=$?
told_once 5 "is the first that is not finite"

# running FOLDER: waits until the job in the background has trained some steps there.
running() {
  until [ "$(cat "$work/$1/history.csv" 2>/dev/null | wc -l)" -gt 50 ] || ! kill -0 $job 2>/dev/null; do sleep 0.05; done
}

# Rank 1 is killed in the middle of a longer run.
sed -i 's/steps: 6/steps: 1500/' "$work/net.yaml"
on 2 whole || say "whole: $(cat "$work/said")"
on 2 killed &
job=$!
running killed
for pid in $(pgrep -f -- "-o $work/killed"); do
  tr '\0' '\n' < "/proc/$pid/environ" 2>/dev/null | grep -qx OMPI_COMM_WORLD_RANK=1 && kill -9 "$pid"
done
wait $job && say "the job ended well without rank 1"
grep -q "all is saved as of step .*; start all ranks again with --resume" "$work/said" ||
  say "a lost rank: $(cat "$work/said")"
on 2 killed --resume || say "resumed: $(cat "$work/said")"
same whole killed

# mpirun passes SIGUSR1 on at once, and all end after the same step.
on 2 stopped &
job=$!
running stopped
pkill -USR1 -f "^mpirun .*-o $work/stopped"
wait $job; got=$?
told_once 130 "all is saved, go on with --resume"
on 2 stopped --resume || say "resumed: $(cat "$work/said")"
same whole stopped
exit $failed
