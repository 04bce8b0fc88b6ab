"""Maps of explainers that walk back by other rules than the gradient's, by their papers' formulas in plain PyTorch, float64.

Two networks: `own`, written down below, and the ResNet of ../onnx/resnet_op13.onnx. Each is a list of nodes; rules say
what a node passes back, by torch.autograd of the node alone. Writes walks.safetensors: the weights and pictures of `own`,
and EXPLAINER.WHAT and onnx.EXPLAINER.WHAT, maps for the logit of one class per picture. With --captum the maps that Captum has too are compared
with what it says (0.9 was used; it is not needed otherwise).
"""
import os
import sys

import cv2
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from golden import write_safetensors  # noqa: E402

WEIGHTS = ("conv", "linear")
ACTIVATIONS = ("relu", "clip", "sigmoid", "hardswish")
CLASSES = {"own": [2, 4], "onnx": [1, 3]}


class Node:
    def __init__(self, name, op, inputs, **p):
        self.name, self.op, self.inputs, self.p = name, op, inputs, p

    def f(self, *x, w=None, bias=True):
        p = self.p
        w = p.get("w") if w is None else w
        if self.op == "conv":
            return F.conv2d(x[0], w, p["b"] if bias else None, p["stride"], p["padding"])
        if self.op == "linear":
            return F.linear(x[0], w, p["b"] if bias else None)
        if self.op == "bn":
            return F.batch_norm(x[0], p["mean"], p["var"], p["weight"], p["bias"], eps=1e-5)
        return {"relu": F.relu, "clip": lambda v: v.clamp(0, 6), "sigmoid": torch.sigmoid, "hardswish": F.hardswish,
                "add": torch.add, "mul": torch.mul, "flatten": lambda v: v.flatten(1),
                "mean": lambda v: v.mean((2, 3), keepdim=True),
                "maxpool": lambda v: F.max_pool2d(v, p["kernel"], p["stride"], p["padding"])}[self.op](*x)

    def pull(self, x, dy, **how):
        """The gradient of dy through this node alone, per input."""
        x = [v.detach().requires_grad_(True) for v in x]
        return torch.autograd.grad(self.f(*x, **how), x, dy)


def run(nodes, x, instead=None):
    values = {"x": x}
    for n in nodes:
        values[n.name] = n.f(*[values[i] for i in n.inputs])
        if instead and n.name == instead[0]:
            values[n.name] = instead[1]
    return values


def walk(nodes, values, start, rule):
    """What arrives at every value, from `start` at the logits."""
    arrived = {nodes[-1].name: start}
    for n in reversed(nodes):
        if n.name not in arrived:
            continue
        parts = rule(n, [values[i] for i in n.inputs], values[n.name], arrived[n.name])
        for i, part in zip(n.inputs, parts):
            arrived[i] = arrived.get(i, 0) + part.sum_to_size(values[i].shape)
    return arrived


def one_hot(z, classes):
    return F.one_hot(torch.tensor(classes), z.shape[1]).double()


def plain(n, x, y, dy):
    return n.pull(x, dy)


def guided(n, x, y, dy):
    return n.pull(x, dy.clamp(min=0) if n.op in ("relu", "clip") else dy)


def deconvnet(n, x, y, dy):
    return [dy.clamp(min=0)] if n.op in ("relu", "clip") else n.pull(x, dy)


def deep_lift(values, start):
    def where(dx, quotient, other):
        return torch.where(dx.abs() < 1e-10, other, quotient / torch.where(dx == 0, torch.ones_like(dx), dx))

    def rule(n, x, y, dy):
        x0, y0 = [start[i] for i in n.inputs], start[n.name]
        if n.op in ACTIVATIONS:
            return [where(x[0] - x0[0], dy * (y - y0), n.pull(x, dy)[0])]
        if n.op == "mul":
            return [dy * (x[1] + x0[1]) / 2, dy * (x[0] + x0[0]) / 2]
        if n.op == "maxpool":
            top = torch.maximum(y, y0)
            both = n.pull(x, dy * (top - y0))[0] + n.pull(x0, dy * (y - top))[0]
            return [where(x[0] - x0[0], both, n.pull(x, dy)[0])]
        return n.pull(x, dy)

    return rule


