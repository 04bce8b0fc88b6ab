// CVAT for images 1.1: one XML file for all pictures. Source: docs.cvat.ai, "XML annotation format".
#include <algorithm>
#include <charconv>
#include <optional>

#include "data/labels/formats.h"
#include "data/labels/shapes.h"
#include "data/text_lines.h"
#include "data/xml.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr const char* kFile = "annotations.xml";

std::string hex_of(Rgb colour) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text = "#";
  for (const int channel : {int{colour.r}, int{colour.g}, int{colour.b}}) {
    text += kDigits[channel / 16];
    text += kDigits[channel % 16];
  }
  return text;
}

class CvatWriter : public LabelWriter {
 public:
  CvatWriter(FileSink& sink, LabelLegend legend) : sink_(sink), legend_(std::move(legend)) {}
  void write(const LabelRecord& record) override;
  void finish() override;

 private:
  FileSink& sink_;
  LabelLegend legend_;
  std::int64_t pictures_ = 0;
  std::string images_;
};

std::string mask_element(const Tensor& labels, std::int32_t value, const std::string& name) {
  const RegionBox box = box_of(labels, value);
  std::string runs;
  for (const std::int64_t run : row_runs(labels, value, box)) runs += cat(runs.empty() ? "" : ", ", run);
  return cat("    <mask label=\"", xml_quoted(name), "\" source=\"auto\" occluded=\"0\" rle=\"", runs,
             "\" left=\"", box.left, "\" top=\"", box.top, "\" width=\"", box.width, "\" height=\"",
             box.height, "\" z_order=\"0\">\n    </mask>\n");
}

void CvatWriter::write(const LabelRecord& record) {
  images_ += cat("  <image id=\"", pictures_++, "\" name=\"", xml_quoted(record.picture), "\" width=\"",
                 record.labels.dim(1), "\" height=\"", record.labels.dim(0), "\">\n");
  for (const std::int32_t value : values_in(record.labels)) {
    if (value == legend_.background) continue;
    check(legend_.knows(value), "labels", record.picture, ": value ", value, " is no class");
    images_ += mask_element(record.labels, value, legend_.name_of(value));
  }
  images_ += "  </image>\n";
}

void CvatWriter::finish() {
  std::string labels;
  const auto add_label = [&](const std::string& name, Rgb colour) {
    labels += cat("        <label>\n          <name>", xml_quoted(name), "</name>\n          <color>",
                  hex_of(colour), "</color>\n          <type>any</type>\n          <attributes>\n",
                  "          </attributes>\n        </label>\n");
  };
  const std::vector<Rgb> palette = voc_palette();
  for (std::size_t c = 0; c < legend_.names.size(); ++c)
    if (static_cast<int>(c) != legend_.background)
      add_label(legend_.name_of(static_cast<int>(c)),
                c < legend_.colours.size() ? legend_.colours[c] : palette[c % 256]);
  add_label("ignore", palette[255]);
  const std::string text = cat(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    "
      "<task>\n",
      "      <name>clearcut</name>\n      <size>", pictures_, "</size>\n      <mode>annotation</mode>\n",
      "      <labels>\n", labels, "      </labels>\n    </task>\n  </meta>\n", images_, "</annotations>\n");
  sink_.write(kFile, Bytes(text.begin(), text.end()));
}

// ---- reading

struct CvatImage {
  std::string name;
  std::int64_t height = 0, width = 0;
  std::vector<XmlElement> shapes;
};

std::int64_t layer_of(const XmlElement& shape) { return shape.has("z_order") ? shape.integer("z_order") : 0; }

Runs runs_of(const XmlElement& mask) {
  Runs runs;
  for (const std::string& part : split_at(mask.text("rle"), ", "))
    runs.push_back(to_whole_number(part, "a run", mask.where));
  return runs;
}

// "x,y;x,y;..."
Outline outline_of(const XmlElement& polygon) {
  Outline outline;
  for (const std::string& point : split_at(polygon.text("points"), ";")) {
    double x = 0, y = 0;
    const char* last = point.data() + point.size();
    const auto first = std::from_chars(point.data(), last, x);
    bool good = first.ec == std::errc() && first.ptr != last && *first.ptr == ',';
    if (good) {
      const auto second = std::from_chars(first.ptr + 1, last, y);
      good = second.ec == std::errc() && second.ptr == last;
    }
    check(good, "labels", polygon.where, ": the point '", point, "' is not x,y");
    outline.push_back({x, y});
  }
  return outline;
}

void paint(const XmlElement& shape, std::int32_t value, Tensor& labels) {
  if (shape.name == "mask") {
    const RegionBox box{shape.integer("left"), shape.integer("top"), shape.integer("width"),
                        shape.integer("height")};
    paint_rows(runs_of(shape), box, value, labels, shape.where);
  } else if (shape.name == "polygon") {
    paint_outline(outline_of(shape), value, labels, shape.where);
  } else if (shape.name == "box" && (!shape.has("rotation") || shape.number("rotation") == 0)) {
    const double left = shape.number("xtl"), top = shape.number("ytl"), right = shape.number("xbr"),
                 bottom = shape.number("ybr");
    paint_outline({{left, top}, {right, top}, {right, bottom}, {left, bottom}}, value, labels, shape.where);
  } else {
    fail("labels", shape.where, ": masks, polygons and upright boxes are read; this is a ",
         shape.name == "box" ? "turned box" : shape.name);
  }
}

LabelRecord label_of(CvatImage image, const LabelLegend& legend, const LabelReadOptions& options,
                     const std::string& file) {
  const std::string where = cat(file, ", picture ", image.name);
  Tensor labels = blank_label(image.height, image.width, legend, options, where);
  std::stable_sort(image.shapes.begin(), image.shapes.end(),
                   [](const XmlElement& a, const XmlElement& b) { return layer_of(a) < layer_of(b); });
  for (const XmlElement& shape : image.shapes)
    paint(shape, value_named(legend, shape.text("label"), shape.where), labels);
  return {.picture = image.name, .labels = labels};
}

bool is_shape(const std::string& element) {
  for (const char* name : {"mask", "polygon", "box", "polyline", "points", "cuboid", "ellipse", "skeleton"})
    if (element == name) return true;
  return false;
}

void read_cvat(const FileSource& source, const LabelLegend& legend, const LabelReadOptions& options,
               const TakeLabel& take) {
  const std::string name = source.only_file(".xml", kFile), where = source.where(name);
  std::optional<CvatImage> image;
  bool any = false;
  const auto start = [&](const XmlElement& element) {
    check(element.name != "track", "labels", element.where, ": a video's tracks; export 'CVAT for images'");
    if (element.name == "image") {
      any = true;
      image = CvatImage{element.text("name"), element.integer("height"), element.integer("width"), {}};
    } else if (image && is_shape(element.name)) {
      image->shapes.push_back(element);
    }
  };
  const auto end = [&](const std::string& element) {
    if (element != "image" || !image) return;
    take(image->name, where, [&] { return label_of(*image, legend, options, where); });
    image.reset();
  };
  read_xml(source.read(name), where, start, end);
  check(any, "labels", where, ": has no <image>; export 'CVAT for images 1.1'");
}

}  // namespace

LabelFileFormat cvat_format() {
  return {.name = "cvat",
          .files = kFile,
          .keeps = "all classes, ignored pixels as the label `ignore`; every pixel, one mask per class",
          .writer = [](FileSink& sink, const LabelLegend& legend, const LabelWriteOptions&)
              -> std::unique_ptr<LabelWriter> { return std::make_unique<CvatWriter>(sink, legend); },
          .read = read_cvat};
}

}  // namespace clearcut
