#!/bin/sh
# The program of make CUDA=1, on any machine: it starts without CUDA's libraries, says what is missing, and computes
# on the CPU all the same.   usage: tests/gpu_program.sh PROGRAM
set -u
program=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"

linked=$(ldd "$program" | awk '{ print $1 }' | grep -E '^lib(cu|nccl|nv)')
[ -z "$linked" ] || { echo "the program is linked with" $linked; failed=1; }

cat > "$work/net.yaml" <<YAML
task: classification
model: {name: small_resnet, width: 0.25}
data:
  train: {format: folders, root: $work/drawn/train, classes: $work/drawn/objects.txt}
  val: {format: folders, root: $work/drawn/val, classes: $work/drawn/objects.txt}
augment: {resize: [32, 32]}
train: {batch: 4, steps: 2}
YAML
expect 0 "" data synth -o "$work/drawn" --size 32 --train 12 --val 6
expect 0 "kernels for GPUs" check env
expect 0 "steps 2" train -c "$work/net.yaml" -o "$work/cpu" --progress none
expect 2 "made by make without CUDA=1" train -c "$work/net.yaml" -o "$work/emulated" --device cuda --emulate
if "$program" check env | grep -q '^no kernels'; then
  for device in cuda cuda:1; do
    "$program" train -c "$work/net.yaml" -o "$work/gpu" --device $device >"$work/said" 2>&1
    [ $? -eq 1 ] || { echo "--device $device: exit code is not 1"; failed=1; }
    grep -qE 'cuda: (there is no NVIDIA driver|the driver is there)' "$work/said" ||
      { echo "--device $device does not say what is missing: $(cat "$work/said")"; failed=1; }
  done
  expect 0 "steps 2" train -c "$work/net.yaml" -o "$work/auto" --device auto --progress none
else
  expect 0 "steps 2" train -c "$work/net.yaml" -o "$work/gpu" --device cuda:0 --progress none
  expect 0 "all agree" check step -c "$work/net.yaml" --device cpu --against cuda
fi
exit $failed
