#include "data/drawn.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/drawn_texture.h"
#include "data/label_png.h"
#include "data/picture.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/parallel.h"

namespace clearcut {
namespace {

using namespace drawn;

constexpr int kObjects = kDrawnClasses - 1;
constexpr double kSide = 64;  // drawing units along one side

struct Layer {
  Outline outline;
  Paint paint;
  int label;  // 0: distractor
};

/// Anywhere inside the picture, but its middle lies at least 10 units off the picture's: a box in the middle
/// must not pass for an object.
Outline draw_outline(Shape2 shape, double radius, Dice& dice) {
  Outline outline{.shape = shape, .radius = radius, .angle = dice.uniform(0, 6.2832)};
  do {
    outline.x = dice.uniform(radius, kSide - radius);
    outline.y = dice.uniform(radius, kSide - radius);
  } while (std::hypot(outline.x - kSide / 2, outline.y - kSide / 2) < 10);
  return outline;
}

Layer draw_object(int label, double radius, Dice& dice) {
  const int usual = label - 1;
  const auto shape = static_cast<Shape2>(dice.chance(0.7) ? usual : dice.below(kShapes));
  const Outline outline = draw_outline(shape, radius, dice);
  return {outline, Paint(static_cast<Texture>(label - 1), outline.x, outline.y, dice), label};
}

Texture ground_texture(Dice& dice) {
  return static_cast<Texture>(static_cast<int>(Texture::kBlotches) + dice.below(kGroundTextures));
}

Layer draw_distractor(Dice& dice) {
  const Outline outline = draw_outline(static_cast<Shape2>(dice.below(kShapes)), dice.uniform(6, 13), dice);
  return {outline, Paint(ground_texture(dice), outline.x, outline.y, dice), 0};
}

double distance(const Outline& a, const Outline& b) { return std::hypot(a.x - b.x, a.y - b.y); }

/// Distractors below, then the main object, then perhaps a smaller second one that leaves most of it free.
std::vector<Layer> draw_layers(int main_class, const DrawnOptions& options, Dice& dice) {
  std::vector<Layer> layers;
  for (int i = 0; i < 2; ++i)
    if (dice.chance(options.distractors)) layers.push_back(draw_distractor(dice));
  const double radius = dice.uniform(12, 17);
  const Layer main = draw_object(main_class, radius, dice);
  layers.push_back(main);
  const double kind = dice.uniform(0, 1);
  int second = 0;
  if (kind < options.two_classes)
    second = 1 + (main_class - 1 + 1 + dice.below(kObjects - 1)) % kObjects;
  else if (kind < options.two_classes + options.repeats)
    second = main_class;
  for (int tries = 0; second != 0 && tries < 20; ++tries) {
    const Layer other = draw_object(second, dice.uniform(8, std::min(12.0, 0.7 * radius)), dice);
    if (distance(main.outline, other.outline) < radius + 0.4 * other.outline.radius) continue;
    layers.push_back(other);
    break;
  }
  return layers;
}

const Layer* topmost(const std::vector<Layer>& layers, double x, double y) {
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
    if (layer->outline.contains(x, y)) return &*layer;
  return nullptr;
}

/// Mean colour of 2 x 2 samples in pixel (i, j).
Colour pixel_colour(const std::vector<Layer>& layers, const Paint& ground, double unit, double i, double j) {
  Colour sum;
  for (const double di : {0.25, 0.75})
    for (const double dj : {0.25, 0.75}) {
      const double x = (j + dj) * unit, y = (i + di) * unit;
      const Layer* layer = topmost(layers, x, y);
      const Colour c = (layer != nullptr ? layer->paint : ground).at(x, y);
      sum = {sum.r + c.r / 4, sum.g + c.g / 4, sum.b + c.b / 4};
    }
  return sum;
}

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
}

void check_options(const DrawnOptions& options) {
  check(options.size >= 32 && options.size <= 1024, "drawn", "size must be 32 to 1024 pixels, got ",
        options.size);
  check(options.two_classes >= 0 && options.repeats >= 0 && options.two_classes + options.repeats <= 1,
        "drawn", "two_classes + repeats must lie in 0..1, got ", options.two_classes, " + ", options.repeats);
}

std::string file_id(std::uint64_t index) {
  const std::string digits = std::to_string(index);
  return std::string(digits.size() < 6 ? 6 - digits.size() : 0, '0') + digits;
}

struct Row {
  std::string image, mask, classes;
};

Row write_item(const std::string& folder, const std::string& split, std::uint64_t index,
               const DrawnOptions& options) {
  const DrawnPicture drawn = draw_picture(index, options);
  const std::string name = drawn_class_names()[static_cast<std::size_t>(drawn.main_class)];
  Row row{cat(split, "/", name, "/", file_id(index), ".png"), "", ""};
  row.mask = "masks/" + row.image;
  for (const int c : drawn.classes)
    row.classes += (row.classes.empty() ? "" : "+") + drawn_class_names()[static_cast<std::size_t>(c)];
  write_png(folder + "/" + row.image, drawn.image);
  write_label_png(folder + "/" + row.mask, drawn.mask, {.palette = voc_palette(kDrawnClasses)});
  return row;
}

void write_class_files(const std::string& folder) {
  std::string with_background, objects;
  const std::vector<Rgb> colours = voc_palette(kDrawnClasses);
  for (int c = 0; c < kDrawnClasses; ++c) {
    const auto& [r, g, b] = colours[static_cast<std::size_t>(c)];
    const std::string rest = cat(" ", drawn_class_names()[static_cast<std::size_t>(c)], " ", int{r}, " ",
                                 int{g}, " ", int{b}, "\n");
    with_background += cat(c) + rest;
    if (c > 0) objects += cat(c - 1) + rest;
  }
  write_file(folder + "/classes.txt", with_background);
  write_file(folder + "/objects.txt", objects);
}

}  // namespace