def quotient(R, z, epsilon=1e-9):
    return R / (z + torch.where(z < 0, -epsilon, epsilon))


def relevance(nodes, kind, epsilon=1e-9, gamma=0.25, bounded=True):
    shares_constants = kind in ("epsilon", "gamma")

    def share(n, x, y, R, **how):
        return [v * g for v, g in zip(x, n.pull(x, quotient(R, y, epsilon), **how))]

    def weights(n, x, R):
        w, up, down = n.p["w"], x.clamp(min=0), x.clamp(max=0)
        wp, wm = w.clamp(min=0), w.clamp(max=0)

        def through(v, wv, s):
            return v * n.pull([v], s, w=wv, bias=False)[0]

        if bounded and n.inputs == ["x"]:
            low = torch.zeros_like(x) + x.amin((1, 2, 3), keepdim=True)
            high = torch.zeros_like(x) + x.amax((1, 2, 3), keepdim=True)
            s = quotient(R, n.f(x, bias=False) - n.f(low, w=wp, bias=False) - n.f(high, w=wm, bias=False), epsilon)
            return through(x, w, s) - through(low, wp, s) - through(high, wm, s)
        if kind == "epsilon":
            return through(x, w, quotient(R, n.f(x), epsilon))
        if kind == "gamma":
            v = w + gamma * wp
            return through(x, v, quotient(R, n.f(x, w=v), epsilon))
        zp, zm = n.f(up, w=wp, bias=False), n.f(down, w=wm, bias=False)
        if kind == "positive":
            return through(up, wp, quotient(R, zp, epsilon))
        if kind == "apart":
            return through(up, wp, quotient(R, zp, epsilon)) + through(down, wm, quotient(R, zm, epsilon))
        return through(up, wp, quotient(R, zp + zm, epsilon)) + through(down, wm, quotient(R, zp + zm, epsilon))

    def rule(n, x, y, R):
        if n.op in WEIGHTS:
            return [weights(n, x[0], R)]
        if n.op in ACTIVATIONS or (n.op == "bn" and not shares_constants):
            return [R]
        if n.op == "mul":
            return [R / 2, R / 2]
        if n.op in ("maxpool", "flatten"):
            return n.pull(x, R)
        return share(n, x, y, R)

    return rule


def contrastive(nodes):
    positive = relevance(nodes, "positive", bounded=False)
    last = [n for n in nodes if n.op in WEIGHTS][-1]

    def rule(n, x, y, R):
        if n is not last:
            return positive(n, x, y, R)
        up, w = x[0].clamp(min=0), n.p["w"]
        yes, no = (up * n.pull([up], quotient(R, n.f(up, w=v, bias=False)), w=v, bias=False)[0]
                   for v in (w.clamp(min=0), (-w).clamp(min=0)))
        return [yes - no]

    return rule


def full_gradient_parts(nodes, values, arrived):
    """Layer by layer: what the bias gives, and the gradient, where the layer has a bias of its own."""
    for n in nodes:
        x, y, dy = values[n.inputs[0]], values[n.name], arrived[n.name]
        if n.op in ("conv", "linear"):
            shape = [1, -1] + [1] * (y.dim() - 2)
            yield dy * n.p["b"].reshape(shape), dy
        elif n.op == "bn":
            b = n.p["bias"] - n.p["mean"] * n.p["weight"] / (n.p["var"] + 1e-5).sqrt()
            yield dy * b.reshape(1, -1, 1, 1), dy
        elif n.op in ("clip", "sigmoid", "hardswish"):
            yield dy * y - x * n.pull([x], dy)[0], None
        elif n.op == "mul":
            yield -dy * y, None


def psi(v, size):
    v = v.abs()
    v = v - v.amin((1, 2, 3), keepdim=True)
    v = v / (v.amax((1, 2, 3), keepdim=True) + 1e-6)
    return F.interpolate(v, size=size, mode="bilinear", align_corners=True).sum(1)


def full_grad(nodes, x, values, arrived, biases):
    total = psi(x * arrived["x"], x.shape[2:])
    parts = list(full_gradient_parts(nodes, values, arrived))
    whole = (x * arrived["x"]).sum() + sum(part.sum() for part, _ in parts)
    for part, dy in parts:
        shown = part if biases else dy
        if shown is not None and shown.dim() == 4:
            total = total + psi(shown, x.shape[2:])
    return total, whole


