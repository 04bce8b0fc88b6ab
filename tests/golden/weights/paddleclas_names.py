"""Writes the names and sizes in the state_dict of PaddleClas's ResNets and HRNet: NAME SIZE SIZE ...

Paddle is no Debian package: the names follow the constructors in PaddleClas,
ppcls/arch/backbone/legendary_models/{resnet,hrnet}.py, of which the second file calls the parts of its ConvBNLayer _conv
and _batch_norm. Linear layers have [in, out]. 1000 classes.
"""


class Names:
    def __init__(self, conv, norm):
        self.lines, self.conv, self.norm = [], conv, norm

    def add(self, name, *sizes):
        self.lines.append(" ".join([name] + [str(s) for s in sizes]))

    def conv_bn(self, name, i, o, k=1):
        self.add(f"{name}.{self.conv}.weight", o, i, k, k)
        for leaf in ("weight", "bias", "_mean", "_variance"):
            self.add(f"{name}.{self.norm}.{leaf}", o)

    def linear(self, name, i, o):
        self.add(name + ".weight", i, o)
        self.add(name + ".bias", o)

    def write(self, name):
        with open(f"paddleclas_{name}.txt", "w") as f:
            f.write("\n".join(self.lines) + "\n")


def resnet(name, blocks, vd):
    n = Names("conv", "bn")
    for k, (i, o, size) in enumerate([(3, 32, 3), (32, 32, 3), (32, 64, 3)] if vd else [(3, 64, 7)]):
        n.conv_bn(f"stem.{k}", i, o, size)
    channels, index = 64, 0
    for count, filters in zip(blocks, (64, 128, 256, 512)):
        for block in range(count):
            out, at = 4 * filters, f"blocks.{index}"
            for k, (i, o, size) in enumerate([(channels, filters, 1), (filters, filters, 3), (filters, out, 1)]):
                n.conv_bn(f"{at}.conv{k}", i, o, size)
            if block == 0:
                n.conv_bn(at + ".short", channels, out)
            channels, index = out, index + 1
    n.linear("fc", channels, 1000)
    n.write(name)


def bottleneck(n, at, i, c, down):
    n.conv_bn(at + ".conv1", i, c)
    n.conv_bn(at + ".conv2", c, c, 3)
    n.conv_bn(at + ".conv3", c, 4 * c)
    if down:
        n.conv_bn(at + ".conv_down", i, 4 * c)


def hrnet():
    n, c = Names("_conv", "_batch_norm"), [18, 36, 72, 144]
    n.conv_bn("conv_layer1_1", 3, 64, 3)
    n.conv_bn("conv_layer1_2", 64, 64, 3)
    for block in range(4):
        bottleneck(n, f"layer1.{block}", 256 if block else 64, 64, block == 0)
    n.conv_bn("tr1_1", 256, 18, 3)
    n.conv_bn("tr1_2", 256, 36, 3)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        if stage > 2:
            n.conv_bn(f"tr{stage - 1}", c[stage - 2], c[stage - 1], 3)
        for m in range(modules):
            at = f"st{stage}.stage_func_list.{m}"
            for branch in range(stage):
                for block in range(4):
                    for k in (1, 2):
                        n.conv_bn(f"{at}.basic_block_list.{branch}.{block}.conv{k}", c[branch], c[branch], 3)
            index = 0
            for to in range(stage):
                for j in range(stage):
                    for k in range(1 if j > to else to - j):
                        o = c[to] if j > to or k == to - j - 1 else c[j]
                        n.conv_bn(f"{at}.fuse_func.residual_func_list.{index}", c[j], o, 1 if j > to else 3)
                        index += 1
    for branch in range(4):
        bottleneck(n, f"last_cls.func_list.{branch}", c[branch], 32 << branch, True)
    for branch in range(3):
        n.conv_bn(f"cls_head_conv_list.{branch}", 128 << branch, 256 << branch, 3)
    n.conv_bn("conv_last", 1024, 2048)
    n.linear("out", 2048, 1000)
    n.write("hrnet_w18")


resnet("resnet50", (3, 4, 6, 3), False)
resnet("resnet101", (3, 4, 23, 3), False)
resnet("resnet50_vd", (3, 4, 6, 3), True)
hrnet()
