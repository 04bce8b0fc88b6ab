#!/bin/sh
# The command line: exit codes, what is printed, Ctrl-C and resuming.   usage: tests/cli.sh PROGRAM
set -u
program=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/expect.sh"

cat > "$work/net.yaml" <<YAML
task: classification
model: {name: small_resnet, width: 0.25}
data:
  train: {format: folders, root: $work/drawn/train, classes: $work/drawn/objects.txt}
  val: {format: folders, root: $work/drawn/val, classes: $work/drawn/objects.txt}
augment: {resize: [32, 32]}
optimiser: {rate: 0.01}
train: {batch: 4, steps: 4}
YAML
cat > "$work/seg.yaml" <<YAML
task: segmentation
model: {name: pspnet_small_resnet, width: 0.25}
data: {train: {format: list, root: $work/drawn}, val: {format: list, root: $work/drawn, list: val.txt}}
augment: {crop: [32, 32]}
optimiser: {rate: 0.01}
train: {batch: 4, steps: 2}
YAML

expect 0 "clearcut 0." --version
expect 0 "train" --help
expect 2 "subcommand" 
expect 2 "--config" train
expect 2 "no such file" train -c "$work/none.yaml"
expect 0 "" data synth -o "$work/drawn" --size 32 --train 12 --val 6
# Data sets written anew: what was written is in order, and trains from shards as from files.
expect 0 "12 items written, 0 failed" data convert --format list --root "$work/drawn" -o "$work/plain" --progress none
expect 0 "nothing wrong found" data check --format list --root "$work/plain" --progress none
expect 0 "12 items written, 0 failed" data pack --format list --root "$work/drawn" -o "$work/packed" --shard-size 64KiB \
  --progress none
expect 0 "nothing wrong found" data check --format list --root "$work/packed" --progress none
expect 1 "is not empty" data pack --format list --root "$work/drawn" -o "$work/packed" --progress none
expect 4 "12 failed" data convert --format list --root "$work/drawn" -o "$work/mapped" --map 0:200 --progress none
expect 2 "--map: data: a map of values" data convert --format list --root "$work/drawn" -o "$work/x" --map red:1
expect 0 "val.txt: " data split --format list --root "$work/drawn" -o "$work/split" --val 0.4 --seed 3
expect 1 "exists already" data split --format list --root "$work/drawn" -o "$work/split" --val 0.4 --seed 3
cp "$work/split/val.txt" "$work/drawn/drawn-by-lot.txt"
expect 0 " items, 7 classes" data check --format list --root "$work/drawn" --list drawn-by-lot.txt --progress none
expect 1 "benchmark_RELEASE of SBD" data voc-aug "$work/drawn" --sbd "$work/drawn"
expect 1 "which format cityscapes needs" data check --format cityscapes --root "$work/drawn"
expect 2 "did you mean 'rate'?" train -c "$work/net.yaml" --set optimiser.rat=1
expect 0 "no mistakes" config check -c "$work/net.yaml"
expect 2 "--nonsense" config show -c "$work/net.yaml" --nonsense
expect 0 "steps: 4" config show -c "$work/net.yaml"
expect 0 "nesterov: false" config show -c configs/camvid_small.yaml --set root=DIR
expect 0 "kind: draw" config show -c configs/demo.yaml
expect 1 "+ model.name: ocrnet_hrnet_w18" config diff configs/camvid_pspnet.yaml configs/camvid_ocrnet.yaml
expect 0 "" config diff configs/camvid.yaml configs/camvid.yaml
expect 2 "did you mean 'momentum'" config check -c configs/camvid_small.yaml --set root=DIR --set optimiser.momentun=1
expect 1 "does not exist" train -c "$work/net.yaml" --set data.train.root="$work/nowhere" -o "$work/a"
expect 5 "at step" train -c "$work/net.yaml" --set optimiser.rate=1e30 -o "$work/b" --progress none
expect 0 "steps 4" train -c "$work/net.yaml" -o "$work/net" --progress none
grep -qE '"decoders": "(libjpeg|stb)' "$work/net/env.json" || { echo "env.json does not name the decoders"; failed=1; }
expect 2 "--resume goes on" train -c "$work/net.yaml" -o "$work/net"
expect 0 "steps 4" train -c "$work/net.yaml" -o "$work/net" --fresh --device reference --progress none
expect 0 "steps 4" train -c "$work/net.yaml" -o "$work/seven" --seed 7 --progress none
expect 0 "the configuration changed: seed: 7 -> 1" train -c "$work/net.yaml" --set train.steps=5 -o "$work/seven" --resume --progress none
expect 2 "--emulate runs the CUDA kernels" train -c "$work/net.yaml" -o "$work/c" --device cuda
expect 0 "emulated: kernels run on the processor" check env
expect 2 "one emulated device" train -c "$work/net.yaml" -o "$work/c" --device cuda:1 --emulate
expect 2 "--emulate is for --device cuda" eval -c "$work/net.yaml" -o "$work/net" --emulate
expect 0 "steps 4" train -c "$work/net.yaml" -o "$work/emulated" --device cuda --emulate --progress none
grep -q 'cuda (emulated)' "$work/emulated/env.json" || { echo "env.json does not name the emulated device"; failed=1; }
expect 0 "top-1" eval -c "$work/net.yaml" -o "$work/emulated" --device cuda:0 --emulate --products tf32 --progress none
expect 0 "top-1" eval -c "$work/net.yaml" -o "$work/net" --progress none
expect 0 "miou" train -c "$work/seg.yaml" -o "$work/seg" --progress none
mask=$(find "$work/drawn/masks" -name '*.png' | head -1)
one=$(find "$work/drawn/val" -name "*.png" | head -1)
expect 0 "1 pictures explained, 0 failed" explain -m "$work/seg" -x gradcam,saliency --target "seg:1@$mask" "$one" \
  -o "$work/seg-maps" --progress none
