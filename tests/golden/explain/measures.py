"""What every measure of explanations says of two small networks, by its paper's formula in NumPy, SciPy, scikit-learn,
scikit-image and PyTorch, float64.

`small` is conv - ReLU - conv - ReLU - mean - linear, its weights stand in measures.safetensors; `onnx` is measures.onnx,
conv - ReLU - average pool - conv - tanh - mean - linear, with an input of its own (measures.json). Of each stand there two
pictures as uint8 "picture" and normalised "x", a class each, a true mask, an explanation "map" (saliency of the logit),
a consensus "mean", and NAME, NAME.PART, NAME.y of the measures: value, parts and curve. Random numbers are those of
random_stream.py.
"""
import json
import os
import sys
import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from scipy import sparse, special, stats
from scipy.sparse.linalg import spsolve
from skimage.metrics import structural_similarity
from sklearn.metrics import average_precision_score, roc_auc_score
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from golden import write_safetensors  # noqa: E402
from random_stream import RandomStream, hash_name  # noqa: E402

H, W, N = 14, 18, 2
SEED, ITEMS = 5, [100, 101]
PATCH = 1  # the class that stands for pictures with a patch
STEPS, LEVELS, NOISE, TOLERANCE = 8, 20, 0.5, 0


# ---- random numbers


def normal(count, *key):
    return RandomStream(SEED, *key).normal(count)


def uniform(count, low, high, *key):
    return RandomStream(SEED, *key).uniform(count, low, high)


def below(n, i, *key):
    return int(RandomStream(SEED, *key).bits(i + 1)[i] * n / 2**32)


# ---- networks


def small(p, x):
    y = F.relu(F.conv2d(x, p["conv1.weight"], padding=1))
    y = F.relu(F.conv2d(y, p["conv2.weight"], stride=2, padding=1))
    return y.mean((2, 3)) @ p["fc.weight"].T + p["fc.bias"]


def pooled(p, x):
    y = F.avg_pool2d(F.relu(F.conv2d(x, p["conv1.weight"], p["conv1.bias"], padding=1)), 2)
    y = torch.tanh(F.conv2d(y, p["conv2.weight"], p["conv2.bias"], padding=1))
    return y.mean((2, 3)) @ p["fc.weight"].T + p["fc.bias"]


