"""Segmentation networks of plain torch operators: for golden numbers and for tools/bench_peers.py.

Formulas are those of the papers and sources that models/*.h name; the order of the state is clearcut's.
"""
import torch
import torch.fx
import torch.nn as nn
import torch.nn.functional as F
import torchvision


def scaled(c, width):
    return c if width == 1 else max(4, 4 * int(c * width / 4 + 0.5))


def narrow(model, width):
    """Replaces all convolutions and batch norms by ones with `width` times the channels."""
    for name, m in list(model.named_modules()):
        parent = model.get_submodule(name.rpartition(".")[0])
        if isinstance(m, nn.Conv2d):
            i = m.in_channels
            new = nn.Conv2d(i if i == 3 else scaled(i, width), scaled(m.out_channels, width), m.kernel_size, m.stride,
                            m.padding, m.dilation, bias=m.bias is not None)
        elif isinstance(m, nn.BatchNorm2d):
            new = nn.BatchNorm2d(scaled(m.num_features, width))
        else:
            continue
        setattr(parent, name.rpartition(".")[2], new)
    return model


def dilate(layer, dilation, grid=()):
    """Output stride by dilation, all blocks of the layer alike but for the factors of the grid."""
    for i, block in enumerate(layer):
        for m in block.modules():
            if isinstance(m, nn.Conv2d):
                m.stride = (1, 1)
                if m.kernel_size == (3, 3):
                    d = int(dilation * (grid[i] if grid else 1))
                    m.dilation = m.padding = (d, d)


def resnet_trunk(depth, width=1, grid3=(), grid4=()):
    """torchvision's ResNet at output stride 8, without fc."""
    net = getattr(torchvision.models, f"resnet{depth}")()
    del net.fc
    if width != 1:
        narrow(net, width)
    dilate(net.layer3, 2, grid3)
    dilate(net.layer4, 4, grid4)
    return net


def channels(layer):
    return [m for m in layer.modules() if isinstance(m, nn.BatchNorm2d)][-1].num_features


def last_stages(trunk, x):
    """The outputs of layer3 and layer4."""
    x = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(x))))
    third = trunk.layer3(trunk.layer2(trunk.layer1(x)))
    return third, trunk.layer4(third)


def resized(x, like):
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