[ -s "$work/seg-maps/$(basename "${one%.*}").sheet.png" ] || { echo "no sheet: $(ls "$work/seg-maps")"; failed=1; }
expect 0 "smoothgrad:samples=50" explainers
# What is exported needs nothing beside it, and an ONNX classifier can be trained further.
expect 0 "small_resnet, " model export "$work/net" -o "$work/net.onnx" --licence CC0-1.0
expect 0 "RGB, (pixel - (127.5" model info "$work/net.onnx"
expect 0 "small_resnet, " model export "$work/net" -o "$work/net.safetensors"
expect 0 "bricks" model info "$work/net.safetensors"
expect 1 "must end in .safetensors or .onnx" model export "$work/net" -o "$work/net.h5"
expect 1 "give the height and width" model export "$work/seg" -o "$work/seg.onnx"
expect 0 "pspnet_small_resnet, " model export "$work/seg" -o "$work/seg.onnx" --size 40 32
expect 0 "squeezenet1_1, " model export squeezenet1_1 -o "$work/new.onnx" --class-count 3 --width 0.25
expect 2 "--width describes a network that is made by name" model export "$work/net" -o "$work/net.onnx" --width 0.5
expect 0 "6 pictures explained, 0 failed" explain -m "$work/net.onnx" "$work/drawn/val" -o "$work/onnx-maps" --progress none

# Measures of explanations: a table, and a second start goes on where the first one ended.
measure="explain-eval -m $work/net -x gradcam,saliency --data $work/drawn --format csv --split val --masks masks --progress none"
expect 0 "saliency" $measure --measures deletion:steps=4,mask_iou,road -o "$work/measures"
for made in summary.json index.html pictures.jsonl settings.json; do
  [ -s "$work/measures/$made" ] || { echo "explain-eval: no $made"; failed=1; }
