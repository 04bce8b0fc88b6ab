"""The random numbers of tensor/random.h by their definition, in NumPy: Philox4x32-10 (Salmon et al., SC 2011), the
key from the seed and the FNV-1a hash of the purpose, the counter from the item and the step."""
import numpy as np
from scipy.stats import norm

MASK = 0xFFFFFFFF


def philox(counter, key):
    """counter: four arrays of uint64 below 2^32, key: two numbers."""
    c, k = [np.asarray(w, np.uint64) for w in counter], list(key)
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & np.uint64(MASK),
             (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & np.uint64(MASK)]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def hash_name(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def words(x):
    return x & MASK, x >> 32


class RandomStream:
    def __init__(self, seed, purpose, item=0, step=0):
        low, high = words(hash_name(purpose))
        mixed = philox([low, high, 0, 0], words(seed))
        self.key, self.item, self.step = (int(mixed[0]), int(mixed[1])), words(item), step

    def bits(self, n):
        blocks = np.arange((n + 3) // 4, dtype=np.uint64)
        rest = [np.full_like(blocks, w) for w in (self.step, *self.item)]
        return np.stack(philox([blocks, *rest], self.key), 1).reshape(-1)[:n].astype(np.uint32)

    def uniform(self, n, low=0.0, high=1.0):
        return low + self.bits(n) * 2.0**-32 * (high - low)

    def normal(self, n):
        return norm.ppf((self.bits(n) + 0.5) * 2.0**-32)
