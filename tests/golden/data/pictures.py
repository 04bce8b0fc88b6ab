"""Writes pictures.npz: whole picture and label files as bytes, and what they must decode to.

Run with Debian 12's python3 (Pillow 9.4, numpy 1.24, libjpeg-turbo 2.1.5): python3 pictures.py
Keys: "file:NAME" are the bytes of a file, "rgb:NAME" the picture, "labels:NAME" the label map.
"""
import io
import os
import struct
import zlib

import numpy as np
from PIL import Image

rng = np.random.RandomState(7)
out = {}


def smooth(height, width):
    """A picture that JPEG likes: gradients and a disc, with a little noise."""
    y, x = np.mgrid[0:height, 0:width]
    r = 40 + 160 * x / width
    g = 200 - 120 * y / height
    b = np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(height, width) / 3) ** 2, 220, 60)
    picture = np.stack([r, g, b], axis=2) + rng.randint(-3, 4, (height, width, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def keep(name, data, rgb=None, labels=None):
    out["file:" + name] = np.frombuffer(data, np.uint8)
    if rgb is not None:
        out["rgb:" + name] = np.ascontiguousarray(rgb, np.uint8)
    if labels is not None:
        out["labels:" + name] = np.ascontiguousarray(labels, np.int32)


def save(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pil_rgb(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def paeth(a, b, c):
    pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def png(rows, width, bits, colour, palette=None, interlace=0, split=None):
    """A PNG from packed rows; row y uses filter y % 5, so that every filter is met."""
    step = max(1, bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] // 8)
    data = bytearray()
    above = bytes(len(rows[0]))
    for y, row in enumerate(rows):
        kind = y % 5
        data.append(kind)
        for i, v in enumerate(row):
            a, b, c = (row[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
            data.append((v - (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]) & 255)
        above = row
    packed = zlib.compress(bytes(data), 9)
    parts = [packed] if split is None else [packed[:split], packed[split:]]
    head = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, interlace)
    body = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    if palette is not None:
        body += chunk(b"PLTE", bytes(int(v) for v in palette))
    return body + b"".join(chunk(b"IDAT", p) for p in parts) + chunk(b"IEND", b"")


def pack(labels, bits):
    rows = []
    for row in labels:
        if bits == 16:
            rows.append(b"".join(struct.pack(">H", int(v)) for v in row))
        else:
            text = "".join(format(int(v), "0%db" % bits) for v in row)
            text += "0" * (-len(text) % 8)
            rows.append(bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8)))
    return rows


# Pictures. Expected values: what Pillow decodes, where it follows the rule of data/picture.h.
base = Image.fromarray(smooth(37, 45))
for name, data in {
    "baseline.jpg": save(base, "JPEG", quality=90),
    "progressive.jpg": save(base, "JPEG", quality=90, progressive=True),
    "gray.jpg": save(base.convert("L"), "JPEG", quality=90),
    "cmyk_adobe.jpg": save(base.convert("CMYK"), "JPEG", quality=95),
    "rgb.png": save(base, "PNG"),
    "gray.png": save(base.convert("L"), "PNG"),
    "palette.png": save(base.quantize(16), "PNG"),
    "one_pixel.jpg": save(base.crop((3, 4, 4, 5)), "JPEG"),
    "one_row.jpg": save(base.crop((0, 4, 45, 5)), "JPEG"),
}.items():
    keep(name, data, rgb=pil_rgb(data))
# Corners of the EXIF pictures differ, so a wrong turn shows.
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save(base, "JPEG", quality=90, exif=exif.tobytes())
    keep("exif%d.jpg" % orientation, data, rgb=pil_rgb(data))
    upright = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM,
               5: Image.TRANSPOSE, 6: Image.ROTATE_270, 7: Image.TRANSVERSE, 8: Image.ROTATE_90}[orientation]
    turned = Image.open(io.BytesIO(data))
    out["upright:exif%d.jpg" % orientation] = np.asarray(turned if upright is None else turned.transpose(upright))
alpha = np.dstack([smooth(9, 7), rng.randint(0, 256, (9, 7)).astype(np.uint8)])
keep("alpha.png", save(Image.fromarray(alpha, "RGBA"), "PNG"), rgb=alpha[:, :, :3])  # alpha dropped
deep = rng.randint(0, 65536, (6, 5, 3))
keep("rgb16.png", png([b"".join(struct.pack(">H", int(v)) for v in row.ravel()) for row in deep], 5, 16, 2),
     rgb=deep >> 8)
gray16 = rng.randint(0, 65536, (6, 5))
keep("gray16.png", png(pack(gray16, 16), 5, 16, 0), rgb=np.repeat((gray16 >> 8)[:, :, None], 3, 2))
gray1 = rng.randint(0, 2, (5, 11))
keep("gray1.png", png(pack(gray1, 1), 11, 1, 0), rgb=np.repeat(255 * gray1[:, :, None], 3, 2))

# Label files: every depth, palettes, all filters, data split over two chunks.
for bits in (1, 2, 4, 8, 16):
    labels = rng.randint(0, 1 << bits, (13, 11))
    keep("label_gray%d.png" % bits, png(pack(labels, bits), 11, bits, 0, split=5), labels=labels)
    if bits <= 8:
        colours = rng.randint(0, 256, 3 << bits)
        keep("label_palette%d.png" % bits, png(pack(labels, bits), 11, bits, 3, palette=colours), labels=labels)
        out["palette:label_palette%d.png" % bits] = colours.reshape(-1, 3).astype(np.uint8)
indexed = Image.fromarray(rng.randint(0, 21, (8, 9)).astype(np.uint8), "P")
indexed.putpalette([i % 256 for i in range(768)])
keep("label_pil_palette.png", save(indexed, "PNG"), labels=np.asarray(indexed))
keep("label_interlaced.png", png(pack(gray1, 8), 11, 8, 0, interlace=1))

np.savez_compressed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "pictures.npz"), **out)