done
cp "$work/measures/summary.json" "$work/summary.whole"
head -n 2 "$work/measures/pictures.jsonl" > "$work/cut" && mv "$work/cut" "$work/measures/pictures.jsonl"
printf '{"id": "torn' >> "$work/measures/pictures.jsonl"
expect 2 "--resume goes on" $measure --measures deletion:steps=4,mask_iou,road -o "$work/measures"
expect 2 "made with other settings" $measure --measures deletion -o "$work/measures" --resume
expect 0 "6 pictures judged, 0 failed" $measure --measures deletion:steps=4,mask_iou,road -o "$work/measures" --resume
timeless() { sed '/"seconds": {/,/}/d' "$1" > "$1.timeless"; }
timeless "$work/measures/summary.json"; timeless "$work/summary.whole"
cmp "$work/measures/summary.json.timeless" "$work/summary.whole.timeless" || { echo "explain-eval: --resume differs"; failed=1; }
expect 2 "road has the settings noise" $measure --measures road:steps=3 -o "$work/measures-2"
expect 2 "pointing needs true mask" explain-eval -m "$work/net" --data "$work/drawn/val" --measures pointing -o "$work/measures-2"
expect 0 "| \`deletion\` |" explain-eval --table
expect 0 "steps 4" train -c "$work/net.yaml" --set model.name="$work/net.onnx" --set model.width=~ -o "$work/tuned" \
  --progress none
expect 0 "net.onnx, " model export "$work/tuned" -o "$work/tuned.onnx"
expect 0 "top-1" eval -c "$work/net.yaml" -o "$work/tuned" --progress none
expect 0 "mIoU" eval -c "$work/seg.yaml" -o "$work/seg" --progress none
expect 0 "mIoU as released" eval -c "$work/seg.yaml" -o "$work/seg" --slide 24 --flip --pad 40,40 --absent one --progress none
expect 0 "are done" predict -m "$work/seg" --slide 16,24 --mem-budget 4KiB "$work/drawn/val" -o "$work/slid" --progress none
expect 2 "slide=[24] is for networks" eval --pred "$work/slid" --gt "$work/slid" --classes "$work/slid/classes.txt" --slide 24
expect 0 "mIoU 100.00" eval --pred "$work/slid" --gt "$work/slid" --classes "$work/slid/classes.txt" -o "$work/slid-eval" --progress none
expect 0 "are done" predict -m "$work/seg" --save mask,prob --scales 1,1.5 "$work/drawn/val" -o "$work/out" --progress none
[ "$(ls "$work/out" | grep -c 'npz$')" -eq 6 ] && [ ! -e "$work/out/000012.overlay.png" ] ||
  { echo "predict --save mask,prob: $(ls "$work/out")"; failed=1; }
echo "not a picture" > "$work/broken.jpg"
expect 4 "0 of 1" predict -m "$work/seg" "$work/broken.jpg" -o "$work/broken" --progress none
expect 4 "1 failed" explain -m "$work/net" "$work/broken.jpg" -o "$work/maps" --progress none

# A mistake in an option or in a stage is a usage error that says where, before any work.
fuse="label fuse -m $work/net --data $work/drawn/train --progress none"
expect 2 "--rule: rule: a rule starts with" $fuse --rule rnk:0.9 -o "$work/labels"
expect 2 "--refine: refine: there are none, grabcut, crf:rrm" $fuse --refine sharp -o "$work/labels"
expect 2 "--regions: superpixels: there are slic, quickshift, felzenszwalb" $fuse --regions snic -o "$work/labels"
expect 2 "--explainer: explainer: there are ablation" $fuse -x gradcm -o "$work/labels"
expect 2 "--flatten makes it background" $fuse --rule rank:0.9:0.5 --layout pssl -o "$work/labels"
expect 2 "stages.3.rule: rule: a rule starts with" run configs/from_folder.yaml --set data="$work/drawn/train" \
  --set rule=val:0.3 -o "$work/mine"