class ConvBnRelu(nn.Module):
    def __init__(self, i, o, k=1, dilation=1, bias=True):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, padding=k // 2 * dilation, dilation=dilation, bias=bias)
        self.bn = nn.BatchNorm2d(o)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class PyramidPooling(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.stages = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(b), ConvBnRelu(i, i // 4)) for b in (1, 2, 3, 6))
        self.conv_bn_relu2 = ConvBnRelu(2 * i, o, 3)

    def forward(self, x):
        parts = [resized(s(x), x) for s in self.stages]
        return self.conv_bn_relu2(torch.cat([x] + parts[::-1], 1))


class Auxiliary(nn.Module):
    def __init__(self, i, classes):
        super().__init__()
        self.conv_bn_relu, self.dropout = ConvBnRelu(i, i // 4, 3), nn.Dropout(0.1)
        self.conv = nn.Conv2d(i // 4, classes, 1)

    def forward(self, x):
        return self.conv(self.dropout(self.conv_bn_relu(x)))


class PspHead(nn.Module):
    def __init__(self, i, aux, classes):
        super().__init__()
        self.psp_module, self.dropout = PyramidPooling(i, i // 2), nn.Dropout(0.1)
        self.conv = nn.Conv2d(i // 2, classes, 1)
        self.auxlayer = Auxiliary(aux, classes)


class PspNet(nn.Module):
    def __init__(self, depth=50, classes=21, width=1):
        super().__init__()
        self.backbone = resnet_trunk(depth, width)
        self.head = PspHead(channels(self.backbone.layer4), channels(self.backbone.layer3), classes)

    def forward(self, x):
        third, fourth = last_stages(self.backbone, x)
        h = self.head
        main = h.conv(h.dropout(h.psp_module(fourth)))
        return (main, h.auxlayer(third)) if self.training else (main,)


class Aspp(nn.Module):
    def __init__(self, i, o, rates):
        super().__init__()
        self.aspp_blocks = nn.ModuleList(ConvBnRelu(i, o, 1 if r == 1 else 3, r) for r in rates)
        self.global_avg_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvBnRelu(i, o, bias=False))
        self.conv_bn_relu, self.dropout = ConvBnRelu((len(rates) + 1) * o, o), nn.Dropout(0.1)

    def forward(self, x):
        parts = [block(x) for block in self.aspp_blocks] + [resized(self.global_avg_pool(x), x)]
        return self.dropout(self.conv_bn_relu(torch.cat(parts, 1)))


class DeepLabV3Head(nn.Module):
    def __init__(self, i, o, classes, rates):
        super().__init__()
        self.aspp, self.cls = Aspp(i, o, rates), nn.Conv2d(o, classes, 1)

    def forward(self, x):
        return self.cls(self.aspp(x))


class DeepLabV3(nn.Module):
    def __init__(self, depth=50, classes=21, width=1):
        super().__init__()
        self.backbone = resnet_trunk(depth, width, grid4=(1, 2) if depth == 18 else (1, 2, 4))
        self.head = DeepLabV3Head(channels(self.backbone.layer4), scaled(256, width), classes, (1, 12, 24, 36))

    def forward(self, x):
        return (self.head(last_stages(self.backbone, x)[1]),)


class Fcn(nn.Module):
    """torchvision's, with its own dilations, at any width. Its basic blocks refuse dilation, ours have it: the first
    block of a dilated stage as much as the stage before, as the others."""

    def __init__(self, depth=50, classes=21, width=1):
        super().__init__()
        if depth == 18:
            self.backbone = resnet_trunk(depth, width, (0.5, 1), (0.5, 1))
        else:
            net = getattr(torchvision.models, f"resnet{depth}")(replace_stride_with_dilation=[False, True, True])
            del net.fc
            self.backbone = net if width == 1 else narrow(net, width)
        head = torchvision.models.segmentation.fcn.FCNHead
        self.classifier = head(channels(self.backbone.layer4), classes)
        self.aux_classifier = head(channels(self.backbone.layer3), classes)

    def forward(self, x):
        third, fourth = last_stages(self.backbone, x)
        return self.classifier(fourth), self.aux_classifier(third)


class Product(nn.Module):
    """A batch of matrix products; a module, so that its arithmetic can be counted."""

    def forward(self, a, b):
        return torch.bmm(a, b)


class ObjectAttention(nn.Module):
    def __init__(self, mid, key):
        super().__init__()
        self.f_pixel = nn.Sequential(ConvBnRelu(mid, key), ConvBnRelu(key, key))
        self.f_object = nn.Sequential(ConvBnRelu(mid, key), ConvBnRelu(key, key))
        self.f_down, self.f_up = ConvBnRelu(mid, key), ConvBnRelu(key, mid)
        self.compare, self.collect = Product(), Product()

    def forward(self, pixels, objects):
        q = self.f_pixel(pixels).flatten(2).transpose(1, 2)
        k = self.f_object(objects).flatten(2)
        v = self.f_down(objects).flatten(2).transpose(1, 2)
        w = torch.softmax(self.compare(q, k) * k.shape[1] ** -0.5, 2)
        context = self.collect(w, v).transpose(1, 2)
        return self.f_up(context.reshape(context.shape[0], context.shape[1], pixels.shape[2], pixels.shape[3]))


class SpatialOcr(nn.Module):
    def __init__(self, mid, key):
        super().__init__()
        self.attention_block = ObjectAttention(mid, key)
        self.conv1x1 = nn.Sequential(ConvBnRelu(2 * mid, mid), nn.Dropout2d(0.1))

    def forward(self, pixels, objects):
        return self.conv1x1(torch.cat([self.attention_block(pixels, objects), pixels], 1))


class OcrHead(nn.Module):
    def __init__(self, i, classes, mid=512, key=256):
        super().__init__()
        self.spatial_ocr = SpatialOcr(mid, key)
        self.conv3x3_ocr = ConvBnRelu(i, mid, 3)
        self.cls_head = nn.Conv2d(mid, classes, 1)
        self.aux_head = nn.Sequential(ConvBnRelu(i, i), nn.Conv2d(i, classes, 1))
        self.gather = Product()

    def forward(self, x):
        regions, pixels = self.aux_head(x), self.conv3x3_ocr(x)
        m = torch.softmax(regions.flatten(2), 2)
        objects = self.gather(m, pixels.flatten(2).transpose(1, 2)).transpose(1, 2).unsqueeze(3)
        return self.cls_head(self.spatial_ocr(pixels, objects)), regions


class PointwiseHead(nn.Module):
    def __init__(self, i, classes):
        super().__init__()
        self.conv_1, self.cls = ConvBnRelu(i, i), nn.Conv2d(i, classes, 1)

    def forward(self, x):
        return (self.cls(self.conv_1(x)),)


@torch.fx.wrap  # whoever folds batch norms takes it as a whole
def same_zeros(x):
    """With these a kernel 3 of stride 2 gives ceil(side / 2) values: 1 at even sides, 2 at odd ones, the odd one after."""
    return F.pad(x, (x.shape[3] % 2, 1, x.shape[2] % 2, 1))


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, i, o, k=1, stride=1, relu=True, same=True):
        super().__init__()
        self.relu, self.same = relu, same and stride > 1
        self.conv = nn.Conv2d(i, o, k, stride, 0 if self.same else k // 2, bias=False)
        self.bn = nn.BatchNorm2d(o)

    def forward(self, x):
        if self.same:
            x = same_zeros(x)
        y = self.bn(self.conv(x))
        return F.relu(y, inplace=True) if self.relu else y


class BasicBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = ConvNorm(c, c, 3), ConvNorm(c, c, 3, relu=False)

    def forward(self, x):
        return F.relu(self.conv2(self.conv1(x)) + x, inplace=True)


class Bottleneck(nn.Module):
    def __init__(self, i, c):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = ConvNorm(i, c), ConvNorm(c, c, 3), ConvNorm(c, 4 * c, relu=False)
        self.downsample = ConvNorm(i, 4 * c, relu=False) if i != 4 * c else nn.Identity()

    def forward(self, x):
        return F.relu(self.conv3(self.conv2(self.conv1(x))) + self.downsample(x), inplace=True)


class HrModule(nn.Module):
    def __init__(self, widths, classifier):
        super().__init__()
        self.mode = "nearest" if classifier else "bilinear"
        self.branches = nn.ModuleList(nn.Sequential(*[BasicBlock(c) for _ in range(4)]) for c in widths)
        self.fuse = nn.ModuleList(nn.ModuleList(self.path(widths, to, j, not classifier) for j in range(len(widths)))
                                  for to in range(len(widths)))

    @staticmethod
    def path(widths, to, j, same):
        if j >= to:
            return nn.Identity() if j == to else ConvNorm(widths[j], widths[to], relu=False)
        return nn.Sequential(*[ConvNorm(widths[j], widths[to] if k == to else widths[j], 3, 2, k < to, same)
                               for k in range(j + 1, to + 1)])

    def forward(self, xs):
        xs = [branch(x) for branch, x in zip(self.branches, xs)]
        ys = []
        for to, paths in enumerate(self.fuse):
            y = xs[to]
            for j, path in enumerate(paths):
                if j < to:
                    y = y + path(xs[j])
                elif j > to:
                    y = y + F.interpolate(path(xs[j]), xs[to].shape[2:], mode=self.mode)
            ys.append(F.relu(y))
        return ys


class HrNet(nn.Module):
    """Trunk of HRNet-W18, PaddleSeg's form, or that of the classifier: symmetric zeros, nearest neighbours."""

    def __init__(self, width=1, classifier=False):
        super().__init__()
        stem, same = scaled(64, width), not classifier
        self.widths = [scaled(18 * 2**i, width) for i in range(4)]
        c = self.widths
        self.stem = nn.Sequential(ConvNorm(3, stem, 3, 2, same=same), ConvNorm(stem, stem, 3, 2, same=same))
        self.layer1 = nn.Sequential(Bottleneck(stem, stem), *[Bottleneck(4 * stem, stem) for _ in range(3)])
        self.transition1 = nn.ModuleList((ConvNorm(4 * stem, c[0], 3), ConvNorm(4 * stem, c[1], 3, 2, same=same)))
        self.stage2 = nn.ModuleList([HrModule(c[:2], classifier)])
        self.transition2 = ConvNorm(c[1], c[2], 3, 2, same=same)
        self.stage3 = nn.ModuleList(HrModule(c[:3], classifier) for _ in range(4))
        self.transition3 = ConvNorm(c[2], c[3], 3, 2, same=same)
        self.stage4 = nn.ModuleList(HrModule(c, classifier) for _ in range(3))

    def forward(self, x):
        x = self.layer1(self.stem(x))
        xs = [t(x) for t in self.transition1]
        for modules, transition in ((self.stage2, self.transition2), (self.stage3, self.transition3),
                                    (self.stage4, None)):
            for module in modules:
                xs = module(xs)
            if transition is not None:
                xs = xs + [transition(xs[-1])]
        return xs


class HrSegmenter(nn.Module):
    """HRNet-W18 with a head on its 270 channels: all branches at the size of the first."""

    def __init__(self, head, classes=21, width=1):
        super().__init__()
        self.backbone = HrNet(width)
        i = sum(self.backbone.widths)
        self.head = PointwiseHead(i, classes) if head == "fcn" else OcrHead(i, classes, scaled(512, width),
                                                                             scaled(256, width))

    def forward(self, x):
        xs = self.backbone(x)
        return self.head(torch.cat([xs[0]] + [resized(x, xs[0]) for x in xs[1:]], 1))


class HrClassifier(nn.Module):
    """HRNet-W18-C: bottlenecks widen each branch, finer ones are added to coarser ones; 2048 channels."""

    def __init__(self, classes=1000, width=1):
        super().__init__()
        self.backbone = HrNet(width, classifier=True)
        widths = [scaled(32 * 2**i, width) for i in range(4)]
        self.incre = nn.ModuleList(Bottleneck(i, c) for i, c in zip(self.backbone.widths, widths))
        self.down = nn.ModuleList(ConvNorm(4 * a, 4 * b, 3, 2, same=False) for a, b in zip(widths, widths[1:]))
        self.final = ConvNorm(4 * widths[3], scaled(2048, width))
        self.classifier = nn.Linear(scaled(2048, width), classes)

    def forward(self, x):
        xs = [m(x) for m, x in zip(self.incre, self.backbone(x))]
        y = xs[0]
        for down, x in zip(self.down, xs[1:]):
            y = x + down(y)
        return self.classifier(self.final(y).mean((2, 3)))
