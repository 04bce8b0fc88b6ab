"""Trains two steps and reads the event file with TensorBoard's own reader: the numbers of metrics.jsonl must come back.

usage: tools/check_events.py PROGRAM
"""
import json
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

CONFIG = """task: classification
model: {{name: small_resnet, width: 0.25}}
data:
  train: {{format: folders, root: {0}/drawn/train}}
  val: {{format: folders, root: {0}/drawn/val}}
augment: {{resize: [32, 32]}}
optimiser: {{rate: 0.01}}
train: {{batch: 4, steps: 4, log_every: 1, eval_every: 2}}
"""

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], "data", "synth", "-o", folder + "/drawn", "--size", "32", "--train", "12", "--val", "6"],
                   check=True, stdout=subprocess.DEVNULL)
    with open(folder + "/net.yaml", "w") as out:
        out.write(CONFIG.format(folder))
    subprocess.run([sys.argv[1], "train", "-c", folder + "/net.yaml", "-o", folder + "/run", "--progress", "none"], check=True,
                   stdout=subprocess.DEVNULL)
    expected = {}
    with open(folder + "/run/metrics.jsonl") as lines:
        for record in map(json.loads, lines):
            if record["kind"] == "eval":
                expected[("eval/" + record["metric"], record["step"])] = record["score"]
                continue
            for name in ("loss", "rate", "gradient_norm", "items_per_second"):
                expected[("train/" + name, record["step"])] = record[name]
            for i, loss in enumerate(record["losses"]):
                expected[(f"train/loss_{i}", record["step"])] = loss
    events = EventAccumulator(folder + "/run")
    events.Reload()
    found = {(tag, e.step): e.value for tag in events.Tags()["scalars"] for e in events.Scalars(tag)}
assert len(expected) == 4 * 5 + 2, expected
assert found.keys() == expected.keys(), set(found) ^ set(expected)
for key, value in expected.items():  # the file holds floats
    assert abs(found[key] - value) <= 1e-6 * abs(value), (key, found[key], value)
print(f"{len(found)} numbers of {len({tag for tag, _ in found})} curves")
