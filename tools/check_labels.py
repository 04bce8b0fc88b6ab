"""NumPy, Pillow, tarfile, ElementTree and scikit-image read the label files that clearcut writes.

    tools/check_labels.py CLEARCUT

Draws label maps, writes them with Pillow, has `clearcut label export` turn them into every format, as files and as tar
shards, and compares every pixel that the other programs read. pycocotools decodes the runs too where it is installed.
"""
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree

import numpy as np
import skimage.draw
from PIL import Image

try:
    import pycocotools.mask
except ImportError:
    pycocotools = None

NAMES = ["background", "cat", "dog", 'a <b> & "c"', "cow"]
FOLDERS = ["n0000000%d" % c for c in range(len(NAMES))]
IGNORED = 255


def draw(rng, height, width, classes):
    """Blocks, speckles and holes of some classes, and ignored pixels."""
    blocks = np.kron(rng.randint(0, 3, (height // 4 + 1, width // 4 + 1)), np.ones((4, 4), int))[:height, :width]
    labels = np.array([0] + classes)[np.minimum(blocks, len(classes))]
    labels[rng.rand(height, width) < 0.15] = 0
    return labels.astype(np.uint8)


def write_data(root, rng):
    """Pictures of one class below one/, of several below all/."""
    maps = {}
    for i in range(6):
        several = i % 2 == 1
        name = "%s/p%d" % ("all" if several else "one", i)
        labels = draw(rng, 9 + 5 * i, 31 - 4 * i, [1 + i // 2, 4] if several else [1 + i // 2])
        if several:
            labels[rng.rand(*labels.shape) < 0.05] = IGNORED
        maps[name] = labels
        for folder, image in (("images", Image.new("RGB", labels.shape[::-1])), ("masks", Image.fromarray(labels))):
            os.makedirs(os.path.join(root, folder, os.path.dirname(name)), exist_ok=True)
            image.save(os.path.join(root, folder, name + ".png"))
    with open(os.path.join(root, "classes.txt"), "w") as f:
        f.writelines("%d\t%s\t%s\n" % (i, FOLDERS[i], name) for i, name in enumerate(NAMES))
    for kind in ("one", "all"):
        with open(os.path.join(root, kind + ".txt"), "w") as f:
            f.writelines("images/%s.png masks/%s.png\n" % (n, n) for n in sorted(maps) if kind in ("all", n[:3]))
    return maps


class Files:
    """A folder of files, or what its index says that the shards hold; tarfile must find the same there."""

    def __init__(self, folder):
        self.folder = folder
        self.index = {}
        if not os.path.exists(os.path.join(folder, "index.jsonl")):
            return
        with open(os.path.join(folder, "index.jsonl")) as f:
            self.index = {line["file"]: line for line in map(json.loads, f)}
        members = {}
        for shard in sorted(n for n in os.listdir(folder) if n.endswith(".tar")):
            with tarfile.open(os.path.join(folder, shard)) as tar:
                for member in tar:
                    assert (member.uid, member.mtime, member.mode) == (0, 0, 0o644), member
                    members[member.name] = tar.extractfile(member).read()
        assert set(members) == set(self.index)
        for name, data in members.items():
            assert self.read(name) == data, name

    def read(self, name):
        if name not in self.index:  # lists lie beside the shards
            with open(os.path.join(self.folder, name), "rb") as f:
                return f.read()
        place = self.index[name]
        with open(os.path.join(self.folder, place["shard"]), "rb") as f:
            f.seek(place["offset"])
            return f.read(place["size"])

    def open(self, name):
        return io.BytesIO(self.read(name))


def picture(files, name, mode):
    image = Image.open(files.open(name))
    assert image.mode in mode, (name, image.mode)
    return np.asarray(image)


def from_runs(runs, shape):
    flat = np.repeat(np.arange(len(runs)) % 2, runs)
    return flat.reshape(shape).astype(bool)


def unpacked(text):
    runs, value, shift = [], 0, 0
    for letter in text:
        group = ord(letter) - 48
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def paint_polygon(labels, points, value):
    """Corners are whole numbers and centres half ones, so no centre lies on a border."""
    points = np.asarray(points, float).reshape(-1, 2) - 0.5
    assert (points + 0.5 == np.round(points + 0.5)).all()
    rows, columns = skimage.draw.polygon(points[:, 1], points[:, 0], labels.shape)
    assert (labels[rows, columns] == 0).all()  # no pixel twice
    labels[rows, columns] = value


def value_of(name):
    return IGNORED if name == "ignore" else NAMES.index(name)


def read_coco(files, names):
    coco = json.loads(files.read("annotations.json"))
    category = {c["id"]: value_of(c["name"]) for c in coco["categories"]}
    assert [c["id"] for c in coco["categories"]] == list(range(1, len(NAMES) + 1))
    labels = {i["id"]: np.zeros((i["height"], i["width"]), int) for i in coco["images"]}
    for region in coco["annotations"]:
        target, segmentation = labels[region["image_id"]], region["segmentation"]
        before = target.copy()
        if isinstance(segmentation, list):
            for polygon in segmentation:
                paint_polygon(target, polygon, category[region["category_id"]])
        else:
            assert segmentation["size"] == list(target.shape)
            mask = from_runs(unpacked(segmentation["counts"]), target.shape[::-1]).T
            if pycocotools:
                assert (pycocotools.mask.decode(segmentation) == mask).all()
            target[mask] = category[region["category_id"]]
        changed = np.argwhere(before != target)
        (top, left), (bottom, right) = changed.min(0), changed.max(0) + 1
        assert region["bbox"] == [left, top, right - left, bottom - top] and region["area"] == len(changed), region
        if pycocotools and isinstance(segmentation, list):
            runs = pycocotools.mask.frPyObjects(segmentation, *target.shape)
            assert (pycocotools.mask.decode(pycocotools.mask.merge(runs)) == (before != target)).all()
    return {i["file_name"]: labels[i["id"]] for i in coco["images"]}


def read_cvat(files, names):
    labels = {}
    for image in ElementTree.fromstring(files.read("annotations.xml")).iter("image"):
        target = labels[image.get("name")] = np.zeros((int(image.get("height")), int(image.get("width"))), int)
        for mask in image.iter("mask"):
            left, top, width, height = (int(mask.get(k)) for k in ("left", "top", "width", "height"))
            inside = from_runs([int(r) for r in mask.get("rle").split(", ")], (height, width))
            target[top:top + height, left:left + width][inside] = value_of(mask.get("label"))
    return labels


def read_labelme(files, names):
    labels = {}
    for name in names:
        file = json.loads(files.read("images/%s.json" % name))
        target = labels["images/%s.png" % name] = np.zeros((file["imageHeight"], file["imageWidth"]), int)
        for shape in file["shapes"]:
            assert shape["shape_type"] == "polygon"
            paint_polygon(target, shape["points"], value_of(shape["label"]))
        if not files.index:  # labelme would open this picture
            path = os.path.join(files.folder, "images", os.path.dirname(name), file["imagePath"])
            assert Image.open(path).size == target.shape[::-1]
    return labels


def read_palette(files, names, folder="labels/"):
    return {"images/%s.png" % n: picture(files, "%simages/%s.png" % (folder, n), ["P"]) for n in names}


def read_16(files, names):
    labels = {"images/%s.png" % n: picture(files, "labels/images/%s.png" % n, ["I;16", "I"]) for n in names}
    return {n: np.where(a == 65535, IGNORED, a) for n, a in labels.items()}


def read_imagenet_s(files, names):
    labels = {}
    for name in names:
        rgb = picture(files, "images/%s.png" % name, ["RGB"]).astype(int)
        ids = rgb[:, :, 1] * 256 + rgb[:, :, 0]
        labels["images/%s.png" % name] = np.where(ids == 1000, IGNORED, ids)
    return labels


def published(files, names, maps, ending, read, top):
    lines = files.read("train.txt").decode().split()
    assert files.read("imagenet_lsvrc_2015_synsets.txt").decode().split() == FOLDERS[1:]
    labels = {}
    for name, line in zip(names, lines):
        value = maps[name].max()
        assert line == "train/%s/%s%s" % (FOLDERS[value], os.path.basename(name), ending), line
        stored = read(files, line)
        assert set(np.unique(stored)) <= {0, top}
        labels["images/%s.png" % name] = np.where(stored == top, value, 0)
    return labels


def read_npz(files, name):
    arrays = np.load(files.open(name))
    assert arrays.files == ["arr_0"] and arrays["arr_0"].dtype == np.uint8
    return arrays["arr_0"]


def main(clearcut):
    rng = np.random.RandomState(3)
    with tempfile.TemporaryDirectory() as root:
        maps = write_data(root, rng)
        readers = {
            "pssl-npz": lambda f, n: published(f, n, maps, ".JPEG_eiseg.npz", read_npz, 1),
            "pssl-levels": lambda f, n: published(f, n, maps, ".JPEG.png", lambda f, p: picture(f, p, ["L"]), 9),
            "png-palette": read_palette, "png16": read_16, "imagenet-s": read_imagenet_s,
            "voc": lambda f, n: read_palette(f, n, "SegmentationClass/"),
            "coco-rle": read_coco, "coco-polygons": read_coco, "labelme": read_labelme, "cvat": read_cvat}
        for format, read in readers.items():
            kind = "one" if format.startswith("pssl") else "all"
            names = [n for n in sorted(maps) if kind in ("all", n[:3])]
            for shards in ([], ["--shard-size", "20KiB"]):
                out = os.path.join(root, format + "-shards" * bool(shards))
                subprocess.run([clearcut, "label", "export", "--data", root, "--format", "list", "--list", kind + ".txt",
                                "--to", format, "-o", out, "--progress", "none", *shards],
                               check=True, stdout=subprocess.DEVNULL)
                labels = read(Files(out), names)
                assert sorted(labels) == sorted("images/%s.png" % n for n in names), format
                for name in names:
                    np.testing.assert_array_equal(labels["images/%s.png" % name], maps[name], format)
            print(format, "read")
    if not pycocotools:
        print("pycocotools is not installed: its decoder did not read coco-rle and coco-polygons")


main(os.path.abspath(sys.argv[1]))
