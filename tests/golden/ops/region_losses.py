"""Dice, Lovasz-Softmax and boundary losses by PyTorch; distances by SciPy. Labels as in layers.py."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy
import torch
from scipy.ndimage import distance_transform_edt
from golden import save


def labels(*shape, classes):
    p = torch.arange(torch.Size(shape).numel())
    return ((5 * p + p // 3) % (classes + 1)).reshape(shape)


def dice(p, y, smooth):
    loss, mask = 0, (y != p.shape[1]).double()
    for c in range(p.shape[1]):
        truth = (y == c).double()
        loss = loss + 1 - (2 * (p[:, c] * truth).sum() + smooth) / ((p[:, c] * mask).sum() + truth.sum() + smooth)
    return loss / p.shape[1]


def lovasz(p, y):
    """The losses of the classes that are there, each the dot product of sorted errors and differences of Jaccard."""
    counts, losses = (y != p.shape[1]).flatten(), []
    for c in range(p.shape[1]):
        truth = (y == c).double().flatten()[counts]
        if truth.sum() == 0:
            continue
        errors = (truth - p[:, c].flatten()[counts]).abs()
        errors, order = torch.sort(errors, descending=True, stable=True)
        truth = truth[order]
        jaccard = 1 - (truth.sum() - truth.cumsum(0)) / (truth.sum() + (1 - truth).cumsum(0))
        losses.append(torch.dot(errors, torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])))
    return sum(losses) / len(losses)


def signed_distances(y, classes):
    phi = numpy.zeros((y.shape[0], classes) + tuple(y.shape[1:]))
    for n in range(y.shape[0]):
        for c in range(classes):
            inside = (y[n] == c).numpy()
            if inside.any() and not inside.all():
                phi[n, c] = numpy.where(inside, 1 - distance_transform_edt(inside), distance_transform_edt(~inside))
    return torch.from_numpy(phi)


def boundary(p, y):
    mask = (y != p.shape[1]).double().unsqueeze(1)
    return (p * signed_distances(y, p.shape[1]) * mask).sum() / (mask.sum() * p.shape[1])


def drawn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


torch.manual_seed(0)
y3, y5 = labels(2, 5, 7, classes=3), labels(1, 9, 6, classes=5)
# Patches, so that distances grow beyond 1; class 2 is not there.
patches = torch.zeros(1, 9, 8, dtype=torch.int64)
patches[0, 2:7, 3:8], patches[0, 0, 0], patches[0, 8, :3] = 1, 3, 4
save("region_losses", {
    "dice": (lambda z: dice(z.softmax(1), y3, 1), [drawn(2, 3, 5, 7)]),
    "dice_rough": (lambda z: dice(z.softmax(1), y5, 0), [drawn(1, 5, 9, 6)]),
    "lovasz": (lambda z: lovasz(z.softmax(1), y3), [drawn(2, 3, 5, 7)]),
    "lovasz_patches": (lambda z: lovasz(z.softmax(1), patches), [drawn(1, 4, 9, 8)]),
    "boundary": (lambda z: boundary(z.softmax(1), y3), [drawn(2, 3, 5, 7)]),
    "boundary_patches": (lambda z: boundary(z.softmax(1), patches), [drawn(1, 4, 9, 8)]),
})
