"""Writes the names and sizes in the state_dict of PaddleSeg's networks, one per line: NAME SIZE SIZE ...

Paddle is no Debian package: the names follow the constructors in PaddleSeg 2.9, paddleseg/models/{pspnet,deeplab,ocrnet}.py,
backbones/{resnet_vd,hrnet}.py, layers/{layer_libs,pyramid_pool}.py, in the order of add_sublayer. 21 classes.
"""
CLASSES = 21


class Names:
    def __init__(self):
        self.lines = []

    def add(self, name, *sizes):
        self.lines.append(" ".join([name] + [str(s) for s in sizes]))

    def conv(self, name, cin, cout, k=1, bias=True):
        self.add(name + ".weight", cout, cin, k, k)
        if bias:
            self.add(name + ".bias", cout)

    def conv_bn(self, name, cin, cout, k=1, bias=True):  # ConvBNReLU, ConvBN, ConvBNLayer
        self.conv(name + "._conv", cin, cout, k, bias)
        for leaf in ("weight", "bias", "_mean", "_variance"):
            self.add(f"{name}._batch_norm.{leaf}", cout)

    def resnet50_vd(self, at):
        self.conv_bn(at + "conv1_1", 3, 32, 3, False)
        self.conv_bn(at + "conv1_2", 32, 32, 3, False)
        self.conv_bn(at + "conv1_3", 32, 64, 3, False)
        channels = 64
        for block, (depth, filters) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512))):
            for i in range(depth):
                bb = f"{at}bb_{block}_{i}."
                self.conv_bn(bb + "conv0", channels, filters, 1, False)
                self.conv_bn(bb + "conv1", filters, filters, 3, False)
                self.conv_bn(bb + "conv2", filters, 4 * filters, 1, False)
                if i == 0:
                    self.conv_bn(bb + "short", channels, 4 * filters, 1, False)
                channels = 4 * filters

    def hrnet_w18(self, at):
        self.conv_bn(at + "conv_layer1_1", 3, 64, 3, False)
        self.conv_bn(at + "conv_layer1_2", 64, 64, 3, False)
        for i in range(4):
            bb = f"{at}la1.bb_layer2_{i + 1}."
            self.conv_bn(bb + "conv1", 64 if i == 0 else 256, 64, 1, False)
            self.conv_bn(bb + "conv2", 64, 64, 3, False)
            self.conv_bn(bb + "conv3", 64, 256, 1, False)
            if i == 0:
                self.conv_bn(bb + "conv_down", 64, 256, 1, False)
        before = [256]
        for stage, modules in ((2, 1), (3, 4), (4, 3)):
            after = [18, 36, 72, 144][:stage]
            tr = f"tr{stage - 1}"
            for i, channels in enumerate(after):
                if i >= len(before) or before[i] != channels:
                    source = before[i] if i < len(before) else before[-1]
                    self.conv_bn(f"{at}{tr}.transition_{tr}_layer_{i + 1}", source, channels, 3, False)
            for m in range(modules):
                self.hrnet_module(f"{at}st{stage}.stage_st{stage}_{m + 1}.", f"st{stage}_{m + 1}", after)
            before = after

    def hrnet_module(self, at, name, channels):
        for i, c in enumerate(channels):
            for j in range(4):
                bb = f"{at}branches_func.bb_{name}_branch_layer_{i + 1}_{j + 1}."
                self.conv_bn(bb + "conv1", c, c, 3, False)
                self.conv_bn(bb + "conv2", c, c, 3, False)
        for i in range(len(channels)):
            for j in range(len(channels)):
                residual = f"{at}fuse_func.residual_{name}_layer_{i + 1}_{j + 1}"
                if j > i:
                    self.conv_bn(residual, channels[j], channels[i], 1, False)
                for k in range(max(i - j, 0)):
                    out = channels[i] if k == i - j - 1 else channels[j]
                    self.conv_bn(f"{residual}_{k + 1}", channels[j], out, 3, False)

    def write(self, path):
        with open(path, "w") as f:
            f.write("\n".join(self.lines) + "\n")


psp = Names()
psp.resnet50_vd("backbone.")
for i in range(4):
    psp.conv_bn(f"head.psp_module.stages.{i}.1", 2048, 512)
psp.conv_bn("head.psp_module.conv_bn_relu2", 4096, 1024, 3)
psp.conv("head.conv", 1024, CLASSES)
psp.conv_bn("head.auxlayer.conv_bn_relu", 1024, 256, 3)
psp.conv("head.auxlayer.conv", 256, CLASSES)
psp.write("paddleseg_pspnet_resnet50_vd.txt")

deeplab = Names()
deeplab.resnet50_vd("backbone.")
for i in range(4):
    deeplab.conv_bn(f"head.aspp.aspp_blocks.{i}", 2048, 256, 1 if i == 0 else 3)
deeplab.conv_bn("head.aspp.global_avg_pool.1", 2048, 256, 1, False)
deeplab.conv_bn("head.aspp.conv_bn_relu", 1280, 256)
deeplab.conv("head.cls", 256, CLASSES)
deeplab.write("paddleseg_deeplabv3_resnet50_vd.txt")

ocr = Names()
ocr.hrnet_w18("backbone.")
attention = "head.spatial_ocr.attention_block."
for name in ("f_pixel", "f_object"):
    ocr.conv_bn(f"{attention}{name}.0", 512, 256)
    ocr.conv_bn(f"{attention}{name}.1", 256, 256)
ocr.conv_bn(attention + "f_down", 512, 256)
ocr.conv_bn(attention + "f_up", 256, 512)
ocr.conv_bn("head.spatial_ocr.conv1x1.0", 1024, 512)
ocr.conv_bn("head.conv3x3_ocr", 270, 512, 3)
ocr.conv("head.cls_head", 512, CLASSES)
ocr.conv_bn("head.aux_head.0", 270, 270)
ocr.conv("head.aux_head.1", 270, CLASSES)
ocr.write("paddleseg_ocrnet_hrnet_w18.txt")
