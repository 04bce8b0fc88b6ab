# For scripts that make the same few labels in many ways: $program and $work are set, expect.sh is read.
say() { echo "$*"; failed=1; }

cat > "$work/net.yaml" <<YAML
task: classification
model: {name: small_resnet, width: 0.25}
data: {train: {format: folders, root: $work/drawn/train, classes: $work/drawn/objects.txt}}
augment: {resize: [32, 32]}
optimiser: {rate: 0.01}
train: {batch: 4, steps: 2}
YAML
expect 0 "" data synth -o "$work/drawn" --size 32 --train 60 --val 6
expect 0 "steps 2" train -c "$work/net.yaml" -o "$work/net" --progress none
# One picture cannot be read, in every run.
broken=$work/drawn/train/bricks/000000.png
cp "$broken" "$work/picture"
head -c 300 "$work/picture" > "$broken"

fuse="label fuse -m $work/net -x gradcam,smoothgrad:samples=4 --data $work/drawn/train --threads 1 --progress none \
  --keep-consensus --keep-maps u8 --out-size 8 --pixel-weights agreement"
# label OPTIONS...: makes labels; what it says is in $work/said.
label() { "$program" $fuse "$@" > "$work/said" 2>&1; }
# same FOLDER HOW: labels, manifest, failures and job are those of the undisturbed run in $work/whole.
same() { diff -rq -x journal "$work/whole" "$work/$1" || say "$2: another folder of labels"; }