expect 2 "needs a value: give it with --set data=" run configs/from_folder.yaml -o "$work/mine"
# A study: times before it starts, lines behind it, tables from the lines.
printf 'results: %s/lines.jsonl\nstages:\n  - {name: a, kind: draw, size: 32, train: 6, val: 6}\n' "$work" > "$work/small.yaml"
expect 0 "in all, without" run configs/study.yaml -o "$work/study" --set data="$work/drawn" --set results= --dry-run
expect 0 "done: " run "$work/small.yaml" -o "$work/small-run" --progress none
expect 0 "left out: its lines are in" run "$work/small.yaml" -o "$work/small-again" --dry-run
expect 0 "| draw | 1 |" viz study "$work/lines.jsonl" -o "$work/page"
[ -s "$work/page/study.md" ] || { echo "viz study -o wrote no study.md"; failed=1; }
expect 0 "12 labels made" $fuse --layout pssl -o "$work/labels"
expect 0 "nothing wrong found" data check --format pssl --root "$work/labels" --images "$work/drawn/train" \
  --progress none

# Maps that are kept are fused again to the same bytes, and by another rule without explaining.
expect 0 "12 labels made" $fuse --keep-maps u8 --out-size 16 --pixel-weights agreement -o "$work/kept"
again="label fuse --kept $work/kept --data $work/drawn/train --progress none"
expect 0 "12 labels made" $again --pixel-weights agreement -o "$work/again"
for made in manifest.jsonl job.json classifiers.json; do
  cmp "$work/kept/$made" "$work/again/$made" || { echo "label fuse --kept: $made differs"; failed=1; }
done
expect 0 "12 labels made" $again --consensus rank --weights accuracy --rule votes:0.5 -o "$work/again-2"
expect 2 "give either --model" label fuse --data "$work/drawn/train" -o "$work/again-3"
expect 2 "--keep-maps goes with --model" $again --keep-maps u8 -o "$work/again-3"
expect 1 "weights by accuracy need a file" $fuse --weights accuracy -o "$work/again-3"

# Out to an annotation tool and back: the same labels.
export="label export --data $work/labels --format pssl --images $work/drawn/train --progress none"
expect 0 "12 labels written, 0 failed" $export --to coco-polygons -o "$work/coco"
expect 0 "0 labels corrected, 12 unchanged" label import "$work/coco" --from coco-polygons --into "$work/labels" --by me
expect 0 "12 labels written, 0 failed" $export --to pssl-npz --shard-size 20KiB -o "$work/shards"
expect 0 "0 labels corrected, 12 unchanged" label import "$work/shards" --from pssl-npz --into "$work/labels" --by me
expect 1 "is not empty" $export --to cvat -o "$work/coco"
expect 2 "--by is required" label import "$work/coco" --from coco-rle --into "$work/labels"

expect 2 "class 99 is outside 0 to 5" explain -m "$work/net" --target class:99 "$work/drawn/val" -o "$work/maps"
expect 2 "no class 'dog'" explain -m "$work/net" --target dog "$work/drawn/val" -o "$work/maps"
expect 2 "is a classifier; its targets read" explain -m "$work/net" --target seg:1@predicted "$work/drawn/val" -o "$work/maps"
expect 2 "is a segmenter; its targets read" explain -m "$work/seg" "$work/drawn/val" -o "$work/maps"
expect 2 "flip=1 would mirror" explain -m "$work/seg" -x gradcam:flip=1 --target "seg:1@$mask" "$work/drawn/val" -o "$work/maps"
expect 2 "needs a class and a mask" explain -m "$work/seg" --target seg:1 "$work/drawn/val" -o "$work/maps"
expect 2 "'smoothgrad' comes twice" explain -m "$work/net" -x smoothgrad:noise=0.1,smoothgrad:noise=0.3 "$work/drawn/val" -o "$work/maps"
mkdir -p "$work/stems" && cp "$one" "$work/stems/a.png" && cp "$one" "$work/stems/a.jpg"
expect 1 "would overwrite each other" explain -m "$work/net" -x cam "$work/stems" -o "$work/maps"
expect 2 "--save" explain -m "$work/net" --save hat "$work/drawn/val" -o "$work/maps"

