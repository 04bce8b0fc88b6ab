#!/bin/sh
# Training that is killed, stopped, and runs out of disk: the same weights and records as an undisturbed run.
#   usage: tests/train_faults.sh PROGRAM [POINTS]
#
# POINTS: how often it is killed (SIGKILL) or stopped (SIGTERM), in turn, at a random moment; 10 unless given.
set -u
program=$1 points=${2:-10}
. "$(dirname "$0")/small_training.sh"

small_training 10 "rule: adamw, rate: 0.002, clip: 1, warmup: 3" \
  "batch: 3, accumulate: 2, steps: 40, log_every: 3, eval_every: 7, save_every: 4, ema: 0.9, keep: 3"
train() { "$program" train -c "$work/net.yaml" --threads 1 --progress none "$@" > "$work/said" 2>&1; }
now() { echo $(($(date +%s%N) / 10000000)); }

before=$(now)
train -o "$work/whole" || say "train: $(cat "$work/said")"
whole=$(($(now) - before))
# same FOLDER HOW: all that a run leaves behind but times.
same() {
  for file in history.csv eval.json checkpoints/last/model.safetensors checkpoints/last/training.safetensors \
    checkpoints/last/optim.safetensors checkpoints/last/state.json checkpoints/best/model.safetensors; do
    cmp "$work/whole/$file" "$work/$1/$file" || say "$2: another $file"
  done
  [ "$(grep -c . "$work/whole/metrics.jsonl")" -eq "$(grep -c . "$work/$1/metrics.jsonl")" ] ||
    say "$2: another number of records"
}

# Moments that look random and are the same each time (Lehmer's generator), within the time of a run.
seed=20222 kills=0 tries=0 finished=0
while [ $kills -lt "$points" ] && [ $tries -lt $((points * 10)) ]; do
  tries=$((tries + 1))
  "$program" train -c "$work/net.yaml" --threads 1 --progress none --resume -o "$work/killed" > "$work/said" 2>&1 & job=$!
  seed=$((seed * 48271 % 2147483647)); moment=$((seed % (whole + 1)))
  sleep "$((moment / 100)).$(printf %02d $((moment % 100)))"
  if [ $((kills % 2)) -eq 0 ]; then signal=9 code=137; else signal=15 code=130; fi
  kill -$signal $job 2> /dev/null
  wait $job 2> /dev/null; got=$?
  if [ $got -eq $code ]; then
    kills=$((kills + 1))
  elif [ $got -eq 143 ]; then
    :  # stopped before the program listens to signals
  elif [ $got -eq 0 ]; then
    same killed "killed or stopped at $kills random moments"; finished=$((finished + 1)); rm -rf "$work/killed"
    whole=$((whole * 3 / 4 + 1))  # the moments may come too late for runs that are faster than the timed one
  else
    say "exit code $got: $(cat "$work/said")"
  fi
done
[ $kills -ge "$points" ] || say "only $kills of $points signals came while the run went on"
train --resume -o "$work/killed" || say "train --resume: $(cat "$work/said")"
same killed "killed or stopped at $kills random moments"

# A full disk: the run says so and stops; with room it goes on.
size=$(($(stat -c %s "$work/whole/checkpoints/last/optim.safetensors") / 512))
(trap '' XFSZ; ulimit -f $((size - 8)); train -o "$work/full"); got=$?
[ $got -eq 1 ] && grep -q "make room and go on with --resume" "$work/said" ||
  say "full disk: exit code $got: $(cat "$work/said")"
train --resume -o "$work/full" || say "after a full disk: $(cat "$work/said")"
same full "after a full disk"

# A damaged checkpoint is refused; the one that is offered leads to the same end.
rm -rf "$work/whole/checkpoints/best" && cp -r "$work/full" "$work/damaged"
printf x | dd of="$work/damaged/checkpoints/last/optim.safetensors" bs=1 seek=2000 conv=notrunc 2> /dev/null
expect 1 "step_36 is whole: go on from it with --resume --checkpoint step_36" \
  train -c "$work/net.yaml" --resume -o "$work/damaged"
train --resume --checkpoint step_36 -o "$work/damaged" || say "--checkpoint: $(cat "$work/said")"
cmp "$work/full/checkpoints/last/optim.safetensors" "$work/damaged/checkpoints/last/optim.safetensors" ||
  say "another run from the checkpoint that was offered"
exit $failed
