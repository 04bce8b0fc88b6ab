"""Writes labels.npz: label files as other programs write them, as bytes, and what they must be read as.

Run with Debian 12's python3 (numpy 1.24, Pillow 9.4): python3 labels.py
"file:NAME" are the bytes of a file. "map" is the label map [9, 11] that the files of whole maps hold: 0 background,
1 cat, 2 dog, 3 "a <b> & \"c\"", 255 ignored. "polygons:N" are corners, "inside:N" the pixels whose centres lie inside.
"""
import base64
import io
import json
import os
import tarfile
import zipfile
from fractions import Fraction

import numpy as np
from PIL import Image

out = {}
rng = np.random.RandomState(11)

# A ring with a pixel in its hole, pieces that touch at corners, ignored pixels, columns that end in a run.
MAP = np.array([[0, 1, 1, 1, 1, 1, 0, 0, 2, 2, 0],
                [0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 2],
                [0, 1, 0, 2, 0, 1, 0, 2, 0, 2, 2],
                [0, 1, 0, 0, 0, 1, 255, 255, 2, 0, 0],
                [0, 1, 1, 1, 1, 1, 0, 255, 0, 0, 0],
                [3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
                [0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 3],
                [3, 3, 3, 0, 0, 0, 0, 0, 0, 3, 3],
                [3, 0, 3, 0, 255, 0, 0, 0, 0, 0, 3]], np.int32)
NAMES = {1: "cat", 2: "dog", 3: 'a <b> & "c"', 255: "ignore"}
out["map"] = MAP
H, W = MAP.shape


def keep(name, data):
    out["file:" + name] = np.frombuffer(data.encode() if isinstance(data, str) else data, np.uint8)


def saved(image, **options):
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


# ---- runs: zeros first; COCO walks down the columns, CVAT along the rows of a box
def runs_of(flat):
    runs, inside, length = [], 0, 0
    for v in flat:
        if int(v) != inside:
            runs.append(length)
            inside, length = int(v), 0
        length += 1
    return runs + [length]


def packed(runs):
    """Five bits at a time, lowest first, +32 if more follow, +48; from the fourth on the step from two before."""
    text = ""
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        while True:
            low = value % 32
            value = (value - low) // 32
            done = value == (-1 if low >= 16 else 0)
            text += chr(48 + low + (0 if done else 32))
            if done:
                break
    return text


masks = [MAP == 1, MAP == 3, np.zeros((3, 4), bool), np.ones((3, 4), bool), rng.rand(7, 5) < 0.5,
         np.kron(rng.rand(4, 3) < 0.5, np.ones((40, 9))) > 0]  # runs beyond 31 and steps below -16
for i, mask in enumerate(masks):
    out["mask:%d" % i] = mask.astype(np.uint8)
    out["runs:%d" % i] = np.array(runs_of(mask.T.ravel()), np.int64)
    keep("packed:%d" % i, packed(runs_of(mask.T.ravel())))


# ---- outlines: the rule in exact numbers
def inside(corners, height, width):
    grid = np.zeros((height, width), np.uint8)
    points = [(Fraction(x), Fraction(y)) for x, y in corners]
    for y in range(height):
        for x in range(width):
            cx, cy = Fraction(2 * x + 1, 2), Fraction(2 * y + 1, 2)
            odd = 0
            for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1]):
                if (ay <= cy) != (by <= cy):
                    odd ^= ax + (cy - ay) * (bx - ax) / (by - ay) <= cx
            grid[y, x] = odd
    return grid


outlines = [[(1, 1), (4, 1), (4, 3), (1, 3)],  # whole pixels
            [(0.5, 0.5), (3.5, 0.5), (3.5, 3.5), (0.5, 3.5)],  # borders through centres
            [(-3, -2), (20, 4), (5, 30)],  # beyond the picture
            [(2, 2), (9, 9), (2, 9), (9, 2)],  # crosses itself
            (rng.rand(9, 2) * 12 - 1).tolist(), (rng.rand(40, 2) * 12 - 1).tolist()]
for i, corners in enumerate(outlines):
    out["polygons:%d" % i] = np.array(corners, np.float64)
    out["inside:%d" % i] = inside(corners, 10, 11)

# ---- arrays and pictures
one = np.array([[0, 1, -1], [7, 1, 0]])
for kind in ("int8", "int16", "int32", "int64", "float32"):
    stream = io.BytesIO()
    (np.savez if kind == "int16" else np.savez_compressed)(stream, one.astype(kind))
    keep("pssl_%s.npz" % kind, stream.getvalue())
stream = io.BytesIO()
np.savez_compressed(stream, one == 1)
keep("pssl_bool.npz", stream.getvalue())
out["pssl"] = one.astype(np.int32)

levels = rng.randint(0, 10, (5, 6)).astype(np.uint8)
levels[0, 0], levels[1, 1], levels[2, 2] = 9, 255, 8
keep("levels.png", saved(Image.fromarray(levels, "L")))
out["levels"] = levels.astype(np.int32)