expect 0 "steps 2" train -c configs/pssl_pretrain.yaml --set images="$work/drawn/train" --set labels="$work/labels" \
  --set model.name=pspnet_small_resnet --set model.width=0.25 --set train.batch=2 --set train.epochs=~ \
  --set train.steps=2 --set augment.resize_short=32 --set augment.crop=[32,32] -o "$work/pssl" --progress none
# The paper's other networks with their own configurations, narrow; the usual loss of one output.
for net in deeplabv3 ocrnet; do
  two="--set model.width=0.1 --set train.batch=2 --set train.steps=2 --set augment.crop=[32,32] --progress none"
  expect 0 "steps 2" train -c configs/pssl_pretrain_$net.yaml --set images="$work/drawn/train" --set labels="$work/labels" \
    --set train.epochs=~ --set augment.resize_short=32 $two -o "$work/pssl-$net"
  expect 0 "miou" train -c configs/camvid_$net.yaml --set "data.train={format: list, root: $work/drawn}" \
    --set "data.val={format: list, root: $work/drawn, list: val.txt}" --set init.from="$work/pssl-$net" --set optimiser.warmup=1 $two -o "$work/camvid-$net"
done
expect 0 "miou" train -c "$work/seg.yaml" --set model.name=deeplabv3_resnet18 -o "$work/seg-deeplab" --progress none
expect 0 "12 were there" $fuse --layout pssl -o "$work/labels"
expect 1 "holds labels of another job" label fuse -m "$work/net" --data "$work/drawn/val" --layout pssl -o "$work/labels"

# Image labels alone: a folder per class, or a CSV file, to a model, overlays of held-out pictures, a report.
# The CSV lies elsewhere than the pictures.
mkdir "$work/lists"
sed 's#^train/#../drawn/train/#; s#^val/#../drawn/val/#' "$work/drawn/labels.csv" > "$work/lists/image-labels.csv"
mkdir "$work/one"
cp -r "$work/drawn/train/bricks" "$work/one"
for data in "$work/drawn/train" "$work/lists/image-labels.csv"; do
  rm -rf "$work/mine"
  expect 0 "done: " run configs/from_folder.yaml --set data="$data" --set held_out=0.3 --set side=32 --set batch=4 \
    --set classifier_epochs=1 --set pretrain_epochs=1 --set explainers=[gradcam] -o "$work/mine" --progress none
  for made in segmenter/model/result.json report/index.html overlays/legend.png; do
    [ -s "$work/mine/$made" ] || { echo "from_folder on $data: no $made"; failed=1; }
  done
  overlays=$(ls "$work/mine/overlays" | grep -c 'overlay.png$')
  held_out=$(ls "$work/mine/split/held_out" | wc -l)
  [ "$overlays" -gt 0 ] && [ "$overlays" -eq "$held_out" ] ||
    { echo "from_folder on $data: $overlays overlays of $held_out held-out pictures"; failed=1; }
done

# Few pictures: one is held out whatever the share. One class: said before any training.
expect 1 "needs at least two" run configs/from_folder.yaml --set data="$work/one" -o "$work/one-run" --progress none
# Items that cannot be read: the rest is done, failures.jsonl lists them, exit code 4.
cp -r "$work/drawn" "$work/bad"
head -c 300 "$work/drawn/train/bricks/000000.png" > "$work/bad/train/bricks/000000.png"
fuse="label fuse -m $work/net --data $work/bad/train --progress none"
expect 4 "11 labels made, 0 were there, 0 without image label, 1 failed" $fuse -o "$work/bad-labels"
expect 3 "unreadable picture (1)" data check --format folders --root "$work/bad/train" --progress none
expect 1 "data.on_failure: skip" train -c "$work/net.yaml" --set data.train.root="$work/bad/train" \
  -o "$work/bad-net" --progress none
