"""MATLAB files as SciPy writes them, and the arrays in them: mats.npz.

Debian 12: scipy 1.10.1, numpy 1.24.2. The struct has the fields of SBD's GTcls: boundaries as a cell of sparse
matrices come before the segmentation.
"""
import io
import os

import numpy as np
import scipy.io
import scipy.sparse

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)


def mat(content, compressed):
    out = io.BytesIO()
    scipy.io.savemat(out, content, do_compression=compressed, format="5")
    data = bytearray(out.getvalue())
    data[:116] = b"MATLAB 5.0 MAT-file, written for a test".ljust(116)  # SciPy puts the time there
    return np.frombuffer(bytes(data), "u1")


segmentation = rng.integers(0, 21, (7, 11)).astype("u1")
boundaries = np.empty((3, 1), object)
for i in range(3):
    boundaries[i, 0] = scipy.sparse.csc_matrix((rng.random((7, 11)) < 0.2).astype(float))
gt = {"Boundaries": boundaries, "Segmentation": segmentation, "CategoriesPresent": np.array([[2], [9]], "u1")}
arrays = {
    "LabelMap": rng.integers(0, 460, (5, 9)).astype("u2"),
    "Double": np.array([[0.5, -2], [1e300, 7]]),
    "Whole": np.arange(6, dtype=float).reshape(2, 3),
    "Single": rng.random((2, 3, 4)).astype("f4"),
    "Signed": np.array([[-1, 2, -128]], "i1"),
    "Long": np.array([[-(2**40)], [3]], "i8"),
    "Logical": np.array([[True, False, True]]),
}
content = {"S": "text", "GTcls": gt, **arrays}
files = {"file:plain": mat(content, False), "file:packed": mat(content, True), "file:empty": mat({}, False)}
# The array S of COCO-Stuff 10k counts from 1; 0 is not labelled.
files["file:S"] = mat({"S": np.array([[0, 1, 11, 13, 27, 44, 182]], "u2")}, True)
np.savez_compressed(os.path.join(HERE, "mats.npz"), Segmentation=segmentation, **files,
                    **{k: v.astype("u1") if v.dtype == bool else v for k, v in arrays.items()})
