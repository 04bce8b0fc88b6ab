"""Ten training steps of narrow networks by PyTorch, in float64.

Weights are not stored: parameter k of the state gets hashed values, which training_golden_test.cpp in
tests/models computes alike. Each network: one fixed batch, SGD (momentum 0.9, weight decay 1e-4), dropout off.
Written: logits, losses, gradient norms and first values of step 0, and the state's norms after the last step.
"""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
from golden import write_safetensors

here = os.path.dirname(os.path.abspath(__file__))


def hashed(shape, k, low, high):
    """Value i of tensor k: murmur3's finaliser of i + 40503 (k + 1) 65537, a fraction of 2^32, in [low, high)."""
    n = int(numpy.prod(shape, dtype=numpy.int64))
    mask = numpy.uint64(0xFFFFFFFF)
    h = (numpy.arange(n, dtype=numpy.uint64) + numpy.uint64(40503 * (k + 1) * 65537)) & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h = ((h ^ (h >> numpy.uint64(shift))) * numpy.uint64(factor)) & mask
    values = low + (high - low) * (h.astype(numpy.float64) / 2.0**32)
    return torch.from_numpy(values.reshape(shape))


def set_state(model):
    for k, (name, p) in enumerate(model.state_dict().items()):
        if name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            continue
        if p.dim() >= 2:
            bound = (6.0 / p[0].numel()) ** 0.5
            p.copy_(hashed(p.shape, k, -bound, bound))
        else:
            is_norm = name.endswith("weight")
            p.copy_(hashed(p.shape, k, 0.5 if is_norm else -0.25, 1.5 if is_norm else 0.25))


def narrow(model, width):
    """Replaces all layers of a torchvision ResNet by ones with `width` times the channels."""
    def scaled(c):
        return 3 if c == 3 else max(4, 4 * round(c * width / 4))
    for name, m in list(model.named_modules()):
        parent = model.get_submodule(name.rpartition(".")[0])
        if isinstance(m, nn.Conv2d):
            new = nn.Conv2d(scaled(m.in_channels), scaled(m.out_channels), m.kernel_size, m.stride, m.padding,
                            m.dilation, bias=False)
        elif isinstance(m, nn.BatchNorm2d):
            new = nn.BatchNorm2d(scaled(m.num_features))
        else:
            continue
        setattr(parent, name.rpartition(".")[2], new)
    return model


def dilate(layer, dilation):
    """Output stride by dilation, all blocks of the layer alike."""
    for m in layer.modules():
        if isinstance(m, nn.Conv2d):
            m.stride = (1, 1)
            if m.kernel_size == (3, 3):
                m.dilation = m.padding = (dilation, dilation)


class ConvBnRelu(nn.Module):
    def __init__(self, i, o, k):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(i, o, k, padding=k // 2), nn.BatchNorm2d(o)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class PyramidPooling(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.stages = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(b), ConvBnRelu(i, i // 4, 1))
                                    for b in (1, 2, 3, 6))
        self.conv_bn_relu2 = ConvBnRelu(2 * i, o, 3)

    def forward(self, x):
        parts = [F.interpolate(s(x), x.shape[2:], mode="bilinear", align_corners=False) for s in self.stages]
        return self.conv_bn_relu2(torch.cat([x] + parts[::-1], 1))


class Auxiliary(nn.Module):
    def __init__(self, i, classes):
        super().__init__()
        self.conv_bn_relu, self.conv = ConvBnRelu(i, i // 4, 3), nn.Conv2d(i // 4, classes, 1)

    def forward(self, x):
        return self.conv(self.conv_bn_relu(x))


class Head(nn.Module):
    def __init__(self, i, aux, classes):
        super().__init__()
        self.psp_module = PyramidPooling(i, i // 2)
        self.conv = nn.Conv2d(i // 2, classes, 1)
        self.auxlayer = Auxiliary(aux, classes)


class PspNet(nn.Module):
    def __init__(self, trunk, classes):
        super().__init__()
        del trunk.fc
        dilate(trunk.layer3, 2)
        dilate(trunk.layer4, 4)
        def channels(layer):
            return [m for m in layer.modules() if isinstance(m, nn.BatchNorm2d)][-1].num_features
        self.backbone = trunk
        self.head = Head(channels(trunk.layer4), channels(trunk.layer3), classes)

    def forward(self, x):
        b = self.backbone
        x = b.layer2(b.layer1(b.maxpool(b.relu(b.bn1(b.conv1(x))))))
        third = b.layer3(x)
        fourth = b.layer4(third)
        return self.head.conv(self.head.psp_module(fourth)), self.head.auxlayer(third)


def segmentation_loss(outputs, y):
    weights = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.1], dtype=torch.float64)
    mask = (y != 255).double()
    known = torch.where(y == 255, torch.zeros_like(y), y)
    total = 0
    for z, coefficient in zip(outputs, (1.0, 0.4)):
        z = F.interpolate(z, y.shape[1:], mode="bilinear", align_corners=False)
        losses = -F.log_softmax(z, 1).gather(1, known.unsqueeze(1)).squeeze(1)
        q = mask * weights[known]
        total = total + coefficient * (q * losses).mean() / (q.mean() + 1e-8)
    return total


def run(name, model, x, y, loss_of, rate):
    model = model.double()
    with torch.no_grad():
        set_state(model)
    model.eval()
    arrays = {}
    with torch.no_grad():
        out = model(x)
        arrays["evaluation"] = (out[0] if isinstance(out, tuple) else out).numpy()
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), rate, momentum=0.9, weight_decay=1e-4)
    losses = []
    for step in range(10):
        optimiser.zero_grad()
        out = model(x)
        loss = loss_of(out, y)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            logits = out[0] if isinstance(out, tuple) else out
            arrays["logits"] = logits.detach().numpy()
            grads = [p.grad for p in model.parameters()]
            arrays["gradient_norms"] = numpy.array([g.norm().item() for g in grads])
            arrays["gradient_first"] = numpy.array([g.flatten()[0].item() for g in grads])
        optimiser.step()
    arrays["losses"] = numpy.array(losses)
    arrays["state_norms"] = numpy.array([t.double().norm().item() for t in model.state_dict().values()])
    write_safetensors(os.path.join(here, name + ".safetensors"), arrays,
                      {"torch": torch.__version__, "torchvision": torchvision.__version__, "script": "train.py"})
    print(name, losses[0], losses[-1], out[0].shape if isinstance(out, tuple) else out.shape)


class Classifier(nn.Module):
    """A torchvision ResNet with a new fc, its state at the top."""
    def __new__(cls, net, classes):
        features = [m for m in net.layer4.modules() if isinstance(m, nn.BatchNorm2d)][-1].num_features
        net.fc = nn.Linear(features, classes)
        return net


x = hashed((3, 3, 64, 48), 1000, -2.0, 2.0)
classes = torch.tensor([2, 0, 4])
for name, width in (("resnet18", 0.125), ("resnet50", 0.0625)):
    net = Classifier(narrow(getattr(torchvision.models, name)(), width), 5)
    run(name + "_narrow", net, x, classes, F.cross_entropy, 0.02)

x = hashed((2, 3, 48, 40), 1000, -2.0, 2.0)
p = torch.arange(2 * 48 * 40)
labels = ((p // 7 + p // 480) % 6).reshape(2, 48, 40)
labels[labels == 5] = 255
for name in ("resnet18", "resnet50"):
    net = PspNet(narrow(getattr(torchvision.models, name)(), 0.0625), 5)
    run("pspnet_" + name + "_narrow", net, x, labels, segmentation_loss, 0.01)