expect 4 "1 pictures failed" train -c "$work/net.yaml" --set data.train.root="$work/bad/train" \
  --set data.on_failure=skip -o "$work/bad-net" --fresh --progress none
expect 4 "1 pictures failed" eval -c "$work/net.yaml" --set data.val.root="$work/bad/train" -m "$work/net" \
  -o "$work/bad-eval" --progress none
expect 4 "11 of 12" predict -m "$work/seg" "$work/bad/train" -o "$work/bad-masks" --progress none
for folder in bad-labels bad-net bad-eval bad-masks; do
  grep -q 000000.png "$work/$folder/failures.jsonl" || { echo "$folder/failures.jsonl: no 000000.png"; failed=1; }
done

# Every verb that computes runs on the plain loops.
reference="--device reference --progress none"
expect 0 "1 pictures explained" explain -m "$work/net" -x cam,gradcam,smoothgrad:samples=2,ig:steps=2,lime:samples=8 \
  "$work/drawn/train/bricks/000000.png" -o "$work/r-maps" $reference
pieces="samples=8:grid=3"
expect 0 "clusters of superpixels" explain-prior -m "$work/net" --data "$work/drawn/train" --limit 3 \
  -x normlime:$pieces:clusters=4 -o "$work/prior.safetensors" $reference
expect 0 "1 pictures explained" explain -m "$work/net" \
  -x normlime:grid=3:prior="$work/prior.safetensors",glime:$pieces:prior="$work/prior.safetensors",shapley:samples=1:grid=2,scorecam \
  "$work/drawn/train/bricks/000000.png" -o "$work/r-pieces" $reference
expect 2 "explainer normlime" explain-prior -m "$work/net" --data "$work/drawn/train" -x cam -o "$work/no.safetensors" $reference
expect 0 "6 labels made" label fuse -m "$work/net" --data "$work/drawn/val" -o "$work/r-labels" $reference
expect 0 "agreement of members" label stats "$work/r-labels" --masks "$work/drawn/masks/val"
for made in stats.html stats.json stats.csv; do
  [ -s "$work/r-labels/$made" ] || { echo "label stats: no $made"; failed=1; }
done
grep -q '"rank_correlation"' "$work/r-labels/stats.json" || { echo "label stats: the true masks were not read"; failed=1; }
cp -r "$work/r-labels" "$work/r-damaged"
sed -i '1s/.*/{"id": torn/' "$work/r-damaged/manifest.jsonl"
expect 4 "look at $work/r-damaged/stats.html" label stats "$work/r-damaged"
sweep="label sweep -m $work/net -x gradcam,saliency --data $work/drawn/val --bootstrap 10"
expect 0 "without labels: where members agree most" $sweep --select agreement -o "$work/r-pick" $reference
expect 0 "without labels: the share of foreground nearest to 0.3" $sweep --select share:0.3 --measures rank -o "$work/r-pick" \
  $reference
