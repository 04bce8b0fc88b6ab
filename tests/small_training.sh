# For scripts that train a small network by the command line: $program is set, $work is an empty folder that goes when
# the script ends. say TEXT notes a failure.
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"
say() { echo "$*"; failed=1; }

# small_training PICTURES OPTIMISER TRAIN: draws PICTURES, and $work/net.yaml trains on them with these sections.
small_training() {
  cat > "$work/net.yaml" <<YAML
task: pretrain
model: {name: pspnet_small_resnet, width: 0.25}
data:
  train: {format: list, root: $work/drawn}
  val: {format: list, root: $work/drawn, list: val.txt}
augment: {crop: [32, 32], flip: 0.5}
optimiser: {$2}
train: {$3}
YAML
  expect 0 "" data synth -o "$work/drawn" --size 32 --train "$1" --val 6
}
