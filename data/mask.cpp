// Label maps of a data set's items; picking items.
#include <algorithm>
#include <map>

#include "data/dataset.h"
#include "data/labels/files.h"
#include "data/pssl_layout.h"
#include "data/text_lines.h"
#include "tensor/error.h"
#include "tensor/npy.h"

namespace clearcut {

namespace {

constexpr std::int32_t kPsslObject = 1, kPsslMinusOne = -1;

// Of an array, or of a PNG of ten levels as if it were one.
Tensor read_values(const Item& item) {
  if (item.mask.ends_with(kPsslLevelsSuffix)) {
    Tensor levels = decode_label_png(read_place(item.mask), item.mask).labels;
    auto* p = levels.data<std::int32_t>();
    for (std::int64_t i = 0; i < levels.numel(); ++i)
      p[i] = p[i] == kPsslTopLevel ? kPsslObject : (p[i] == kPsslIgnoredLevel ? kPsslMinusOne : 0);
    return levels;
  }
  const Tensor stored = find_array(decode_npz(read_place(item.mask), item.mask), "arr_0", item.mask);
  check(stored.rank() == 2, "data", item.mask, ": arr_0 must be [H, W], got ", stored.shape());
  return stored.to(DType::kInt32);
}

Tensor read_pssl(const Dataset& data, const Item& item) {
  check(item.classes.size() == 1, "data", item.mask,
        ": a PSSL label needs exactly one class, the picture has ", item.classes.size());
  const Tensor levels = read_values(item);
  const bool ignores = data.pssl_minus_one_ignored || item.mask.ends_with(kPsslLevelsSuffix);
  const Tensor labels = Tensor::full(levels.shape(), data.background, DType::kInt32);
  const auto* in = levels.data<const std::int32_t>();
  auto* out = labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < levels.numel(); ++i) {
    if (in[i] == kPsslObject) out[i] = item.classes.front();
    if (in[i] == kPsslMinusOne && ignores) out[i] = data.ignore;
  }
  return labels;
}

}  // namespace

Tensor read_mask(const Dataset& data, const Item& item) {
  check(!item.mask.empty(), "data", item.name, ": has no mask");
  return data.masks == MaskFormat::kPsslNpz ? read_pssl(data, item) : read_label_png(item.mask).labels;
}

Tensor read_weights(const Item& item, const Tensor& labels) {
  const LabelImage image = read_label_png(item.weights);
  check(image.labels.shape() == labels.shape(), "data", item.weights, ": the weights are ",
        image.labels.shape(), ", the labels ", labels.shape(), "; they must have one size");
  check(image.bits == 8 && image.palette.empty(), "data", item.weights,
        ": weights are 8-bit gray, 255 for 1");
  return image.labels;
}

void check_mask(const Dataset& data, const Item& item, const Tensor& labels, std::int64_t height,
                std::int64_t width) {
  const std::int64_t h = labels.dim(0), w = labels.dim(1);
  if (data.masks == MaskFormat::kPsslNpz) {
    // Sides of equal ratio, up to rounding either of them to whole pixels.
    const std::int64_t slack = std::max({h, w, height, width});
    check(std::abs(h * width - w * height) <= slack, "data", item.mask, ": the label is ", h, " x ", w,
          ", the picture ", height, " x ", width, ": their sides must have one ratio");
  } else {
    check(h == height && w == width, "data", item.mask, ": the mask is ", h, " x ", w, ", the picture ",
          item.image, " is ", height, " x ", width, "; they must have one size");
  }
  const auto classes = static_cast<std::int32_t>(data.class_names.size());
  if (classes == 0) return;
  const auto* p = labels.data<const std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    check((p[i] >= 0 && p[i] < classes) || p[i] == data.ignore, "data", item.mask, ": label value ", p[i],
          " at row ", i / w, ", column ", i % w, "; classes are 0 to ", classes - 1, " and ", data.ignore,
          " is ignored; wrong `ignore`, another class list, or a picture of colours?");
}

Dataset select_items(const Dataset& data, const std::string& list_path) {
  std::map<std::string, const Item*> by_name;
  for (const Item& item : data.items) by_name[item.name] = &item;
  Dataset chosen = data;
  chosen.items.clear();
  for (const TextLine& line : read_lines(list_path)) {
    const auto it = by_name.find(line.text);
    check(it != by_name.end(), "data", line.where, ": '", line.text, "' is not an item of the data set ",
          data.root);
    chosen.items.push_back(*it->second);
  }
  check(!chosen.items.empty(), "data", list_path, ": names no items");
  return chosen;
}

}  // namespace clearcut
