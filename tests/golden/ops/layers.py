"""Batch norm, pooling, resize and cross-entropy by PyTorch; what PyTorch lacks is written out in numpy terms."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
import torch.nn.functional as F
from golden import save

torch.manual_seed(0)


def maps(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def distinct(*shape):
    n = torch.Size(shape).numel()
    return (0.01 * (torch.randperm(n) - n // 2)).double().reshape(shape)


def batch_norm(training):
    mean, variance = torch.tensor([0.5, -1.0, 0.25]).double(), torch.tensor([0.5, 2.0, 1.0]).double()
    return lambda x, w, b: F.batch_norm(x, mean.clone(), variance.clone(), w, b, training, 0.1, 1e-5)


def nearest_aligned(x, h, w):
    rows = [int(i * (x.shape[2] - 1) / (h - 1) + 0.5) for i in range(h)]
    cols = [int(j * (x.shape[3] - 1) / (w - 1) + 0.5) for j in range(w)]
    return x[:, :, rows][:, :, :, cols]


def resize(size, corners):
    return lambda x: F.interpolate(x, size=size, mode="bilinear", align_corners=corners)


# Labels as in tests/cases/cross_entropy.cpp: pixel p has label (5 p + p / 3) mod (classes + 1), and the class
# number `classes` is the ignore index.
def labels(*shape, classes):
    p = torch.arange(torch.Size(shape).numel())
    return ((5 * p + p // 3) % (classes + 1)).reshape(shape)


def pixel_weights(y):
    return (torch.arange(y.numel()).double() % 4 / 4 + 0.25).reshape(y.shape)


def weighted(z, y, classes, class_weights, pixels):
    """The formula of the loss, from log_softmax and sums over all pixels."""
    mask = (y != classes).double()
    known = torch.where(y == classes, torch.zeros_like(y), y)
    q = mask * torch.tensor(class_weights, dtype=torch.float64)[known] * pixels
    losses = -F.log_softmax(z, 1).gather(1, known.unsqueeze(1)).squeeze(1)
    return (q * losses).mean() / (q.mean() + 1e-8)


def focal(z, y, classes, gamma, class_weights=None, pixels=1.0, epsilon=0.0):
    """Sum of q (1 - p)^gamma l over that of q, from log_softmax."""
    mask = (y != classes).double()
    known = torch.where(y == classes, torch.zeros_like(y), y)
    q = mask * torch.tensor(class_weights or [1.0] * z.shape[1], dtype=torch.float64)[known] * pixels
    log_p = F.log_softmax(z, 1).gather(1, known.unsqueeze(1)).squeeze(1)
    return (-q * (1 - log_p.exp()) ** gamma * log_p).mean() / (q.mean() + epsilon)


def hard(z, y, classes, threshold, min_kept, class_weights=None, epsilon=0.0):
    """Cross-entropy over pixels whose own probability is at most the threshold, or the min_kept-th smallest."""
    known = torch.where(y == classes, torch.zeros_like(y), y)
    log_p = F.log_softmax(z, 1).gather(1, known.unsqueeze(1)).squeeze(1)
    p = torch.where(y == classes, torch.ones_like(log_p), log_p.detach().exp())
    bound = max(threshold, float(p.flatten().sort()[0][min_kept - 1]))
    q = ((p <= bound) & (y != classes)).double()
    q = q * torch.tensor(class_weights or [1.0] * z.shape[1], dtype=torch.float64)[known]
    return (-q * log_p).mean() / (q.mean() + epsilon)


y4, y2, y9 = labels(2, 3, 5, classes=4), labels(7, classes=4), labels(2, 7, 9, classes=4)
y101 = labels(1, 40, 33, classes=101)
class_weights = [1.0, 0.5, 2.0, 0.1]
plain_weights = [1.0] * 4
save("layers", {
    "batch_norm_training": (batch_norm(True), [maps(4, 3, 5, 2), maps(3), maps(3)]),
    "batch_norm_evaluation": (batch_norm(False), [maps(4, 3, 5, 2), maps(3), maps(3)]),
    "batch_norm_rows": (batch_norm(True), [maps(6, 3), maps(3), maps(3)]),
    "max_pool_3_2_1": (lambda x: F.max_pool2d(x, 3, 2, 1), [distinct(2, 3, 7, 9)]),
    "max_pool_2": (lambda x: F.max_pool2d(x, 2), [distinct(1, 2, 5, 8)]),
    "max_pool_ceil": (lambda x: F.max_pool2d(x, 2, 2, 0, ceil_mode=True), [distinct(1, 2, 5, 7)]),
    "max_pool_dilated": (lambda x: F.max_pool2d(x, (2, 3), (1, 2), (1, 0), (2, 1)), [distinct(1, 2, 6, 8)]),
    "avg_pool_pad": (lambda x: F.avg_pool2d(x, 3, 2, 1), [maps(2, 2, 7, 6)]),
    "avg_pool_ceil": (lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), [maps(1, 2, 6, 8)]),
    "avg_pool_valid": (lambda x: F.avg_pool2d(x, (3, 2), 2, (1, 0), True, False), [maps(1, 2, 6, 7)]),
    "adaptive_3x2": (lambda x: F.adaptive_avg_pool2d(x, (3, 2)), [maps(2, 2, 7, 5)]),
    "adaptive_6": (lambda x: F.adaptive_avg_pool2d(x, 6), [maps(1, 2, 4, 9)]),
    "global": (lambda x: F.adaptive_avg_pool2d(x, 1), [maps(3, 2, 5, 4)]),
    "bilinear_up": (resize((9, 11), False), [maps(2, 2, 3, 5)]),
    "bilinear_down": (resize((3, 2), False), [maps(1, 2, 7, 5)]),
    "bilinear_far_up": (resize((39, 33), False), [maps(1, 1, 5, 4)]),
    "bilinear_corners": (resize((7, 9), True), [maps(1, 2, 3, 4)]),
    "bilinear_corners_one": (resize((1, 5), True), [maps(1, 2, 3, 4)]),
    "nearest": (lambda x: F.interpolate(x, size=(7, 3), mode="nearest"), [maps(1, 2, 3, 5)]),
    "nearest_corners": (lambda x: nearest_aligned(x, 7, 4), [maps(1, 2, 3, 6)]),
    "ce_plain": (lambda z: F.cross_entropy(z, y4, ignore_index=4), [maps(2, 4, 3, 5)]),
    "ce_rows": (lambda z: F.cross_entropy(z, y2, ignore_index=4), [maps(7, 4)]),
    "ce_class_weights": (lambda z: F.cross_entropy(z, y4, torch.tensor(class_weights, dtype=torch.float64), ignore_index=4),
                         [maps(2, 4, 3, 5)]),
    "ce_pixel_weights": (lambda z: weighted(z, y4, 4, class_weights, pixel_weights(y4)), [maps(2, 4, 3, 5)]),
    "upsampled": (lambda z: weighted(resize((7, 9), False)(z), y9, 4, class_weights, pixel_weights(y9)),
                  [3 * maps(2, 4, 3, 4)]),
    "upsampled_corners": (lambda z: weighted(resize((7, 9), True)(z), y9, 4, plain_weights, 1.0),
                          [3 * maps(2, 4, 3, 4)]),
    "upsampled_101": (lambda z: weighted(resize((40, 33), False)(z), y101, 101, [1.0] * 101, 1.0),
                      [4 * maps(1, 101, 5, 4)]),
    "upsampled_focal": (lambda z: focal(resize((7, 9), False)(z), y9, 4, 2, class_weights, pixel_weights(y9), 1e-8),
                        [3 * maps(2, 4, 3, 4)]),
    "ce_rows_focal": (lambda z: focal(z, y2, 4, 0.5), [maps(7, 4)]),
    "upsampled_hard": (lambda z: hard(resize((7, 9), False)(z), y9, 4, 0.3, 4, epsilon=1e-8), [2 * maps(2, 4, 3, 4)]),
    "ce_hardest": (lambda z: hard(z, y4, 4, 0.01, 9, class_weights), [maps(2, 4, 3, 5)]),
})
