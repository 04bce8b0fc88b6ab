// labelme: one JSON file per picture. Source: github.com/wkentaro/labelme, label_file.py and utils/shape.py,
// as a description.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "data/json.h"
#include "data/labels/one_file_each.h"
#include "data/labels/shapes.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

constexpr const char* kVersion = "5.2.1";  // of labelme, whose files these are like
constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

std::string json_path(const LabelRecord& record, const LabelLegend&, const LabelWriteOptions&) {
  return picture_stem(record.picture) + ".json";
}

std::optional<std::string> json_picture(const std::string& file) {
  if (!file.ends_with(".json")) return std::nullopt;
  return file.substr(0, file.size() - 5);
}

// From the JSON file's folder, so that labelme opens the picture.
std::string path_to_picture(const LabelRecord& record, const LabelWriteOptions& options,
                            const LabelLegend& legend) {
  if (record.image.empty()) return fs::path(record.picture).filename().string();
  const fs::path folder =
      fs::absolute(fs::path(options.folder) / json_path(record, legend, options)).parent_path();
  return fs::absolute(record.image)
      .lexically_normal()
      .lexically_relative(folder.lexically_normal())
      .generic_string();
}

JsonObject polygon_shape(const Outline& outline, const std::string& name, int group) {
  std::vector<std::vector<double>> points;
  for (const Corner& corner : outline) points.push_back({corner.x, corner.y});
  JsonObject shape;
  shape.set("label", name).set("points", points);
  if (group > 0)
    shape.set("group_id", group);
  else
    shape.set("group_id", kNull);
  return shape.set("shape_type", "polygon").set("flags", JsonObject());
}

Bytes encode(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions& options) {
  std::vector<JsonObject> shapes;
  int groups = 0;  // pieces of several outlines
  for (const std::int32_t value : values_in(record.labels)) {
    if (value == legend.background) continue;
    check(legend.knows(value), "labels", record.picture, ": value ", value, " is no class");
    for (const std::vector<Outline>& piece : outlines_of(record.labels, value)) {
      const int group = piece.size() > 1 ? ++groups : 0;
      for (const Outline& outline : piece)
        shapes.push_back(polygon_shape(outline, legend.name_of(value), group));
    }
  }
  JsonObject file;
  file.set("version", kVersion).set("flags", JsonObject()).set("shapes", shapes);
  file.set("imagePath", path_to_picture(record, options, legend)).set("imageData", kNull);
  file.set("imageHeight", record.labels.dim(0)).set("imageWidth", record.labels.dim(1));
  const std::string text = file.pretty();
  return {text.begin(), text.end()};
}

// ---- reading

Bytes from_base64(const std::string& text, const std::string& where) {
  Bytes bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char letter : text) {
    if (letter == '=' || letter == '\n' || letter == '\r') continue;
    std::uint32_t value = 0;
    if (letter >= 'A' && letter <= 'Z')
      value = static_cast<std::uint32_t>(letter - 'A');
    else if (letter >= 'a' && letter <= 'z')
      value = static_cast<std::uint32_t>(letter - 'a') + 26;
    else if (letter >= '0' && letter <= '9')
      value = static_cast<std::uint32_t>(letter - '0') + 52;
    else if (letter == '+' || letter == '/')
      value = letter == '+' ? 62 : 63;
    else
      fail("labels", where, ": the mask is no base64 text");
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) bytes.push_back(static_cast<std::uint8_t>(bits >> (count -= 8)));
  }
  return bytes;
}

Outline corners_of(const JsonObject& shape, const std::string& where) {
  Outline corners;
  for (const std::vector<double>& point : shape.number_lists("points")) {
    check(point.size() == 2 && std::isfinite(point[0]) && std::isfinite(point[1]), "labels", where,
          ": a point must be two numbers");
    corners.push_back({point[0], point[1]});
  }
  return corners;
}