palette = Image.fromarray(MAP.astype(np.uint8), "P")
palette.putpalette([i % 256 for i in range(768)])
keep("palette.png", saved(palette))
sixteen = np.where(MAP == 255, 65535, MAP).astype(np.uint16)
keep("png16.png", saved(Image.fromarray(sixteen)))
ids = np.where(MAP == 255, 1000, np.where(MAP == 3, 300, MAP))
keep("imagenet_s.png", saved(Image.fromarray(np.dstack([ids % 256, ids // 256, 0 * ids]).astype(np.uint8), "RGB")))

# ---- COCO: packed runs, plain runs, polygons
categories = [{"id": 10 * i, "name": name} for i, name in NAMES.items()]
annotations = [{"id": 1, "image_id": 7, "category_id": 2550,
                "segmentation": [[6, 3, 8, 3, 8, 4, 6, 4], [7, 4, 8, 4, 8, 5, 7, 5], [4, 8, 5, 8, 5, 9, 4, 9]]},
               {"id": 2, "image_id": 7, "category_id": 10,
                "segmentation": {"size": [H, W], "counts": packed(runs_of((MAP == 1).T.ravel()))}},
               {"id": 3, "image_id": 7, "category_id": 20,
                "segmentation": {"size": [H, W], "counts": runs_of((MAP == 2).T.ravel())}},
               {"id": 4, "image_id": 7, "category_id": 30,
                "segmentation": {"size": [H, W], "counts": packed(runs_of((MAP == 3).T.ravel()))}}]
coco = {"images": [{"id": 7, "file_name": "sub/a.jpg", "height": H, "width": W},
                   {"id": 3, "file_name": "empty.jpg", "height": 2, "width": 3}],
        "annotations": annotations, "categories": categories}
keep("coco.json", json.dumps(coco))

# ---- labelme: a polygon with the others on top of it, a rectangle, a circle, a mask
mask = np.array([[1, 0, 1], [0, 1, 0]], np.uint8)
shapes = [{"label": "cat", "points": [[0.2, 0.3], [10.4, 1.1], [6.3, 8.7]], "shape_type": "polygon"},
          {"label": "dog", "points": [[3, 5], [1, 2]], "shape_type": "rectangle"},
          {"label": "ignore", "points": [[7.0, 4.0], [8.6, 4.0]], "shape_type": "circle"},
          {"label": "cat", "points": [[1.0, 7.0], [3.0, 8.0]], "shape_type": "mask",
           "mask": base64.b64encode(saved(Image.fromarray(mask))).decode()}]
keep("labelme.json", json.dumps({"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": "a.jpg",
                                 "imageData": None, "imageHeight": 9, "imageWidth": 11}, indent=2))
want = inside(shapes[0]["points"], 9, 11).astype(np.int32)
want[2:5, 1:3] = 2
y, x = np.mgrid[0:9, 0:11]
want[(x + 0.5 - 7) ** 2 + (y + 0.5 - 4) ** 2 <= (8.6 - 7) ** 2] = 255
want[7:9, 1:4][mask == 1] = 1
out["labelme"] = want


# ---- CVAT: masks above and below each other by z_order, a polygon, a box
def cvat_mask(label, mask, z):
    rows, columns = np.where(mask)
    top, left, height, width = rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1
    runs = runs_of(mask[top:top + height, left:left + width].ravel())
    return '<mask label="%s" source="manual" occluded="0" rle="%s" left="%d" top="%d" width="%d" height="%d" ' \
           'z_order="%d"></mask>' % (label, ", ".join(map(str, runs)), left, top, width, height, z)


whole = "\n".join([cvat_mask("a &lt;b&gt; &amp; &quot;c&quot;", MAP == 3, 2), cvat_mask("cat", MAP == 1, 1),
                   cvat_mask("ignore", MAP == 255, 0),
                   '<box label="dog" occluded="0" xtl="0.00" ytl="0.00" xbr="11.00" ybr="9.00" z_order="-2"></box>',
                   '<polygon label="background" points="0.00,0.00;11.00,0.00;11.00,9.00;0.00,9.00" z_order="-1">'
                   '<attribute name="sure">yes</attribute></polygon>', cvat_mask("dog", MAP == 2, 1)])
keep("cvat.xml", """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><labels><label><name>cat</name></label></labels></task></meta>
  <image id="0" name="sub/a.jpg" width="11" height="9">
%s
  </image>
  <image id="1" name="empty.jpg" width="3" height="2"/>
</annotations>
""" % whole)

# ---- tar: ustar as we write it, GNU and pax as others do, and a zip
members = [("train/n1/a.JPEG_eiseg.npz", b"x" * 700), ("b", b""), ("p" * 60 + "/" + "q" * 80, b"long"),
           ("d/" + "e" * 90 + "/" + "f" * 100, b"split")]
members_beyond = members + [("g/" + "h" * 300, b"longer")]
for name, kind, files in (("ustar", tarfile.USTAR_FORMAT, members), ("gnu", tarfile.GNU_FORMAT, members_beyond),
                          ("pax", tarfile.PAX_FORMAT, members_beyond)):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as tar:
        if name != "ustar":
            folder = tarfile.TarInfo("train")
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
        for file, data in files:
            info = tarfile.TarInfo(file)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    keep("%s.tar" % name, stream.getvalue())
stream = io.BytesIO()
with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr(zipfile.ZipInfo("annotations.xml"), out["file:cvat.xml"].tobytes())
keep("cvat.zip", stream.getvalue())

np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "labels.npz"), **out)
