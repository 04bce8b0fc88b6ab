#!/bin/sh
# Labels that are killed, share their work, and run out of disk: the same bytes as an undisturbed run.
#   usage: tests/faults.sh PROGRAM [POINTS]
#
# POINTS: how often the work is killed (SIGKILL) at a random moment; 3 unless given.
set -u
program=$1 points=${2:-3}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
. "$(dirname "$0")/small_labels.sh"

label -o "$work/whole"; [ $? -eq 4 ] || say "label fuse: $(cat "$work/said")"
[ "$(find "$work/whole/labels" -name '*.png' | wc -l)" -eq 59 ] || say "label fuse: not 59 labels"
expect 4 "59 of 60 pictures done, 1 failed, 0 missing" status "$work/whole"
expect 4 "000000.png (read)" status "$work/whole"

# How long a run takes, in hundredths of a second: it is killed within that time, at moments that look random
# and are the same each time (Lehmer's generator).
now() { echo $(($(date +%s%N) / 10000000)); }
before=$(now); label -o "$work/timed"; whole=$(($(now) - before))
seed=20221
# killed ARGUMENTS: starts the program, kills it, and says whether it was still there.
killed() {
  "$program" "$@" > /dev/null 2>&1 & job=$!
  seed=$((seed * 48271 % 2147483647)); moment=$((seed % (whole + 1)))
  sleep "$((moment / 100)).$(printf %02d $((moment % 100)))"
  kill -9 $job 2> /dev/null; wait $job 2> /dev/null; [ $? -eq 137 ]
}
kills=0 tries=0
while [ $kills -lt "$points" ] && [ $tries -lt $((points * 10)) ]; do
  tries=$((tries + 1))
  rm -rf "$work/killed"
  if killed $fuse -o "$work/killed"; then kills=$((kills + 1)); else whole=$((whole * 3 / 4 + 1)); fi  # too late
  label -o "$work/killed"
  same killed "killed at a random moment, try $tries"
done
[ $kills -ge "$points" ] || say "only $kills of $points kills came while the job ran"
rm -rf "$work/killed"
for again in 1 2 3; do killed $fuse -o "$work/killed"; done
label -o "$work/killed"; same killed "killed three times on end"

# Shards: the commands that status prints are those that finish the job.
for shards in 2 4 7; do
  label -o "$work/shards-$shards" --shard "1/$shards"
  expect 4 "not started" status "$work/shards-$shards"
  "$program" status "$work/shards-$shards" --commands | sh > /dev/null 2>&1
  same "shards-$shards" "$shards shards"
done
label -o "$work/auto" --shard auto && say "--shard auto was accepted though nothing says which part this is"
for rank in 0 1 2; do (export RANK=$rank WORLD_SIZE=3; label -o "$work/auto" --shard auto); done
same auto "RANK and WORLD_SIZE"

# Another instruction set, where the machine has two.
(export CLEARCUT_ISA=baseline; label -o "$work/isa" --shard 0/2)
label -o "$work/isa" --shard 1/2
grep -q '"isa": "baseline"' "$work/whole/job.json" || grep -q 'there "isa": "baseline"' "$work/said" ||
  say "another instruction set: $(cat "$work/said")"

# A full disk: the job says so and stops, and goes on once there is room.
(trap '' XFSZ; ulimit -f 4; label -o "$work/full"); got=$?
[ $got -eq 1 ] && grep -q "make room and run the same command again" "$work/said" ||
  say "full disk: exit code $got: $(cat "$work/said")"
label -o "$work/full"; same full "after a full disk"

# Once the picture is whole again the printed commands leave nothing to do.
cp "$work/picture" "$broken"
"$program" status "$work/shards-7" --commands | sh > /dev/null 2>&1
expect 0 "60 of 60 pictures done, 0 failed, 0 missing" status "$work/shards-7"
[ ! -e "$work/shards-7/journal" ] || say "the journal of a finished job is still there"

# A pipeline, killed again and again: every stage goes on or starts anew, and what it leaves is the same.
cat > "$work/pipeline.yaml" <<YAML
stages:
  - {name: drawn, kind: draw, size: 32, train: 24, val: 12}
  - name: nets
    kind: train
    with:
      task: classification
      data: {train: {format: folders, root: "\${work}/drawn/train", classes: "\${work}/drawn/objects.txt"}}
      augment: {resize: [32, 32]}
      optimiser: {rate: 0.01}
      train: {batch: 4, steps: 6}
    variants: {small_resnet: {model: {name: small_resnet, width: 0.25}}, small_vgg: {model: {name: small_vgg, width: 0.25}}}
  - name: scores
    kind: score
    choose: {format: csv, root: "\${work}/drawn", split: train, masks: masks}
    score: {format: csv, root: "\${work}/drawn", split: val, masks: masks}
    classifiers: ["\${work}/nets/small_resnet", "\${work}/nets/small_vgg"]
    explainers: [gradcam, "smoothgrad:samples=2"]
    thresholds: "0:1:0.1"
  - name: labels
    kind: label
    data: {format: csv, root: "\${work}/drawn", split: train}
    classifiers: ["\${work}/nets/small_resnet", "\${work}/nets/small_vgg"]
    explainers: [gradcam, "smoothgrad:samples=2"]
    rule: value:0.5
YAML
pipeline="run $work/pipeline.yaml --threads 1 --progress none"
before=$(now); expect 0 "done: " $pipeline -o "$work/run-whole"; whole=$(($(now) - before))
for again in $(seq $((1 + points / 2))); do killed $pipeline -o "$work/run-killed"; done
expect 0 "done: " $pipeline -o "$work/run-killed"
for made in nets/small_resnet/checkpoints/last/model.safetensors nets/small_vgg/checkpoints/last/model.safetensors \
  scores/scores.json; do
  cmp "$work/run-whole/$made" "$work/run-killed/$made" || say "a killed pipeline: another $made"
done
diff -r "$work/run-whole/labels/labels" "$work/run-killed/labels/labels" || say "a killed pipeline: other labels"
expect 0 "drawn to labels (4 stages): left out: done before" $pipeline -o "$work/run-killed" --dry-run
# Stopped after a stage: status says what is left, and its command finishes it.
expect 0 "done: " $pipeline --to nets -o "$work/run-part"
expect 4 "scores (score): not started" status "$work/run-part"
"$program" status "$work/run-part" --commands | sh > /dev/null 2>&1
expect 0 "labels (label): done" status "$work/run-part"
exit $failed
