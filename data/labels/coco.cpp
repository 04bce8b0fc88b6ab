// COCO: one JSON file for all pictures. Source: cocodataset.org/#format-data; pycocotools.
#include <limits>
#include <map>

#include "data/json.h"
#include "data/labels/formats.h"
#include "data/labels/shapes.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr const char* kFile = "annotations.json";

std::vector<double> numbers_of(const RegionBox& box) {
  return {static_cast<double>(box.left), static_cast<double>(box.top), static_cast<double>(box.width),
          static_cast<double>(box.height)};
}

RegionBox box_around(const std::vector<Outline>& outlines) {
  constexpr double kFar = std::numeric_limits<double>::max();
  Corner least{kFar, kFar}, most{-kFar, -kFar};
  for (const Outline& outline : outlines)
    for (const Corner& corner : outline) {
      least = {std::min(least.x, corner.x), std::min(least.y, corner.y)};
      most = {std::max(most.x, corner.x), std::max(most.y, corner.y)};
    }
  return {static_cast<std::int64_t>(least.x), static_cast<std::int64_t>(least.y),
          static_cast<std::int64_t>(most.x - least.x), static_cast<std::int64_t>(most.y - least.y)};
}

class CocoWriter : public LabelWriter {
 public:
  CocoWriter(FileSink& sink, LabelLegend legend, bool polygons)
      : sink_(sink), legend_(std::move(legend)), polygons_(polygons) {}
  void write(const LabelRecord& record) override;
  void finish() override;

 private:
  int id_of(std::int32_t value) const {
    return value == legend_.ignore ? legend_.classes() + 1 : legend_.id_of(value);
  }
  void add(std::int32_t value, const RegionBox& box, double area, JsonObject annotation);
  void add_runs(const Tensor& labels, std::int32_t value);
  void add_polygons(const Tensor& labels, std::int32_t value);

  FileSink& sink_;
  LabelLegend legend_;
  bool polygons_;
  std::int64_t pictures_ = 0, regions_ = 0;
  std::string images_, annotations_;  // JSON, joined by commas
};

void append(std::string& list, const JsonObject& object) {
  list += (list.empty() ? "\n" : ",\n") + object.line();
}

void CocoWriter::add(std::int32_t value, const RegionBox& box, double area, JsonObject annotation) {
  annotation.set("id", ++regions_).set("image_id", pictures_).set("category_id", id_of(value));
  annotation.set("iscrowd", 0).set("area", area).set("bbox", numbers_of(box));
  append(annotations_, annotation);
}

void CocoWriter::add_runs(const Tensor& labels, std::int32_t value) {
  const Runs runs = column_runs(labels, value);
  JsonObject segmentation, annotation;
  segmentation.set("size", labels.shape().sizes()).set("counts", pack_runs(runs));
  annotation.set("segmentation", segmentation);
  add(value, box_of(labels, value), static_cast<double>(area_of(labels, value)), std::move(annotation));
}

void CocoWriter::add_polygons(const Tensor& labels, std::int32_t value) {
  for (const std::vector<Outline>& piece : outlines_of(labels, value)) {
    std::vector<std::vector<double>> polygons;
    double area = 0;
    for (const Outline& outline : piece) {
      polygons.emplace_back();
      for (const Corner& corner : outline)
        polygons.back().insert(polygons.back().end(), {corner.x, corner.y});
      area += twice_area(outline) / 2;
    }
    JsonObject annotation;
    annotation.set("segmentation", polygons);
    add(value, box_around(piece), area, std::move(annotation));
  }
}

void CocoWriter::write(const LabelRecord& record) {
  JsonObject image;
  image.set("id", ++pictures_).set("file_name", record.picture);
  image.set("height", record.labels.dim(0)).set("width", record.labels.dim(1));
  append(images_, image);
  for (const std::int32_t value : values_in(record.labels)) {
    if (value == legend_.background) continue;
    check(legend_.knows(value), "labels", record.picture, ": value ", value, " is no class");
    if (polygons_)
      add_polygons(record.labels, value);
    else
      add_runs(record.labels, value);
  }
}