const std::array<std::string, kDrawnClasses>& drawn_class_names() {
  static const std::array<std::string, kDrawnClasses> names = {"background", "bricks", "checks", "chevrons",
                                                               "dots",       "rings",  "stripes"};
  return names;
}

DrawnPicture draw_picture(std::uint64_t index, const DrawnOptions& options) {
  check_options(options);
  Dice dice(RandomStream(options.seed, "drawn layout", index));
  DrawnPicture drawn;
  drawn.main_class = 1 + static_cast<int>(index % kObjects);
  const Paint ground(ground_texture(dice), kSide / 2, kSide / 2, dice);
  const std::vector<Layer> layers = draw_layers(drawn.main_class, options, dice);

  const std::int64_t n = options.size;
  const double unit = kSide / static_cast<double>(n);
  const RandomStream noise(options.seed, "drawn noise", index);
  drawn.image = Tensor(Shape{n, n, 3}, DType::kUInt8);
  drawn.mask = Tensor(Shape{n, n}, DType::kInt32);
  auto* pixel = drawn.image.data<std::uint8_t>();
  auto* label = drawn.mask.data<std::int32_t>();
  std::array<bool, kDrawnClasses> seen{};
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j, pixel += 3, ++label) {
      const auto y = static_cast<double>(i), x = static_cast<double>(j);
      const Colour c = pixel_colour(layers, ground, unit, y, x);
      const double grain = options.noise * noise.normal(i * n + j);
      pixel[0] = to_byte(c.r + grain), pixel[1] = to_byte(c.g + grain), pixel[2] = to_byte(c.b + grain);
      const Layer* layer = topmost(layers, (x + 0.5) * unit, (y + 0.5) * unit);
      *label = layer != nullptr ? layer->label : 0;
      seen[static_cast<std::size_t>(*label)] = true;
    }
  for (int c = 1; c < kDrawnClasses; ++c)
    if (seen[static_cast<std::size_t>(c)]) drawn.classes.push_back(c);
  return drawn;
}

void write_drawn(const std::string& folder, const DrawnSplits& splits, const DrawnOptions& options) {
  check_options(options);
  check(splits.train >= kObjects && splits.val >= kObjects, "drawn", "each split needs at least ", kObjects,
        " pictures, got train ", splits.train, ", val ", splits.val);
  write_class_files(folder);
  std::string csv = "image,classes,split\n";
  std::int64_t first = 0;
  for (const auto& [split, count] : {std::pair{"train", splits.train}, std::pair{"val", splits.val}}) {
    std::vector<Row> rows(static_cast<std::size_t>(count));
    parallel_for(count, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        rows[static_cast<std::size_t>(i)] =
            write_item(folder, split, static_cast<std::uint64_t>(first + i), options);
    });
    std::string list;
    for (const Row& row : rows) {
      list += row.image + " " + row.mask + "\n";
      csv += row.image + "," + row.classes + "," + split + "\n";
    }
    write_file(cat(folder, "/", split, ".txt"), list);
    first += count;
  }
  write_file(folder + "/labels.csv", csv);
}

}  // namespace clearcut
