"""Writes ONNX files of small networks as PyTorch's exporter makes them, and what PyTorch works out with them.

Families as torchvision has them, with few channels and layers; `mixed` has what they have not. In networks.safetensors
stand the input "x" [2, 3, 32, 32], and for each NAME_opOPSET.onnx NAME.y, the logits, NAME.dy, random numbers, and
NAME.dx, the gradient of sum(y dy).
"""
import functools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import convnext, densenet, efficientnet, mobilenetv2, mobilenetv3, resnet, shufflenetv2, vgg

from golden import write_safetensors

CLASSES = 5


def small_resnet():
    net = resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=CLASSES)
    planes = iter([4, 4, 8, 8])
    net.inplanes = 8
    net.conv1, net.bn1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
    for i, name in enumerate(["layer1", "layer2", "layer3", "layer4"]):
        setattr(net, name, net._make_layer(resnet.Bottleneck, next(planes), 1, stride=1 if i == 0 else 2))
    net.fc = nn.Linear(32, CLASSES)
    return net


def small_vgg():
    net = vgg.VGG(vgg.make_layers([4, "M", 8, "M", 8, "M"], batch_norm=True), num_classes=CLASSES)
    net.avgpool = nn.AdaptiveAvgPool2d((2, 2))
    net.classifier = nn.Sequential(nn.Linear(32, 8), nn.ReLU(True), nn.Dropout(), nn.Linear(8, CLASSES))
    return net


def small_mobilenet_v3():
    config = functools.partial(mobilenetv3.InvertedResidualConfig, width_mult=1.0)
    layers = [config(8, 3, 8, 8, True, "RE", 2, 1), config(8, 5, 16, 8, True, "HS", 2, 1), config(8, 3, 16, 8, False, "HS", 1, 1)]
    return mobilenetv3.MobileNetV3(layers, last_channel=16, num_classes=CLASSES)


def small_efficientnet():
    layers = [efficientnet.MBConvConfig(1, 3, 1, 8, 8, 1, 1, 1), efficientnet.MBConvConfig(2, 5, 2, 8, 8, 2, 1, 1)]
    return efficientnet.EfficientNet(layers, dropout=0.2, num_classes=CLASSES, last_channel=16)


def small_convnext():
    layers = [convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 1)]
    return convnext.ConvNeXt(layers, num_classes=CLASSES)


class Mixed(nn.Module):
    """Operators that the families above leave out."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.group = nn.GroupNorm(2, 8)
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.prelu = nn.PReLU(8)
        self.last = nn.Conv2d(18, 8, 1)
        self.norm = nn.LayerNorm(8)
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = self.prelu(self.group(self.stem(x)))
        a, b, c = torch.split(x, [2, 3, 3], 1)
        a = F.interpolate(F.elu(a), scale_factor=2.0, mode="bilinear", align_corners=False)
        b = F.interpolate(F.mish(b), size=a.shape[2:], mode="nearest")
        c = F.interpolate(F.softplus(c), scale_factor=2.0, mode="bilinear", align_corners=True)
        d = F.pixel_shuffle(F.gelu(self.instance(x)), 2)
        e = F.pad(F.hardswish(x), (1, 2, 0, 3))[:, :, 1:17, 2:18]
        e = F.interpolate(e, scale_factor=2.0, mode="nearest")
        y = self.last(torch.cat([a, b, c, d, e], 1)).clamp(-3, 3)
        y = y * torch.sigmoid(y.mean((2, 3), keepdim=True)) + (F.leaky_relu(y, 0.2).abs() + 1).sqrt()
        tokens = self.norm(y.flatten(2).transpose(1, 2))  # [N, H W, C]
        attention = torch.softmax(tokens[:, :4] @ tokens.transpose(1, 2) / 8**0.5, -1)
        return F.log_softmax(self.fc((attention @ tokens).mean(1)), 1)


class Decoder(nn.Module):
    """Maps that grow: transposed convolutions and cubic interpolation."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 4, 1)
        self.up = nn.ConvTranspose2d(8, 6, 3, 2, 1, output_padding=1, groups=2)
        self.wide = nn.ConvTranspose2d(6, 4, (2, 3), stride=(1, 2), dilation=(2, 1), bias=False)
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, x):
        x = torch.relu(self.up(torch.relu(self.stem(x))))
        x = F.interpolate(self.wide(x), size=(13, 40), mode="bicubic", align_corners=False)
        x = F.interpolate(x, scale_factor=2.0, mode="bicubic", align_corners=True)
        return self.fc((x * x).mean((2, 3)))


NETWORKS = {
    "resnet_op13": (small_resnet, 13),
    "vgg_op9": (small_vgg, 9),
    "densenet_op11": (lambda: densenet.DenseNet(4, (2, 2), 8, 2, num_classes=CLASSES), 11),
    "mobilenet_v2_op10": (lambda: mobilenetv2.MobileNetV2(CLASSES, 0.1, [[1, 8, 1, 1], [2, 8, 2, 2]]), 10),
    "mobilenet_v3_op14": (small_mobilenet_v3, 14),
    "mobilenet_v3_op11": (small_mobilenet_v3, 11),
    "efficientnet_op15": (small_efficientnet, 15),
    "shufflenet_op12": (lambda: shufflenetv2.ShuffleNetV2([2, 1, 1], [8, 16, 16, 16, 16], CLASSES), 12),
    "convnext_op16": (small_convnext, 16),
    "convnext_op17": (small_convnext, 17),
    "mixed_op11": (Mixed, 11),
    "mixed_op17": (Mixed, 17),
    "decoder_op13": (Decoder, 13),
}

torch.manual_seed(1)
x = torch.randn(2, 3, 32, 32)
arrays = {"x": x.numpy()}
for name, (make, opset) in NETWORKS.items():
    torch.manual_seed(2)
    net = make()
    for parameter in net.parameters():  # away from zeros and ones
        parameter.data += 0.1 * torch.randn_like(parameter)
    net.train()
    for _ in range(3):  # running statistics that are no 0 and 1
        net(torch.randn(4, 3, 32, 32))
    net.eval()
    torch.onnx.export(net, x, name + ".onnx", opset_version=opset, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})
    x.requires_grad_(True)
    y = net(x)
    dy = torch.randn_like(y)
    (dx,) = torch.autograd.grad(y, x, dy)
    x.requires_grad_(False)
    family = name[: name.index("_op")]  # the same numbers whatever the opset
    arrays[family + ".y"], arrays[family + ".dy"], arrays[family + ".dx"] = y.detach().numpy(), dy.numpy(), dx.numpy()
write_safetensors("networks.safetensors", arrays, {"torch": torch.__version__, "seed": "1, 2", "script": "networks.py"})
