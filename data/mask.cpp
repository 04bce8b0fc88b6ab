// Label maps of a data set's items; picking items.
#include <algorithm>
#include <map>

#include "data/dataset.h"
#include "data/labels/files.h"
#include "data/mat_file.h"
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
    Tensor levels = decode_pssl_levels(read_place(item.mask), item.mask);
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

constexpr std::int32_t no_class(std::int32_t stored) { return -1 - stored; }

std::int32_t rgb24(const Rgb& c) { return c.r << 16 | c.g << 8 | c.b; }

// Colour pictures as one number per pixel. JPEG has no exact colours.
template <class Value>
Tensor read_colours(const Item& item, const Value& value) {
  const Bytes bytes = read_place(item.mask);
  check(picture_info(bytes, item.mask).format == "png", "data", item.mask,
        ": masks of colours must be PNG; JPEG smears them");
  const Tensor picture = decode_picture(bytes, item.mask);
  Tensor stored({picture.dim(0), picture.dim(1)}, DType::kInt32);
  const auto* in = picture.data<const std::uint8_t>();
  auto* out = stored.data<std::int32_t>();
  for (std::int64_t i = 0; i < stored.numel(); ++i)
    out[i] = value(Rgb{in[3 * i], in[3 * i + 1], in[3 * i + 2]});
  return stored;
}

// Places in the list of colours; a colour that is not there becomes no_class of itself.
Tensor read_listed_colours(const Dataset& data, const Item& item) {
  std::map<std::int32_t, std::int32_t> places;
  for (std::size_t i = 0; i < data.mask_colours.size(); ++i)
    places.emplace(rgb24(data.mask_colours[i]), static_cast<std::int32_t>(i));
  return read_colours(item, [&](const Rgb& colour) {
    const auto it = places.find(rgb24(colour));
    return it == places.end() ? no_class(rgb24(colour)) : it->second;
  });
}

Tensor read_two_bytes(const Item& item) {
  return read_colours(item, [](const Rgb& c) { return c.b == 0 ? c.r + 256 * c.g : no_class(rgb24(c)); });
}

// Stored numbers in place of which the set has others.
Tensor to_classes(const Dataset& data, const Tensor& stored) {
  if (data.mask_classes.empty()) return stored;
  Tensor labels(stored.shape(), DType::kInt32);
  const auto* in = stored.data<const std::int32_t>();
  auto* out = labels.data<std::int32_t>();
  const auto known = static_cast<std::int32_t>(data.mask_classes.size());
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    const std::int32_t there =
        in[i] < 0 || in[i] >= known ? -1 : data.mask_classes[static_cast<std::size_t>(in[i])];
    out[i] = there >= 0 ? there : (in[i] < 0 ? in[i] : no_class(in[i]));
  }
  return labels;
}

StoredMask read_stored(const Dataset& data, const Item& item) {
  switch (data.masks) {
    case MaskFormat::kPsslNpz:
      return {read_pssl(data, item), item.mask.ends_with(kPsslLevelsSuffix) ? "ten levels" : "npz"};
    case MaskFormat::kColours:
      return {read_listed_colours(data, item), "colours"};
    case MaskFormat::kTwoBytes:
      return {read_two_bytes(item), "ids in colours"};
    case MaskFormat::kMat:
      return {decode_mat_array(read_place(item.mask), item.mask, data.mask_variable).to(DType::kInt32),
              "mat"};
    default: {
      LabelImage image = read_label_png(item.mask);
      return {std::move(image.labels), cat(image.bits, "-bit ", image.palette.empty() ? "gray" : "palette")};
    }
  }
}

}  // namespace

StoredMask read_stored_mask(const Dataset& data, const Item& item) {
  check(!item.mask.empty(), "data", item.name, ": has no mask");
  StoredMask mask = read_stored(data, item);
  mask.labels = to_classes(data, mask.labels);
  return mask;
}

Tensor read_mask(const Dataset& data, const Item& item) { return read_stored_mask(data, item).labels; }

std::string label_value_text(const Dataset& data, std::int32_t value) {
  if (value >= 0) return cat(value);
  const std::int32_t stored = -1 - value;
  if (data.masks != MaskFormat::kColours && data.masks != MaskFormat::kTwoBytes) return cat(stored);
  return cat("colour (", stored >> 16, ", ", stored >> 8 & 255, ", ", stored & 255, ")");
}

Tensor read_weights(const Item& item, const Tensor& labels) {
  const LabelImage image = decode_label_png(read_place(item.weights), item.weights);
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
    check((p[i] >= 0 && p[i] < classes) || p[i] == data.ignore, "data", item.mask, ": label value ",
          label_value_text(data, p[i]), " at row ", i / w, ", column ", i % w, "; classes are 0 to ",
          classes - 1, " and ", data.ignore,
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