def write_onnx(p):
    def node(op, inputs, outputs, **attributes):
        return helper.make_node(op, inputs, outputs, name=outputs[0], **attributes)

    nodes = [
        node("Conv", ["x", "conv1.weight", "conv1.bias"], ["c1"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"]),
        node("AveragePool", ["r1"], ["m1"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["m1", "conv2.weight", "conv2.bias"], ["c2"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Tanh", ["c2"], ["features"]),
        node("GlobalAveragePool", ["features"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "fc.weight", "fc.bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "measures", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, H, W])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(value.numpy(), name) for name, value in p.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="measures.py")
    model.ir_version = 7
    onnx.save(model, os.path.join(HERE, "measures.onnx"))


class Net:
    def __init__(self, function, p, mean, scale):
        self.function, self.p32, self.p = function, p, {k: v.double() for k, v in p.items()}
        self.mean, self.scale = np.array(mean), np.array(scale)

    def input(self, picture):  # uint8 [H, W, 3] -> float32 [3, H, W], as float64
        return ((picture - self.mean) * self.scale).transpose(2, 0, 1).astype("f4").astype("f8")

    def colour(self, *rgb):
        return self.input(np.array(rgb, "f8").reshape(1, 1, 3))

    def logits(self, x, p=None):  # [n, 3, H, W] -> [n, C]
        return self.function(p or self.p, torch.from_numpy(np.ascontiguousarray(x))).numpy()

    def saliency(self, x, target, p=None):  # signed sum over channels, and the sum of magnitudes
        t = torch.from_numpy(np.ascontiguousarray(x)).requires_grad_(True)
        g = torch.autograd.grad(self.function(p or self.p, t)[:, target].sum(), t)[0].numpy()
        return g.sum(1), np.abs(g).sum(1)


# ---- measures: each gets a case and returns its value, parts and curve


class Case:
    def __init__(self, net, k, picture, target, mask):
        self.net, self.item, self.target, self.mask = net, ITEMS[k], target, mask
        self.x = net.input(picture)
        self.map = net.saliency(self.x[None], target)[1][0].astype("f4").astype("f8")
        self.unit = (self.map - self.map.min()) / (self.map.max() - self.map.min())

    def p(self, xs):
        return special.softmax(self.net.logits(np.stack(xs)), 1)[:, self.target]

    def z(self, xs):
        return self.net.logits(np.stack(xs))[:, self.target]


def trapezoid(y):
    return np.trapz(y, dx=1 / (len(y) - 1)), {}, y


def plain_mean(y):
    return np.mean(y), {}, y


def blurred(x):
    g = np.exp(-np.arange(-5, 6) ** 2 / 50.0)
    g /= g.sum()
    y = np.pad(x, ((0, 0), (5, 5), (5, 5)), "symmetric")
    y = sum(w * y[:, i : i + H] for i, w in enumerate(g))
    return sum(w * y[:, :, i : i + W] for i, w in enumerate(g))


def in_order(case, start, finish):
    order = np.argsort(-case.map.reshape(-1), kind="stable")
    rows = []
    for k in range(STEPS + 1):
        y = start.reshape(3, -1).copy()
        first = order[: k * H * W // STEPS]
        y[:, first] = finish.reshape(3, -1)[:, first]
        rows.append(y.reshape(3, H, W))
    return case.p(rows)


def deletion(case):
    return trapezoid(in_order(case, case.x, np.zeros_like(case.x)))


def insertion(case):
    return trapezoid(in_order(case, blurred(case.x), case.x))


def at_percentiles(case, chosen, start, finish):
    rows = []
    for threshold in np.percentile(case.map, [100 / LEVELS * i for i in range(LEVELS - 1, -1, -1)]):
        rows.append(np.where(chosen(threshold), finish, start))
    return rows


def grey(case):
    return np.broadcast_to(case.net.colour(127, 127, 127), case.x.shape)


def morf(case):
    return plain_mean(case.p([case.x] + at_percentiles(case, lambda t: case.map > t, case.x, grey(case))))


def insertion_lib(case):
    return plain_mean(case.p(at_percentiles(case, lambda t: case.map > t, grey(case), case.x) + [case.x]))


def lerf(case):
    rows = at_percentiles(case, lambda t: case.map < t, case.x, grey(case))[::-1]
    return plain_mean(case.p([case.x] + rows))


def abpc(case):
    a, b = lerf(case)[0], morf(case)[0]
    return a - b, {"lerf": a, "morf": b}, None


def infidelity_of(promised, lost, scaled):
    promised, lost = np.array(promised), np.array(lost)
    beta = (promised * lost).mean() / (promised**2).mean() if scaled else 1
    return ((beta * promised - lost) ** 2).mean()


def infidelity(case):
    side, promised, rows = min(H, W), [], []
    for part in (1, 2, 4):
        k = part * side // 7
        for top in range(0, H - k + 1):
            for left in range(0, W - k + 1):
                y = case.x.copy()
                y[:, top : top + k, left : left + k] = case.net.colour(127, 127, 127)
                rows.append(y)
                promised.append((case.map * (y != case.x)).sum())
    return infidelity_of(promised, case.z([case.x]) - case.z(rows), True), {}, None


def infidelity_captum(case):
    noise = [NOISE * normal(H * W, "infidelity", case.item, i).reshape(H, W) for i in range(10)]
    signed = case.net.saliency(case.x[None], case.target)[0][0]
    lost = case.z([case.x]) - case.z([case.x - n for n in noise])
    return infidelity_of([(n * signed).sum() for n in noise], lost, False), {}, None


def sensitivity_max(case):
    xs = [case.x + uniform(3 * H * W, -0.02, 0.02, "sensitivity", case.item, i).reshape(3, H, W) for i in range(10)]
    maps = case.net.saliency(np.stack(xs), case.target)[1]
    return max(np.linalg.norm(m - case.map) for m in maps) / np.linalg.norm(case.map), {}, None


def completeness(case):
    total = case.net.saliency(case.x[None], case.target)[0][0].sum()
    difference = (case.z([case.x]) - case.z([np.zeros_like(case.x)]))[0]
    return abs(total - difference) / abs(difference), {"sum": total, "difference": difference}, None


def impute(x, removed):
    index = -np.ones((H, W), int)
    index[removed] = np.arange(removed.sum())
    A, b = sparse.lil_matrix((removed.sum(), removed.sum())), np.zeros((removed.sum(), 3))
    for i, j in np.argwhere(removed):
        k = index[i, j]
        for u in range(max(i - 1, 0), min(i + 2, H)):
            for v in range(max(j - 1, 0), min(j + 2, W)):
                if (u, v) == (i, j):
                    continue
                w = 1 / 6 if u == i or v == j else 1 / 12
                A[k, k] += w
                if removed[u, v]:
                    A[k, index[u, v]] -= w
                else:
                    b[k] += w * x[:, u, v]
    y = x.copy()
    y[:, removed] = spsolve(A.tocsc(), b).T
    return y


def road_at(case, percentiles):
    rows = []
    for least in (False, True):
        for q in percentiles:
            m = 1 - case.map if least else case.map
            removed = m >= np.percentile(m, q)
            noise = 0.01 * normal(3 * H * W, "road", case.item, len(rows)).reshape(3, H, W)
            rows.append(impute(case.x, removed) + noise * removed)
    change = case.p(rows) - case.p([case.x])
    first, last = change[: len(percentiles)].mean(), change[len(percentiles) :].mean()
    return (last - first) / 2, {"morf": first, "lerf": last}, None


def road(case):
    return road_at(case, range(10, 100, 10))


def average_drop(case):
    before, after = case.p([case.x, case.x * case.unit])
    return max(0, before - after), {"relative": max(0, before - after) / before}, None


def increase(case):
    before, after = case.p([case.x, case.x * case.unit])
    return float(after > before), {}, None


def arcc(case):
    again = case.net.saliency((case.x * case.unit)[None], case.target)[1][0]
    coherency = (np.corrcoef(again.reshape(-1), case.map.reshape(-1))[0, 1] + 1) / 2
    gain = road_at(case, (20, 40, 60, 80))[0]
    complexity = np.abs(case.unit).mean()
    value = stats.hmean([coherency + 1e-8, 1 - complexity + 1e-8, np.clip(2 * gain, 0, 1) + 1e-8])
    return value, {"coherency": coherency, "complexity": complexity, "road": gain}, None


def counted(case):
    return case.map[case.mask < 2], case.mask[case.mask < 2]


def pointing(case):
    y, x = np.unravel_index(case.map.argmax(), (H, W))
    u, v = np.argwhere(case.mask == 1).T
    return float(((u - y) ** 2 + (v - x) ** 2).min() <= TOLERANCE**2), {}, None


def energy_pointing(case):
    m, inside = counted(case)
    return np.maximum(m, 0)[inside == 1].sum() / np.maximum(m, 0).sum(), {}, None


def pointgame(case):
    m, inside = counted(case)
    above = m > 0.25 * case.map.max()
    right = (above & (inside == 1)).sum()
    precision, recall = right / (above.sum() + 1e-6), right / ((inside == 1).sum() + 1e-6)
    return 2 * precision * recall / (precision + recall + 1e-6), {"precision": precision, "recall": recall}, None


def roc_auc(case):
    m, inside = counted(case)
    return roc_auc_score(inside, m), {}, None


def average_precision(case):
    m, inside = counted(case)
    return average_precision_score(inside, m), {}, None


def mask_iou(case):
    m, inside = counted(case)
    called = m >= 0.2 * m.max()
    iou = [((called == c) & (inside == c)).sum() / ((called == c) | (inside == c)).sum() for c in (0, 1)]
    return np.mean(iou), {}, None


def consensus(case):
    a, b = case.unit.reshape(-1), case.mean.reshape(-1)
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b), {}, None


def alike(a, b):
    unit = lambda m: (m - m.min()) / (m.max() - m.min())  # noqa: E731
    return stats.spearmanr(a.reshape(-1), b.reshape(-1))[0], structural_similarity(unit(a), unit(b), data_range=1)


def model_randomisation(case):
    names = [name for name in case.net.p if name.endswith(".weight")]  # one per module
    curve, similar = [1.0], []
    for last in (["fc"], ["fc", "conv2"], ["fc", "conv2", "conv1"]):
        p = dict(case.net.p)
        for name, value in case.net.p.items():
            if name.rsplit(".", 1)[0] in last:
                v = value.numpy()
                drawn = v.mean() + v.std() * normal(v.size, "randomise", hash_name(name)).reshape(v.shape)
                p[name] = torch.from_numpy(drawn.astype("f4").astype("f8"))
        rank, ssim = alike(case.map, case.net.saliency(case.x[None], case.target, p)[1][0])
        curve.append(rank)
        similar.append(ssim)
    assert len(names) == 3
    return np.mean(curve[1:]), {"ssim": np.mean(similar)}, np.array(curve)


def compared(case, target, p=None):
    rank, ssim = alike(case.map, case.net.saliency(case.x[None], target, p)[1][0])
    return rank, {"ssim": ssim}, None


def class_randomisation(case):
    others = [c for c in range(case.net.logits(case.x[None]).shape[1]) if c != case.target]
    return compared(case, others[below(len(others), 0, "other class", case.item)])


def label_randomisation(case):
    return compared(case, case.target, case.shuffled)


def pasted_patch(case):
    side = round(60 / 224 * min(H, W))
    top, left = below(H - side + 1, 0, "patch", case.item), below(W - side + 1, 1, "patch", case.item)
    x, inside = case.x.copy(), np.zeros((H, W), bool)
    x[:, top : top + side, left : left + side] = case.net.colour(255, 255, 0)
    inside[top : top + side, left : left + side] = True
    m = case.net.saliency(x[None], PATCH)[1][0]
    above = m > 0.25 * m.max()
    precision, recall = [(above & inside).sum() / (n + 1e-6) for n in (above.sum(), inside.sum())]
    parts = {"hit": float(inside.reshape(-1)[m.argmax()]), "energy": m[inside].sum() / m.sum(),
             "precision": precision, "recall": recall,
             "f1": 2 * precision * recall / (precision + recall + 1e-6),
             "roc_auc": roc_auc_score(inside.reshape(-1), m.reshape(-1))}
    return average_precision_score(inside.reshape(-1), m.reshape(-1)), parts, None


MEASURES = dict(
    deletion=deletion, insertion=insertion, deletion_lib=morf, insertion_lib=insertion_lib, morf=morf, lerf=lerf,
    abpc=abpc, infidelity=infidelity, infidelity_captum=infidelity_captum, sensitivity_max=sensitivity_max,
    completeness=completeness, road=road, pointing=pointing, energy_pointing=energy_pointing, pointgame=pointgame,
    roc_auc=roc_auc, average_precision=average_precision, mask_iou=mask_iou, consensus=consensus,
    average_drop=average_drop, increase=increase, arcc=arcc, model_randomisation=model_randomisation,
    class_randomisation=class_randomisation, label_randomisation=label_randomisation, pasted_patch=pasted_patch)


def draw(*shape, deviation=1.0):
    return torch.randn(*shape) * deviation


def smooth_picture():
    y = F.interpolate(torch.rand(1, 3, 4, 5), (H, W), mode="bilinear", align_corners=True)[0]
    y = (y + draw(3, H, W, deviation=0.1)).clamp(0, 1)
    return (y * 255).round().byte().numpy().transpose(1, 2, 0)


warnings.filterwarnings("error", category=RuntimeWarning)
torch.manual_seed(9)
nets = {
    "small": Net(small, {"conv1.weight": draw(6, 3, 3, 3, deviation=0.4), "conv2.weight": draw(8, 6, 3, 3, deviation=0.3),
                         "fc.weight": draw(5, 8), "fc.bias": draw(5)}, [127.5] * 3, [1 / 127.5] * 3),
    "onnx": Net(pooled, {"conv1.weight": draw(5, 3, 3, 3, deviation=0.4), "conv1.bias": draw(5, deviation=0.1),
                         "conv2.weight": draw(7, 5, 3, 3, deviation=0.3), "conv2.bias": draw(7, deviation=0.1),
                         "fc.weight": draw(4, 7, deviation=2.0), "fc.bias": draw(4)},
                [120, 110, 100], [0.02, 0.025, 0.03]),
}
write_onnx(nets["onnx"].p32)
with open(os.path.join(HERE, "measures.json"), "w") as f:
    json.dump({"name": "measures", "channel_order": "RGB", "mean": [120, 110, 100], "scale": [0.02, 0.025, 0.03],
               "input_size": [H, W]}, f)
    f.write("\n")

arrays = {}
for name, net in nets.items():
    pictures = [smooth_picture() for _ in range(N)]
    classes = [2, 3]
    masks = np.zeros((N, H, W), "uint8")
    masks[0, 3:10, 4:12], masks[1, 6:, 9:], masks[:, :, -2:] = 1, 1, 255
    shuffled = {k: draw(*v.shape, deviation=0.4) for k, v in net.p32.items()}
    cases = [Case(net, k, pictures[k], classes[k], masks[k]) for k in range(N)]
    for case in cases:
        case.mean = ((case.unit + np.linspace(0, 1, W)) / 2).astype("f4").astype("f8")
        case.shuffled = {k: v.double() for k, v in shuffled.items()}
    if name == "small":
        arrays.update({f"small/{k}": v.numpy() for k, v in net.p32.items()})
    arrays.update({f"{name}/shuffled/{k}": v.numpy() for k, v in shuffled.items()})
    arrays[f"{name}/classes"] = np.array(classes, "int32")
    arrays[f"{name}/picture"], arrays[f"{name}/mask"] = np.stack(pictures), masks
    for key in ("x", "map", "mean"):
        arrays[f"{name}/{key}"] = np.stack([getattr(c, key) for c in cases]).astype("f4")
    for measure, judge in MEASURES.items():
        found = [judge(case) for case in cases]
        arrays[f"{name}/{measure}"] = np.array([f[0] for f in found], "f8")
        for part in found[0][1]:
            arrays[f"{name}/{measure}.{part}"] = np.array([f[1][part] for f in found], "f8")
        if found[0][2] is not None:
            arrays[f"{name}/{measure}.y"] = np.stack([f[2] for f in found]).astype("f8")
holes = np.zeros((H, W), bool)
holes[:5, :7] = holes[8:11, 3:] = holes[3, 12] = True
arrays["impute/removed"] = holes.astype("uint8")
arrays["impute/y"] = impute(arrays["small/x"][0].astype("f8"), holes)
write_safetensors(os.path.join(HERE, "measures.safetensors"), arrays,
                  {"torch": torch.__version__, "seed": "9", "script": "explain/measures.py"})