def starts(x):
    """Zero, the picture under an 11 x 11 Gaussian of deviation 5, and its mean colour."""
    planes = [[cv2.GaussianBlur(c, (11, 11), 5, borderType=cv2.BORDER_REFLECT) for c in p] for p in x.numpy()]
    return 0 * x, torch.tensor(np.array(planes)), 0 * x + x.mean((2, 3), keepdim=True)


def lift_from(nodes, x, values, x0, classes):
    start = run(nodes, x0)
    z, z0 = values[nodes[-1].name], start[nodes[-1].name]
    dz = one_hot(z, classes)
    parts = walk(nodes, values, dz, deep_lift(values, start))["x"] * (x - x0)
    assert torch.allclose(parts.sum((1, 2, 3)), ((z - z0) * dz).sum(1))  # completeness
    return parts


def conductance(nodes, x, classes, tap, at, later):
    """Sums over steps between the points `at`; later: how much the gradient behind the step counts."""
    before, total = None, 0
    for a in at:
        values = run(nodes, a * x)
        g = walk(nodes, values, one_hot(values[nodes[-1].name], classes), plain)[tap]
        if before:
            total = total + ((1 - later) * before[1] + later * g) * (values[tap] - before[0])
        before = values[tap], g
    return total.sum(1)


def layer_ig(nodes, x, classes, tap, steps):
    at, weight = np.polynomial.legendre.leggauss(steps)
    A, A0 = run(nodes, x)[tap], run(nodes, 0 * x)[tap]
    total = 0
    for a, w in zip((at + 1) / 2, weight / 2):
        values = run(nodes, x, (tap, A0 + a * (A - A0)))
        total = total + w * walk(nodes, values, one_hot(values[nodes[-1].name], classes), plain)[tap]
    return ((A - A0) * total).sum(1)


def maps_of(nodes, x, classes, tap):
    values = run(nodes, x)
    z = values[nodes[-1].name]
    dz = one_hot(z, classes)
    maps = {}
    gradient = walk(nodes, values, dz, plain)
    for name, rule in (("guided", guided), ("deconvnet", deconvnet)):
        maps[name + ".map"] = walk(nodes, values, dz, rule)["x"].abs().sum(1)
    cam = F.relu((gradient[tap].mean((2, 3), keepdim=True) * values[tap]).sum(1, keepdim=True))
    maps["guided_gradcam.map"] = (walk(nodes, values, dz, guided)["x"] * F.interpolate(cam, size=x.shape[2:])).abs().sum(1)
    lifts = [lift_from(nodes, x, values, x0, classes) for x0 in starts(x)]
    maps["deeplift.map"], maps["deeplift_shap.map"] = lifts[0].abs().sum(1), (sum(lifts) / 3).abs().sum(1)
    for kind in ("epsilon", "gamma", "alphabeta", "apart"):
        rule = relevance(nodes, kind, epsilon=0.01 if kind in ("epsilon", "gamma") else 1e-9, bounded=kind not in ("epsilon", "gamma"))
        maps["lrp." + kind] = walk(nodes, values, z * dz, rule)["x"].sum(1)
    maps["excitation.map"] = walk(nodes, values, dz, relevance(nodes, "positive", bounded=False))[tap].sum(1)
    maps["contrastive.map"] = walk(nodes, values, dz, contrastive(nodes))[tap].sum(1)
    maps["fullgrad.map"], whole = full_grad(nodes, x, values, gradient, True)
    assert torch.allclose(whole, (z * dz).sum()), (whole, (z * dz).sum())
    maps["simple_fullgrad.map"], _ = full_grad(nodes, x, values, gradient, False)
    maps["smooth_fullgrad.silent"] = maps["fullgrad.map"]  # without noise
    maps["linear.map"] = (values[tap] * gradient[tap]).sum(1)
    maps["conductance.map"] = conductance(nodes, x, classes, tap, np.linspace(0, 1, 5), 0.5)
    maps["conductance.gauss"] = conductance(nodes, x, classes, tap, (np.polynomial.legendre.leggauss(5)[0] + 1) / 2, 0)
    maps["layerig.map"] = layer_ig(nodes, x, classes, tap, 4)
    return {name: value.detach().numpy().astype("float32") for name, value in maps.items()}


