"""Writes arrays.npz and stored.npz: every element type that tensor/npy.h reads, as NumPy writes them.

Run with Debian 12's python3 (numpy 1.24): python3 arrays.py
All hold the numbers 0 to 5 as [2, 3] unless the name says otherwise.
"""
import os

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
x = np.arange(6).reshape(2, 3)
types = ("b1", "i1", "u1", "<i2", ">i2", "<u2", "<i4", ">i4", "<u4", "<i8", "<u8", "<f2", "<f4", ">f4", "<f8")
arrays = {t.strip("<").replace(">", "big_"): x.astype(t) for t in types}
arrays["negative"] = (-x).astype("i1")
arrays["fortran"] = np.asfortranarray(x.astype("f4"))
arrays["scalar"] = np.float32(2.5)
arrays["vector"] = np.arange(4, dtype="f8")
arrays["empty"] = np.zeros((0, 3), "f4")
arrays["half"] = np.array([0.5, -2, 65504, 6e-8, np.inf], "f2")
np.savez_compressed(os.path.join(here, "arrays.npz"), **arrays)
np.savez(os.path.join(here, "stored.npz"), arr_0=x.astype("i4"))
