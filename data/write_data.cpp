#include "data/write_data.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "data/codec/png_file.h"
#include "data/file_names.h"
#include "data/labels/files.h"
#include "data/resize.h"
#include "data/text_lines.h"
#include "tensor/error.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr std::int32_t kIgnored8 = 255, kIgnored16 = 65535;
constexpr std::int64_t kAtOnce = 64;  // items in memory

// One item, ready to be written.
struct Written {
  std::string image, mask, weights, classes, error;
  Bytes picture, label, weight;
};

// What lies over a picture, int32 [H, W] each, or undefined.
struct Maps {
  Tensor labels, weights;
  void resize(std::int64_t height, std::int64_t width) {
    for (Tensor* map : {&labels, &weights})
      if (map->defined() && map->shape() != Shape{height, width}) *map = resize_labels(*map, height, width);
  }
};

class Writer {
 public:
  Writer(const Dataset& data, const WriteDataOptions& options) : data_(data), options_(options) {
    names_ = options.names.empty() ? data.class_names : options.names;
    ignored_ = names_.size() > kIgnored8 ? kIgnored16 : kIgnored8;
  }

  Written prepare(const Item& item) const;
  std::string class_file() const;

 private:
  bool packed() const { return options_.shard_bytes > 0; }
  Maps maps_of(const Item& item, const Tensor& picture) const;
  Bytes encode(const Tensor& labels) const;
  void scale(Written& out, const Tensor& picture, Maps& maps) const;

  const Dataset& data_;
  const WriteDataOptions& options_;
  std::vector<std::string> names_;
  std::int32_t ignored_ = kIgnored8;
};

std::string without_ending(const std::string& name) {
  const fs::path path(name);
  return (path.parent_path() / path.stem()).generic_string();
}

// Values as they were asked for, checked, and the ignored one moved to where the format has it.
Maps Writer::maps_of(const Item& item, const Tensor& picture) const {
  if (data_.masks == MaskFormat::kNone || item.mask.empty()) return {};
  const Tensor labels = read_mask(data_, item).clone();
  auto* p = labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    if (const auto it = options_.values.find(p[i]); it != options_.values.end()) p[i] = it->second;
  Dataset after = {
      .root = {}, .items = {}, .class_names = names_, .wnids = {}, .colours = {}, .masks = data_.masks};
  after.ignore = data_.ignore;
  check_mask(after, item, labels, picture.dim(0), picture.dim(1));
  for (std::int64_t i = 0; i < labels.numel(); ++i)
    if (p[i] == data_.ignore) p[i] = ignored_;
  Maps maps = {labels, item.weights.empty() ? Tensor{} : read_weights(item, labels)};
  maps.resize(picture.dim(0), picture.dim(1));
  return maps;
}

Bytes Writer::encode(const Tensor& labels) const {
  if (ignored_ == kIgnored16) return encode_label_png(labels, {.format = LabelFormat::kGray16});
  std::vector<Rgb> palette = options_.names.empty() ? data_.colours : std::vector<Rgb>{};
  if (palette.empty()) palette = voc_palette();
  palette.resize(256);
  palette[kIgnored8] = voc_palette()[kIgnored8];
  return encode_label_png(labels, {.format = LabelFormat::kPalette8, .palette = palette});
}

void Writer::scale(Written& out, const Tensor& picture, Maps& maps) const {
  const std::int64_t longest = std::max(picture.dim(0), picture.dim(1));
  if (options_.longest == 0 || longest <= options_.longest) return;
  const auto side = [&](std::int64_t n) {
    return std::max<std::int64_t>(1, (2 * n * options_.longest + longest) / (2 * longest));
  };
  const std::int64_t height = side(picture.dim(0)), width = side(picture.dim(1));
  out.picture = encode_png(resize_picture(picture, height, width));
  maps.resize(height, width);
}

Written Writer::prepare(const Item& item) const {
  Written out;
  try {
    out.picture = read_place(item.image);
    const PictureInfo info = picture_info(out.picture, item.image);
    const Tensor picture = decode_picture(out.picture, item.image);
    Maps maps = maps_of(item, picture);
    scale(out, picture, maps);
    const bool png = png::is_png(out.picture);
    const std::string name = path_below(item.name);
    const bool scaled = png && info.format != "png";
    const std::string stem = is_picture_name(name) ? without_ending(name) : name;
    out.image = is_picture_name(name) && !scaled ? name : stem + (png ? ".png" : ".jpg");
    if (maps.labels.defined()) {
      out.label = encode(maps.labels);
      out.mask = packed() ? stem + ".mask.png" : "masks/" + stem + ".png";
    }
    if (maps.weights.defined()) {
      out.weight = encode_label_png(maps.weights, {.format = LabelFormat::kGray8});
      out.weights = packed() ? stem + ".weights.png" : "weights/" + stem + ".png";
    }
    for (const int c : item.classes) out.classes += cat(out.classes.empty() ? "" : ",", c);
    if (!packed()) out.image = "images/" + out.image;
  } catch (const Error& error) {
    out.error = error.what();
  }
  return out;
}

