#!/bin/sh
# A kernel of one's own: one new file in cuda/variants, nothing else edited. It is built in a copy of the tree that
# shares everything else, objects too.   usage: tests/variants.sh BUILD
set -u
build=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# expect CODE TEXT COMMAND...: ends with CODE and prints TEXT.
expect() {
  code=$1 text=$2; shift 2
  output=$("$@" 2>&1); got=$?
  [ "$got" -eq "$code" ] || { echo "$*: exit code $got, expected $code: $output"; failed=1; }
  echo "$output" | grep -qF -- "$text" || { echo "$*: does not say '$text': $output"; failed=1; }
}

. tests/copy_tree.sh
copy_tree "$build" "$work"

# A copy that is right, and one that forgets a barrier: the next tile is written while others read this one.
copy() { sed "s/v3_tile/$1/g; s/tile_kernel/$1_kernel/g" cuda/variants/gemm_v3_tile.cu; }
copy mine > "$work/cuda/variants/gemm_mine.cu"
copy planted | sed '/everybody has read them/d' > "$work/cuda/variants/gemm_planted.cu"

cd "$work" || exit 1
start=$(date +%s)
expect 0 "kernel checks, 0 failed" env -u MAKEFLAGS -u MAKELEVEL make check-variant NAME=gemm_mine DEPS=none CI="${CI:-}"
echo "two new files: compiled, linked and one checked in $(($(date +%s) - start)) s"
clearcut=$build/full/clearcut
expect 0 "gemm_mine         input" "$clearcut" check kernels --filter gemm_mine
expect 1 "FAILED" "$clearcut" check kernels --filter gemm_planted
expect 1 "other bits in another order" "$clearcut" check kernels --filter gemm_planted
expect 0 "gemm_mine" "$clearcut" bench kernels --variant mine --layer 4:8:4:3 --reps 1
expect 2 "no kernel of cuda is called 'none'" "$clearcut" bench kernels --variant none

# A training step with it: every convolution through the new product.
"$clearcut" data synth -o data --size 32 --train 6 --val 6 > synth.log 2>&1 || cat synth.log
cat > net.yaml <<Y
task: classification
model: {name: small_resnet, width: 0.25}
data:
  train: {format: folders, root: data/train, classes: ../objects.txt}
  val: {format: folders, root: data/val, classes: ../objects.txt}
augment: {resize: [16, 16]}
optimiser: {rate: 0.01}
train: {batch: 2, steps: 1}
Y
step="check step -c net.yaml --device cuda --against reference --emulate --tolerance 1e-3"
# shellcheck disable=SC2086
{
  expect 0 "all agree" "$clearcut" $step --kernels conv2d=mine
  expect 0 "steps 1" "$clearcut" train -c net.yaml -o run --device cuda --emulate --kernels conv2d=mine --progress none
  expect 2 "known: default" "$clearcut" $step --kernels gemm=none
}
exit "$failed"