def own_nodes(p):
    def conv(name, source, stride=1, padding=1):
        return Node(name, "conv", [source], w=p[name + ".w"], b=p[name + ".b"], stride=stride, padding=padding)

    def bn(name, source):
        return Node(name, "bn", [source], **{k: p[f"{name}.{k}"] for k in ("weight", "bias", "mean", "var")})

    return [conv("conv1", "x"), bn("bn1", "conv1"), Node("relu1", "relu", ["bn1"]),
            Node("pool", "maxpool", ["relu1"], kernel=3, stride=2, padding=1),
            conv("conv2", "pool"), bn("bn2", "conv2"), Node("sum", "add", ["bn2", "pool"]), Node("relu6", "clip", ["sum"]),
            conv("conv3", "relu6"), Node("swish", "hardswish", ["conv3"]), Node("means", "mean", ["swish"]),
            conv("gate", "means", padding=0), Node("open", "sigmoid", ["gate"]), Node("scaled", "mul", ["swish", "open"]),
            conv("conv4", "scaled"), Node("features", "relu", ["conv4"]), Node("pooled", "mean", ["features"]),
            Node("flat", "flatten", ["pooled"]), Node("fc", "linear", ["flat"], w=p["fc.w"], b=p["fc.b"])]


def own_weights():
    torch.manual_seed(5)
    p = {}
    for name, shape in (("conv1", (6, 3, 3, 3)), ("conv2", (6, 6, 3, 3)), ("conv3", (8, 6, 3, 3)), ("gate", (8, 8, 1, 1)),
                        ("conv4", (7, 8, 3, 3)), ("fc", (5, 7))):
        p[name + ".w"], p[name + ".b"] = torch.randn(shape) * 0.3, torch.randn(shape[0]) * 0.3
    for name in ("bn1", "bn2"):
        p[name + ".weight"], p[name + ".bias"] = 1.5 + torch.rand(6), torch.randn(6) * 0.3
        p[name + ".mean"], p[name + ".var"] = torch.randn(6) * 0.3, 0.5 + torch.rand(6)
    return p, torch.randn(2, 3, 16, 16)


def onnx_nodes(path):
    graph = onnx.load(path).graph
    fixed = {t.name: torch.tensor(numpy_helper.to_array(t).copy()).double() for t in graph.initializer}
    nodes = []
    for n in graph.node:
        a = {k.name: onnx.helper.get_attribute_value(k) for k in n.attribute}
        inputs = [i for i in n.input if i not in fixed]
        if n.op_type in ("Conv", "Gemm"):
            b = fixed[n.input[2]]
            p = dict(w=fixed[n.input[1]], b=b, stride=a.get("strides", [1])[0], padding=a.get("pads", [0])[0])
        else:
            p = dict(kernel=a["kernel_shape"], stride=a["strides"], padding=a["pads"][0]) if n.op_type == "MaxPool" else {}
        ops = {"Conv": "conv", "Gemm": "linear", "Relu": "relu", "Add": "add", "MaxPool": "maxpool",
               "GlobalAveragePool": "mean", "Flatten": "flatten"}
        nodes.append(Node(n.output[0], ops[n.op_type], inputs, **p))
    return nodes


if __name__ == "__main__":
    p, x = own_weights()
    arrays = {"own." + name: value.numpy() for name, value in p.items()}
    arrays["own.x"] = x.numpy()
    double = {name: value.double() for name, value in p.items()}
    nets = {"own": (own_nodes(double), x.double(), "swish")}
    nodes = onnx_nodes(os.path.join(HERE, "..", "onnx", "resnet_op13.onnx"))
    torch.manual_seed(6)
    x = torch.randn(2, 3, 32, 32)
    arrays["onnx.x"] = x.numpy()
    relus = [n.name for n in nodes if n.op == "relu"]
    nets["onnx"] = nodes, x.double(), relus[6]
    for net, (nodes, x, tap) in nets.items():
        for name, values in maps_of(nodes, x, CLASSES[net], tap).items():
            arrays[("" if net == "own" else "onnx.") + name] = values
    write_safetensors(os.path.join(HERE, "walks.safetensors"), arrays,
                      {"torch": torch.__version__, "seed": "5, 6", "script": "explain/walks.py", "onnx_tap": nets["onnx"][2]})
