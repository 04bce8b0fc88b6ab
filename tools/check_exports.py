"""Networks that clearcut wrote as ONNX files, run by others: the same logits within 1e-4 of the largest.

usage: check_exports.py PROGRAM [--width 0.25] [--networks NAME ...]

Of every network that `clearcut model list` names: random weights and batch norm statistics, imported and exported as
ONNX; then onnx.checker, onnx.reference (where the installed onnx has it) and OpenCV's DNN module, for one picture and
for two, of two sizes. `clearcut model verify` compares their numbers with ours. Of segmenters it compares the logits
before they are brought to the size of the picture; the last step is compared with cv2.resize.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy

TOLERANCE = 1e-4  # of the largest logit: float32 sums of a hundred layers in another order
SIZES = [(96, 128), (75, 97)]
BATCHES = [1, 2]


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(" ".join(str(w) for w in words) + "\n" + done.stdout[-2000:] + done.stderr)
    return done.stdout


def read_safetensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    types = {"F32": numpy.float32, "I64": numpy.int64}
    arrays = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + at for at in entry["data_offsets"])
            arrays[name] = numpy.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def shaken(arrays, rng):
    """Batch norms as training leaves them; fresh ones would prove little."""
    changed = {}
    for name, a in arrays.items():
        if name.endswith("running_var"):
            a = rng.uniform(0.5, 1.5, a.shape)
        elif name.endswith("running_mean") or (name.endswith("bias") and a.ndim == 1):
            a = rng.normal(0, 0.1, a.shape)
        elif name.endswith("weight") and a.ndim == 1:
            a = rng.normal(1, 0.1, a.shape)
        changed[name] = a.astype(numpy.int64 if a.dtype == numpy.int64 else numpy.float32)
    return changed


def opencv_form(model, shape):
    """OpenCV 4.6 reads bounds of Clip as attributes only, and sizes of its input as numbers."""
    import onnx.numpy_helper
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    numbers = {t.name: onnx.numpy_helper.to_array(t) for t in copy.graph.initializer}
    for node in copy.graph.node:
        if node.op_type == "Clip":
            for name, value in zip(("min", "max"), node.input[1:]):
                if value:
                    node.attribute.append(onnx.helper.make_attribute(name, float(numbers[value])))
            del node.input[1:]
    for dim, size in zip(copy.graph.input[0].type.tensor_type.shape.dim, shape):
        dim.dim_value = size
    return copy.SerializeToString()


def run_opencv(model, x, names):
    import cv2
    net = cv2.dnn.readNetFromONNX(numpy.frombuffer(opencv_form(model, x.shape), numpy.uint8))
    net.setInput(x)
    # Values inside the graph go by the names of their nodes there.
    outputs = {o.name for o in model.graph.output}
    return [a.copy() for a in net.forward([n if n in outputs else "onnx_node!" + n for n in names])]


def run_reference(model, x, names):
    from onnx.reference import ReferenceEvaluator
    import onnx
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {o.name for o in copy.graph.output}
    copy.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names if n not in known)
    return ReferenceEvaluator(copy).run(names, {copy.graph.input[0].name: x})


def half_pixel(low, size):
    import cv2
    return numpy.stack([numpy.stack([cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR)
                                     for plane in picture]) for picture in low])


def compare(program, weights, model, x, runner, folder):
    """Raises if the numbers of `runner` are not ours."""
    last = model.graph.node[-1]
    resized = last.op_type == "Resize"
    names = [last.input[0] if resized else "logits", "logits"]
    low, logits = runner(model, x, names)
    if resized:
        expected = half_pixel(low, x.shape[2:])
        worst = numpy.abs(expected - logits).max() / numpy.abs(expected).max()
        if worst > TOLERANCE:
            raise RuntimeError(f"logits at the size of the picture differ from cv2.resize by {worst:.2g}")
    dump = os.path.join(folder, "dump.npz")
    numpy.savez(dump, **{"input": x, names[0] if resized else "output": low})
    run(program, "model", "verify", weights, "--ref", dump, "--tol", TOLERANCE)


def runners():
    found = {}
    try:
        import cv2
        found["OpenCV " + cv2.__version__] = run_opencv
    except ImportError:
        print("[ skipped ] OpenCV: needs python3-opencv")
    try:
        from onnx.reference import ReferenceEvaluator
        found["onnx.reference"] = run_reference
    except ImportError:
        print("[ skipped ] onnx.reference: needs onnx 1.13 or newer")
    return found


def check_network(program, name, width, runner_of, folder):
    import onnx
    rng = numpy.random.default_rng(7)
    start, arrays, weights = (os.path.join(folder, f) for f in ("start.safetensors", "w.npz", "weights"))
    run(program, "model", "export", name, "-o", start, "--class-count", 7, "--width", width)
    numpy.savez(arrays, **shaken(read_safetensors(start), rng))
    run(program, "model", "import", arrays, "--arch", name, "--class-count", 7, "--width", width, "--map", "none",
        "-o", weights)
    fixed = name.startswith("pspnet_")
    for size in SIZES:
        path = os.path.join(folder, "net.onnx")
        if fixed or size == SIZES[0]:
            run(program, "model", "export", weights, "-o", path, *(["--size", *size] if fixed else []))
        onnx.checker.check_model(path, full_check=True)
        model = onnx.load(path)
        for batch in BATCHES:
            x = rng.normal(0, 1, (batch, 3, *size)).astype(numpy.float32)
            for title, runner in runner_of.items():
                try:
                    compare(program, weights, model, x, runner, folder)
                except Exception as error:
                    raise RuntimeError(f"{title}, {batch} pictures of {size}: {error}") from error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--networks", nargs="*")
    words = parser.parse_args()
    listed = run(words.program, "model", "list").split("operators of ONNX files")[0].splitlines()
    known = [line.split()[0] for line in listed if line.startswith("  ")]
    runner_of = runners()
    failed = 0
    for name in words.networks or known:
        try:
            with tempfile.TemporaryDirectory() as folder:
                check_network(words.program, name, words.width, runner_of, folder)
            print(f"[ passed ] {name}", flush=True)
        except Exception as error:
            failed += 1
            print(f"[ FAILED ] {name}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
