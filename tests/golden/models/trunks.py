"""Training steps of classifiers by PyTorch; see steps.py. One file per network.

Narrow ones: three or ten steps. At full width: two passes, of which sums are kept. All in float64. MobileNet v2,
SqueezeNet and the ResNets are torchvision's; ResNet-vd is torchvision's with another stem and other shortcuts;
MobileNet v1 is written here and HRNet in networks.py, for torchvision has neither.
"""
import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision

import networks
from networks import scaled
from steps import hashed, is_buffer, norms, ready, run, write


def narrow(net, width):
    """Replaces all convolutions and batch norms by ones with `width` times the channels."""
    for name, m in list(net.named_modules()):
        parent = net.get_submodule(name.rpartition(".")[0])
        if isinstance(m, nn.Conv2d):
            i = m.in_channels
            new = nn.Conv2d(i if i == 3 else scaled(i, width), scaled(m.out_channels, width), m.kernel_size, m.stride,
                            m.padding, m.dilation, bias=m.bias is not None)
        elif isinstance(m, nn.BatchNorm2d):
            new = nn.BatchNorm2d(scaled(m.num_features, width))
        else:
            continue
        setattr(parent, name.rpartition(".")[2], new)
    return net


def resnet(depth, classes, width=1):
    net = narrow(getattr(torchvision.models, f"resnet{depth}")(), width)
    net.fc = nn.Linear(networks.channels(net.layer4), classes)
    return net


def resnet_vd(classes, width=1):
    """Bag of tricks, figure 2: 3x3 convolutions for the 7x7 one; shortcuts average before they drop pixels."""
    net = torchvision.models.resnet50()

    def stem(i, o, stride):
        return nn.Conv2d(i, o, 3, stride, 1, bias=False)

    net.conv1 = nn.Sequential(stem(3, 32, 2), nn.BatchNorm2d(32), nn.ReLU(), stem(32, 32, 1), nn.BatchNorm2d(32),
                              nn.ReLU(), stem(32, 64, 1))
    for layer in (net.layer1, net.layer2, net.layer3, net.layer4):
        conv, bn = layer[0].downsample
        pool = nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False) if conv.stride == (2, 2) else nn.Identity()
        conv.stride = (1, 1)
        layer[0].downsample = nn.Sequential(pool, conv, bn)
    narrow(net, width)
    net.fc = nn.Linear(networks.channels(net.layer4), classes)
    return net


def mobilenet_v1(classes, width=1):
    """Table 1 of the paper. The last rows' strides are 2 and 1: with the printed 2 and 2 no map would be 7 x 7."""
    def layer(i, o, k, stride=1, groups=1):
        conv = nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU())

    c = scaled(32, width)
    layers = [layer(3, c, 3, 2)]
    for out, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2),
                        (1024, 1)):
        o = scaled(out, width)
        layers.append(nn.Sequential(layer(c, c, 3, stride, c), layer(c, o, 1)))
        c = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))


def mobilenet_v2(classes, width=1):
    """torchvision's never has fewer than 1280 channels at the end: those are narrowed here."""
    net = torchvision.models.MobileNetV2(classes, width, round_nearest=4 if width != 1 else 8)
    last, c = net.features[18][0], scaled(1280, width)
    net.features[18][0] = nn.Conv2d(last.in_channels, c, 1, bias=False)
    net.features[18][1] = nn.BatchNorm2d(c)
    net.classifier[1] = nn.Linear(c, classes)
    return net


def squeezenet(version, classes, width=1):
    net = narrow(torchvision.models.SqueezeNet(version), width)
    net.classifier[1] = nn.Conv2d(scaled(512, width), classes, 1)
    return net


def dilated(net, grid):
    """ResNet-vd at output stride 8: dilation in place of stride, and so nothing to average."""
    networks.dilate(net.layer3, 2)
    networks.dilate(net.layer4, 4, grid)
    net.layer3[0].downsample[0] = net.layer4[0].downsample[0] = nn.Identity()
    return net


def full_width(name, net):
    """Pictures of 32 x 32 in evaluation: of each gradient the norm and its products with three hashed directions,
    tensors 2000 to 2002. Pictures of 64 x 64 in training: logits, loss and norms of the running statistics.

    The tests run the first in float64 and the second in float32, of which gradients would say little: PyTorch's own
    miss those of HRNet by 6 per cent, for batch norms over 8 values a channel magnify rounding, and one value near zero
    that changes the side of a ReLU is a per cent.
    """
    net, classes = ready(net), torch.tensor([3, 8])
    F.cross_entropy(net.eval()(hashed((2, 3, 32, 32), 1000, -2.0, 2.0)), classes).backward()
    grads = [p.grad.flatten() for p in net.parameters()]
    products = [[(g @ hashed(g.shape, 2000 + j, -1.0, 1.0)).item() for j in range(3)] for g in grads]
    with torch.no_grad():
        z = net.train()(hashed((2, 3, 64, 64), 1000, -2.0, 2.0))
    write(name, "trunks.py", {
        "gradient_norms": norms(grads), "gradient_products": numpy.array(products),
        "logits": z.numpy(), "loss": F.cross_entropy(z, classes).reshape(1).numpy(),
        "running_norms": norms([t for key, t in net.state_dict().items() if is_buffer(key)])})
    print(name, len(grads), "gradients")


pictures = hashed((3, 3, 64, 48), 1000, -2.0, 2.0)
classes = torch.tensor([2, 0, 4])
for name, net, steps in (("resnet50_vd", resnet_vd(5, 0.0625), 3),
                         ("resnet50_vd_dilated", dilated(resnet_vd(5, 0.0625), (1, 2, 4)), 3),
                         ("hrnet_w18", networks.HrClassifier(5, 0.25), 3),
                         ("mobilenet_v1", mobilenet_v1(5, 0.125), 3), ("mobilenet_v2", mobilenet_v2(5, 0.25), 3),
                         ("squeezenet1_0", squeezenet("1_0", 5, 0.125), 10),
                         ("squeezenet1_1", squeezenet("1_1", 5, 0.125), 10)):
    run(name + "_narrow", net, pictures, classes, F.cross_entropy, 0.02, "trunks.py", steps)
for name, net in (("resnet18", resnet(18, 10)), ("resnet50_vd", resnet_vd(10)),
                  ("hrnet_w18", networks.HrClassifier(10)), ("mobilenet_v1", mobilenet_v1(10)),
                  ("mobilenet_v2", mobilenet_v2(10)), ("squeezenet1_1", squeezenet("1_1", 10))):
    full_width(name, net)