# A picture that fails when the rule is chosen stays on the list of failures, with masks to score by and without.
cp -r "$work/drawn" "$work/torn"
(cd "$work/torn" && ls val/*/*.png) > "$work/all.txt"
tail -n +2 "$work/all.txt" > "$work/whole.txt"
torn=$(head -n 1 "$work/all.txt")
head -c 30 "$work/drawn/$torn" > "$work/torn/$torn"
sweep_torn="label sweep -m $work/net -x gradcam,saliency --bootstrap 10 --select agreement -o $work/r-torn"
for data in "--data $work/torn/val" \
  "--data $work/torn --format csv --split val --masks masks --choose $work/all.txt --apply $work/whole.txt"; do
  rm -rf "$work/r-torn"
  expect 4 "where members agree most" $sweep_torn $data $reference
  [ "$(wc -l < "$work/r-torn/failures.jsonl")" -eq 1 ] || { echo "label sweep $data: not one failure"; failed=1; }
done
expect 2 "share:S with S between 0 and 1" $sweep --select share:2 -o "$work/r-pick" $reference
expect 0 "6 labels made" label fuse -m "$work/net" -x gradcam,saliency --data "$work/drawn/val" --rule picked:"$work/r-pick/picked.json" \
  -o "$work/r-picked" $reference
grep -q "nearest to 0.3" "$work/r-picked/job.json" || { echo "job.json does not say how the rule was picked"; failed=1; }
expect 2 "was picked for the fusion percentile" label fuse -m "$work/net" --consensus abs --data "$work/drawn/val" \
  --rule picked:"$work/r-pick/picked.json" -o "$work/r-picked" $reference
expect 0 "6 pictures; open $work/site/index.html" view "$work/r-labels" --export "$work/site"
[ "$(ls "$work/site/data" | wc -l)" -eq 8 ] || { echo "view --export: $(ls "$work/site/data")"; failed=1; }
expect 1 "lies in the folder that is shown" view "$work/r-labels" --export "$work/r-labels/site"
expect 2 "Directory does not exist" view "$work/nowhere"
expect 1 "holds tar shards of" view "$work/shards"
expect 0 "6 pictures scored" label sweep -m "$work/net" --data "$work/drawn" --format csv --split val --masks masks \
  -o "$work/r-sweep" --bootstrap 10 $reference
expect 0 "miou" train -c "$work/seg.yaml" -o "$work/r-seg" $reference
expect 0 "mIoU" eval -c "$work/seg.yaml" -o "$work/r-seg" $reference
expect 0 "6 of 6" predict -m "$work/seg" "$work/drawn/val" -o "$work/r-out" $reference
expect 0 "done: " run configs/from_folder.yaml --set data="$work/drawn/train" --set held_out=0.3 --set side=32 \
  --set batch=4 --set classifier_epochs=1 --set pretrain_epochs=1 --set explainers=[gradcam] -o "$work/r-mine" $reference
expect 0 "feature map" model info "$work/net" --device reference
expect 0 "layer3" model layers "$work/net" --device reference
expect 0 "the same bits each time" check determinism -c "$work/net.yaml" -o "$work/r-ways" --device reference

# Weights from elsewhere, and looking into networks.
expect 0 "multiply-adds for one picture of 64 x 48" model layers "$work/net" --size 64 48
expect 0 "25,557,032 parameters, 4,089,184,256 multiply-adds for one picture of 224 x 224" model layers resnet50
expect 0 "digraph network {" model graph "$work/net"
expect 0 "[label=\"head.aux_head.1" model graph ocrnet_hrnet_w18
expect 0 "4.09 G" model list
expect 0 "# Networks" model docs
expect 0 "0 missing, 0 unexpected, 0 of another shape" model diff "$work/net" "$work/net"
expect 3 "missing     " model diff "$work/net" "$work/seg"
expect 0 "tensors written to $work/imported" model import "$work/net" --arch small_resnet --width 0.25 --class-count 6 \
  --resize cubic -o "$work/imported"
expect 0 "resized by cubic" model info "$work/imported"
expect 0 "0 missing, 0 unexpected, 0 of another shape" model diff "$work/net" "$work/imported"
expect 1 "wrong shape" model import "$work/net" --arch small_resnet --width 0.25 --class-count 7 -o "$work/wrong"
expect 1 "it was not run" model import tests/golden/weights/evil.pth --arch small_resnet -o "$work/wrong"
expect 2 "--resize: resize: no filter is called 'lanczos'" model import "$work/net" --arch small_resnet --resize lanczos \
  -o "$work/wrong"
layers=tests/golden/models/layers
expect 0 "tensors written" model import $layers/squeezenet1_1.pth --arch squeezenet1_1 --width 0.125 --class-count 5 \
  --size 32 32 -o "$work/squeeze"
expect 0 "all 27 within 1e-05" model verify "$work/squeeze" --ref $layers/squeezenet1_1_names.npz --tol 1e-5
expect 0 "all 27 within 0.0001" model verify "$work/squeeze" --ref $layers/squeezenet1_1_names.npz --tol 1e-4 --device cuda --emulate
expect 3 "first above 1e-12: features.0" model verify "$work/squeeze" --ref $layers/squeezenet1_1_names.npz --tol 1e-12
expect 1 "has no array 'input'" model verify "$work/net" --ref tests/golden/data/arrays.npz

# A checkpoint of another model; a pipeline where a training configuration is needed.
expect 1 "does not fit the model of this configuration" train -c "$work/seg.yaml" --set model.width=0.5 \
  -o "$work/seg" --resume
expect 1 "holds a classifier, a segmenter is needed here" predict -m "$work/net" "$work/drawn/val" -o "$work/out2"
expect 2 "is a pipeline" train -c configs/demo.yaml
expect 0 "gradient checks, 0 failed" check grad --filter softmax
expect 0 "kernel checks, 0 failed" check kernels --filter patches --layer 5:6:7:3
expect 1 "FAILED" check kernels --layer 5:6:7:3 --tolerance 0
expect 2 "no kernel with 'fast' in its name" check kernels --filter fast
expect 0 "all agree" check step -c "$work/seg.yaml" --tolerance 1e-2
expect 0 "the same bits each time" check determinism -c "$work/net.yaml" -o "$work/ways"

# Speeds are not tested; that each verb runs and says what it should, is.
tiny="--width 0.25 --size 32 --reps 1 --warm-up 0 --threads 1"
expect 0 "of the machine's multiply-add peak" bench train small_resnet --batch 2 $tiny
expect 0 '"pictures_per_second"' bench predict pspnet_small_resnet --json $tiny
expect 0 '"resident_bytes"' bench predict "$work/net" --json --reps 1 --warm-up 0
expect 0 "samples/s" bench explain small_resnet -x smoothgrad:samples=2 $tiny
expect 0 "3x3 8-8 @10 b1" bench kernels --layer 8:10:8:3 --batch 1 --reps 1 --kernels patches
expect 0 '"share_of_peak"' bench kernels --layer 8:10:8:1 --direction input --reps 1 --json
expect 0 "gemm_v3_tile" bench kernels --variant v3_tile --layer 4:8:4:3 --reps 1
expect 0 '"card": "H100 SXM"' bench kernels --variant v1_naive --json --reps 1
expect 2 "--variant: variant: no kernel of cuda is called 'fast'" bench kernels --variant fast
expect 2 "--layer: layer: a layer is C:side:K:kernel" bench kernels --layer 8:10
expect 2 "--kernels: kernels: no kernel is called 'fast'" bench predict small_resnet --kernels fast
expect 2 "must be the name of a network" bench predict resnet51
expect 2 "--explainer: explainer: there are ablation" bench explain small_resnet -x smothgrad

# Ctrl-C: the running step is finished and saved, exit code 130, and --resume ends like a straight run.
"$program" train -c "$work/net.yaml" --set train.steps=1000 -o "$work/c" --progress none 2> "$work/said" &
job=$!
while [ ! -e "$work/c/metrics.jsonl" ] && kill -0 $job 2> /dev/null; do sleep 0.05; done
kill -INT $job; wait $job; got=$?
[ "$got" -eq 130 ] || { echo "Ctrl-C: exit code $got, expected 130: $(cat "$work/said")"; failed=1; }
expect 0 "steps 1000" train -c "$work/net.yaml" --set train.steps=1000 -o "$work/c" --resume --progress none
exit $failed
