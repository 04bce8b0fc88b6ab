"""Classifiers of any width: torchvision's narrowed, and those that it has not. HRNet stands in networks.py."""
import torch.nn as nn
import torchvision

from networks import channels, dilate, narrow, scaled


def resnet(depth, classes, width=1):
    net = narrow(getattr(torchvision.models, f"resnet{depth}")(), width)
    net.fc = nn.Linear(channels(net.layer4), classes)
    return net


def resnet_vd(classes, width=1):
    """torchvision's ResNet-50 with another stem and other shortcuts. Bag of tricks, figure 2: 3x3 convolutions for the
    7x7 one; shortcuts average before they drop pixels."""
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
    net.fc = nn.Linear(channels(net.layer4), classes)
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
    dilate(net.layer3, 2)
    dilate(net.layer4, 4, grid)
    net.layer3[0].downsample[0] = net.layer4[0].downsample[0] = nn.Identity()
    return net