std::string Writer::class_file() const {
  std::string text;
  const std::vector<Rgb> colours =
      options_.names.empty() ? data_.colours : voc_palette(static_cast<int>(names_.size()));
  for (std::size_t c = 0; c < names_.size(); ++c) {
    text += cat(c, " ", names_[c]);
    if (c < colours.size())
      text += cat(" ", int{colours[c].r}, " ", int{colours[c].g}, " ", int{colours[c].b});
    text += "\n";
  }
  if (data_.masks != MaskFormat::kNone && static_cast<std::size_t>(ignored_) > names_.size())
    text += cat(ignored_, " ignored\n");
  return text;
}

// What the list says of an item: its mask and its weights, else its only class.
std::string list_line(const Written& out, bool masks) {
  if (!masks) return out.image + "\t" + out.classes + "\n";
  std::string line = out.image;
  for (const std::string& name : {out.mask, out.weights})
    if (!name.empty()) line += "\t" + name;
  return line + "\n";
}

void put(FileSink& sink, const Written& out, bool packed) {
  sink.write(out.image, out.picture);
  if (!out.mask.empty()) sink.write(out.mask, out.label);
  if (!out.weights.empty()) sink.write(out.weights, out.weight);
  if (packed && !out.classes.empty()) {
    const std::string text = out.classes;
    sink.write(without_ending(out.image) + ".cls",
               {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
}

void check_writable(const Dataset& data, const WriteDataOptions& options) {
  check(!fs::exists(options.folder) || fs::is_empty(options.folder), "data", "the folder ", options.folder,
        " is not empty; write into a new one");
  check(path_below(options.list) == options.list && !options.list.empty(), "data", "the list's name '",
        options.list, "' is no path below the folder");
  if (data.masks == MaskFormat::kNone)
    for (const Item& item : data.items)
      check(item.classes.size() == 1, "data", item.name, ": has ", item.classes.size(),
            " classes and no mask; without masks every picture needs exactly one class here");
}

}  // namespace

std::map<std::int32_t, std::int32_t> parse_value_map(const std::string& text, int ignore) {
  std::map<std::int32_t, std::int32_t> values;
  for (const std::string& part : split_at(text, ",")) {
    const std::vector<std::string> sides = split_at(part, ":");
    const bool whole =
        sides.size() == 2 && is_whole_number(sides[0]) && (sides[1] == "ignore" || is_whole_number(sides[1]));
    check(whole, "data", "a map of values is OLD:NEW,OLD:NEW with whole numbers or `ignore`; got '", part,
          "'");
    const int from = to_whole_number(sides[0], "the old value", part);
    const int to = sides[1] == "ignore" ? ignore : to_whole_number(sides[1], "the new value", part);
    check(values.emplace(from, to).second, "data", "the value ", from, " is mapped twice");
  }
  return values;
}

Dataset with_colour_masks(Dataset data) {
  check(data.masks == MaskFormat::kPng, "data", "colours are read from PNG masks; format list or voc");
  std::set<std::int32_t> seen;
  for (std::size_t c = 0; c < data.colours.size(); ++c)
    check(seen.insert(data.colours[c].r << 16 | data.colours[c].g << 8 | data.colours[c].b).second, "data",
          "class ", c, " ('", data.class_names[c], "') has the colour of another class");
  check(!data.colours.empty(), "data", "masks of colours need a class file with INDEX NAME R G B");
  data.masks = MaskFormat::kColours;
  data.mask_colours = data.colours;
  data.mask_classes.clear();
  for (std::size_t c = 0; c < data.colours.size(); ++c)
    data.mask_classes.push_back(static_cast<std::int32_t>(c));
  data.mask_colours.push_back(voc_palette()[kIgnored8]);
  data.mask_classes.push_back(data.ignore);
  return data;
}

std::vector<Failure> write_data(const Dataset& data, const WriteDataOptions& options) {
  check_writable(data, options);
  const bool packed = options.shard_bytes > 0, masks = data.masks != MaskFormat::kNone;
  const std::unique_ptr<FileSink> sink =
      packed ? tar_sink(options.folder, options.shard_bytes) : folder_sink(options.folder);
  fs::create_directories(options.folder);
  const Writer writer(data, options);
  std::vector<Failure> failures;
  std::string list;
  const auto count = static_cast<std::int64_t>(data.items.size());
  for (std::int64_t begin = 0; begin < count; begin += kAtOnce) {
    stop_if_interrupted("data", "give it a new folder");
    std::vector<Written> ready(static_cast<std::size_t>(std::min(kAtOnce, count - begin)));
    const auto item = [&](std::size_t i) -> const Item& {
      return data.items[static_cast<std::size_t>(begin) + i];
    };
    parallel_for(static_cast<std::int64_t>(ready.size()), 1, [&](std::int64_t from, std::int64_t to) {
      for (auto i = static_cast<std::size_t>(from); i < static_cast<std::size_t>(to); ++i)
        ready[i] = writer.prepare(item(i));
    });
    for (std::size_t i = 0; i < ready.size(); ++i) {
      if (ready[i].error.empty()) {
        put(*sink, ready[i], packed);
        list += list_line(ready[i], masks);
      } else {
        failures.push_back({item(i).name, "read", ready[i].error});
      }
      if (options.progress) options.progress(begin + static_cast<std::int64_t>(i) + 1);
    }
  }
  sink->write_list(options.list, list);
  if (const std::string classes = writer.class_file(); !classes.empty())
    sink->write_list("classes.txt", classes);
  sink->finish();
  write_failures(options.folder + "/failures.jsonl", failures);
  return failures;
}

}  // namespace clearcut