void CocoWriter::finish() {
  std::string categories;
  const auto add_category = [&](int id, const std::string& name) {
    JsonObject category;
    append(categories, category.set("id", id).set("name", name).set("supercategory", ""));
  };
  for (int value = 0; value < static_cast<int>(legend_.names.size()); ++value)
    if (value != legend_.background) add_category(legend_.id_of(value), legend_.name_of(value));
  add_category(legend_.classes() + 1, "ignore");
  const std::string text =
      cat("{\"info\": {\"description\": \"clearcut\"}, \"licenses\": [], \"images\": [", images_,
          "],\n\"annotations\": [", annotations_, "],\n\"categories\": [", categories, "]}\n");
  sink_.write(kFile, Bytes(text.begin(), text.end()));
}

// ---- reading

struct CocoImage {
  std::string name;
  std::int64_t height = 0, width = 0;
  std::vector<JsonObject> regions;  // in the order of the file: later ones lie above
};

void paint_segmentation(const JsonObject& region, std::int32_t value, Tensor& labels,
                        const std::string& where) {
  if (!region.is_object("segmentation")) {
    for (const std::vector<double>& polygon : region.number_lists("segmentation")) {
      check(polygon.size() % 2 == 0, "labels", where, ": a polygon of ", polygon.size(),
            " numbers; it has x and y of each corner");
      Outline outline;
      for (std::size_t i = 0; i < polygon.size(); i += 2) outline.push_back({polygon[i], polygon[i + 1]});
      paint_outline(outline, value, labels, where);
    }
    return;
  }
  const JsonObject runs = region.object("segmentation");
  const std::vector<std::int64_t> size = runs.integers("size");
  check(size == labels.shape().sizes(), "labels", where, ": the runs are for a picture of another size");
  paint_columns(runs.is_text("counts") ? unpack_runs(runs.text("counts"), where) : runs.integers("counts"),
                value, labels, where);
}

LabelRecord label_of(const CocoImage& image, const std::map<std::int64_t, std::string>& categories,
                     const LabelLegend& legend, const LabelReadOptions& options, const std::string& file) {
  const std::string where = cat(file, ", picture ", image.name);
  Tensor labels = blank_label(image.height, image.width, legend, options, where);
  for (const JsonObject& region : image.regions) {
    const auto category = categories.find(region.integer("category_id"));
    check(category != categories.end(), "labels", where, ": there is no category ",
          region.integer("category_id"));
    paint_segmentation(region, value_named(legend, category->second, where), labels, where);
  }
  return {.picture = image.name, .labels = labels};
}

void read_coco(const FileSource& source, const LabelLegend& legend, const LabelReadOptions& options,
               const TakeLabel& take) {
  const std::string name = source.only_file(".json", kFile), where = source.where(name);
  const Bytes bytes = source.read(name);
  const JsonObject all =
      JsonObject::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where);
  std::map<std::int64_t, std::string> categories;
  for (const JsonObject& category : all.objects("categories"))
    categories[category.integer("id")] = category.text("name");
  std::vector<CocoImage> images;
  std::map<std::int64_t, std::size_t> places;
  for (const JsonObject& image : all.objects("images")) {
    const bool fresh = places.emplace(image.integer("id"), images.size()).second;
    check(fresh, "labels", where, ": the picture ", image.integer("id"), " comes twice");
    images.push_back({image.text("file_name"), image.integer("height"), image.integer("width"), {}});
  }
  for (JsonObject& region : all.objects("annotations")) {
    const auto place = places.find(region.integer("image_id"));
    check(place != places.end(), "labels", where, ": an annotation is of picture ",
          region.integer("image_id"), ", which is not there");
    images[place->second].regions.push_back(std::move(region));
  }
  for (const CocoImage& image : images)
    take(image.name, where, [&] { return label_of(image, categories, legend, options, where); });
}

LabelFileFormat coco_format(const std::string& name, bool polygons, const std::string& keeps) {
  return {.name = name,
          .files = kFile,
          .keeps = keeps,
          .writer = [polygons](FileSink& sink, const LabelLegend& legend,
                               const LabelWriteOptions&) -> std::unique_ptr<LabelWriter> {
            return std::make_unique<CocoWriter>(sink, legend, polygons);
          },
          .read = read_coco};
}

}  // namespace

std::vector<LabelFileFormat> coco_formats() {
  return {coco_format("coco-rle", false, "all classes, ignored pixels as the category `ignore`; every pixel"),
          coco_format("coco-polygons", true,
                      "all classes, ignored pixels as the category `ignore`; every pixel, one annotation per "
                      "connected piece")};
}

}  // namespace clearcut