// The pixels whose centres lie within the radius.
void paint_disc(Corner centre, double radius, std::int32_t value, Tensor& labels) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  auto* p = labels.data<std::int32_t>();
  for (std::int64_t y = 0; y < H; ++y)
    for (std::int64_t x = 0; x < W; ++x) {
      const double dx = static_cast<double>(x) + 0.5 - centre.x, dy = static_cast<double>(y) + 0.5 - centre.y;
      if (dx * dx + dy * dy <= radius * radius) p[y * W + x] = value;
    }
}

// A mask covers the box between two points, both counted in.
void paint_mask(const JsonObject& shape, const Outline& box, std::int32_t value, Tensor& labels,
                const LabelReadOptions& options, const std::string& where) {
  check(box.size() == 2, "labels", where, ": a mask has two points, got ", box.size());
  const Tensor mask =
      decode_label_png(from_base64(shape.text("mask"), where), where, options.max_bytes).labels;
  const std::int64_t h = mask.dim(0), w = mask.dim(1), H = labels.dim(0), W = labels.dim(1);
  check(box[0].x >= 0 && box[0].y >= 0 && box[0].x <= static_cast<double>(W - w) &&
            box[0].y <= static_cast<double>(H - h) &&
            std::trunc(box[1].x) - std::trunc(box[0].x) + 1 == static_cast<double>(w) &&
            std::trunc(box[1].y) - std::trunc(box[0].y) + 1 == static_cast<double>(h),
        "labels", where, ": a mask of ", h, " x ", w, " does not fit its points or the picture of ", H, " x ",
        W);
  const auto left = static_cast<std::int64_t>(box[0].x), top = static_cast<std::int64_t>(box[0].y);
  const auto* from = mask.data<const std::int32_t>();
  auto* to = labels.data<std::int32_t>();
  for (std::int64_t y = 0; y < h; ++y)
    for (std::int64_t x = 0; x < w; ++x)
      if (from[y * w + x] != 0) to[(top + y) * W + left + x] = value;
}

void paint(const JsonObject& shape, std::int32_t value, Tensor& labels, const LabelReadOptions& options,
           const std::string& where) {
  const std::string type = shape.has("shape_type") ? shape.text("shape_type") : "polygon";
  const Outline corners = corners_of(shape, where);
  if (type == "polygon") {
    paint_outline(corners, value, labels, where);
  } else if (type == "rectangle" && corners.size() == 2) {
    const Corner a = corners[0], b = corners[1];
    paint_outline({a, {b.x, a.y}, b, {a.x, b.y}}, value, labels, where);
  } else if (type == "circle" && corners.size() == 2) {
    paint_disc(corners[0], std::hypot(corners[1].x - corners[0].x, corners[1].y - corners[0].y), value,
               labels);
  } else if (type == "mask") {
    paint_mask(shape, corners, value, labels, options, where);
  } else {
    fail("labels", where, ": polygons, rectangles, circles and masks are read; this is a '", type, "' of ",
         corners.size(), " points");
  }
}

LabelRecord decode(ByteView bytes, const std::string& where, const std::string&, const LabelLegend& legend,
                   const LabelReadOptions& options) {
  const JsonObject file =
      JsonObject::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where);
  Tensor labels =
      blank_label(file.integer("imageHeight"), file.integer("imageWidth"), legend, options, where);
  int number = 0;
  for (const JsonObject& shape : file.objects("shapes")) {
    const std::string at = cat(where, ", shape ", ++number);
    paint(shape, value_named(legend, shape.text("label"), at), labels, options, at);
  }
  return {.picture = {}, .labels = labels};
}

}  // namespace

LabelFileFormat labelme_format() {
  return one_file_each(
      {.name = "labelme",
       .files = "<name>.json",
       .keeps = "all classes, ignored pixels as the label `ignore`; every pixel, as polygons",
       .path = json_path,
       .picture = json_picture,
       .encode = encode,
       .decode = decode});
}

}  // namespace clearcut
