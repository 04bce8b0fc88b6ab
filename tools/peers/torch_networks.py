"""The networks of `make bench-peers` in PyTorch: the same graphs as clearcut's, random weights."""
import torch
import torch.nn.functional as F
import torchvision
from torch import nn


class ConvBnRelu(nn.Module):
    def __init__(self, i, o, k):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(i, o, k, padding=k // 2), nn.BatchNorm2d(o)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class PspNet(nn.Module):
    """models/pspnet.h on ResNet-50, output stride 8: all blocks of a dilated stage dilate alike (torchvision's
    first ones do not), convolutions of the head keep their bias."""

    def __init__(self, classes=21):
        super().__init__()
        self.trunk = torchvision.models.resnet50()
        del self.trunk.fc
        for layer, dilation in ((self.trunk.layer3, 2), (self.trunk.layer4, 4)):
            for m in layer.modules():
                if isinstance(m, nn.Conv2d):
                    m.stride = (1, 1)
                    if m.kernel_size == (3, 3):
                        m.dilation = m.padding = (dilation, dilation)
        self.bins = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(b), ConvBnRelu(2048, 512, 1)) for b in (1, 2, 3, 6))
        self.head = nn.Sequential(ConvBnRelu(4096, 1024, 3), nn.Dropout(0.1), nn.Conv2d(1024, classes, 1))
        self.auxiliary = nn.Sequential(ConvBnRelu(1024, 256, 3), nn.Dropout(0.1), nn.Conv2d(256, classes, 1))

    def forward(self, x):
        t = self.trunk
        third = t.layer3(t.layer2(t.layer1(t.maxpool(t.relu(t.bn1(t.conv1(x)))))))
        x = t.layer4(third)
        parts = [F.interpolate(b(x), x.shape[2:], mode="bilinear", align_corners=False) for b in self.bins]
        return self.head(torch.cat([x] + parts[::-1], 1)), self.auxiliary(third)


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def folded_parameters(model):
    """With every batch norm inside the convolution before it: of its two numbers a channel one stays, the bias."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    return parameters(model) - sum(m.num_features for m in norms)


def multiply_adds(model, x):
    """Of convolutions and linear layers in one forward pass, in the mode of evaluation."""
    total, hooks = [0], []

    def count(m, inputs, y):
        total[0] += y.numel() * m.weight[0].numel()

    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            hooks.append(m.register_forward_hook(count))
    model.eval()
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return total[0]
