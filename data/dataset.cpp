#include "data/dataset.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "data/file_names.h"
#include "data/jsonl.h"
#include "data/label_table.h"
#include "data/labels/files.h"
#include "data/pssl_layout.h"
#include "data/sets/published.h"
#include "data/text_lines.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

std::string below(const fs::path& folder, const std::string& path) {
  return (folder / path).lexically_normal().string();
}

// Paths of a data set. Absolute paths stay as they are.
class Opener {
 public:
  explicit Opener(const DatasetSpec& spec) : spec_(spec), root_(spec.root) {
    check(!spec.root.empty(), "data", "the data set has no root folder");
    check(fs::is_directory(root_), "data", "the folder ", spec.root,
          " does not exist; it should hold a data set of format '", spec.format, "'");
    data_.root = spec.root;
    data_.ignore = spec.ignore;
    data_.pssl_minus_one_ignored = spec.pssl_minus_one_ignored;
    if (fs::is_regular_file(root_ / kShardIndex)) shards_ = std::make_unique<FileSource>(spec.root);
  }

  Dataset open();

  void open_published_set();
  void open_list();
  void open_voc();
  void open_classes();
  void open_folders();
  void open_csv();
  void open_pssl();
  void open_labels();

 private:
  std::string in_root(const std::string& path) const { return below(root_, path); }
  // Of a picture or mask: in the root, or in the shards there.
  std::string place(const std::string& path) const {
    return shards_ != nullptr && shards_->has(path) ? shards_->place(path) : in_root(path);
  }
  std::string folder(const std::string& wanted, std::initializer_list<const char*> defaults) const;
  std::string list_path(const char* standard) const;
  std::string class_path() const;
  void read_classes();
  void add(Item item, const std::string& where);
  int class_index(const std::string& text, const std::string& where) const;

  std::map<std::string, int> folder_classes(const std::vector<fs::path>& folders);
  void add_pssl(const PsslFolder& labels, const std::string& name, const std::string& where);
  void finish();

  const DatasetSpec& spec_;
  fs::path root_;
  Dataset data_;
  std::optional<ClassFile> classes_;
  std::unique_ptr<const FileSource> shards_;
  std::set<std::string> names_;
};

// The given folder, or the first of the usual ones that exists, or the root.
std::string Opener::folder(const std::string& wanted, std::initializer_list<const char*> defaults) const {
  if (!wanted.empty()) {
    check(fs::is_directory(root_ / wanted), "data", "the folder ", in_root(wanted), " does not exist");
    return in_root(wanted);
  }
  for (const char* name : defaults)
    if (fs::is_directory(root_ / name)) return in_root(name);
  return root_.string();
}

std::string Opener::list_path(const char* standard) const {
  const std::string path = in_root(spec_.list.empty() ? standard : spec_.list);
  check(fs::is_regular_file(path), "data", "the list ", path, " does not exist; name one with `list`");
  return path;
}

// The file that `classes` names; else classes.txt beside the labels, else in the root ("" if there is none).
std::string Opener::class_path() const {
  if (!spec_.classes.empty()) {
    check(fs::is_regular_file(in_root(spec_.classes)), "data", "the class file ", in_root(spec_.classes),
          " does not exist");
    return in_root(spec_.classes);
  }
  for (const fs::path& place : {fs::path(spec_.labels), fs::path()})
    if (fs::is_regular_file(in_root((place / "classes.txt").string())))
      return in_root((place / "classes.txt").string());
  return "";
}

void Opener::read_classes() {
  const std::string path = class_path();
  if (path.empty()) return;
  classes_ = read_class_file(path);
  data_.class_names = classes_->names;
  data_.wnids = classes_->wnids;
  data_.colours = classes_->colours;
  const auto count = static_cast<int>(classes_->names.size());
  check(classes_->ignored < 0 || classes_->ignored == spec_.ignore, "data", path,
        ": the last line says that ", classes_->ignored, " is ignored, but `ignore` is ", spec_.ignore);
  if (spec_.ignore < 0 || spec_.ignore >= count) return;
  check(spec_.ignore == count - 1, "data", path, ": class ", spec_.ignore, " ('",
        classes_->names[static_cast<std::size_t>(spec_.ignore)],
        "') is the ignore value; only the last class can be");
  data_.class_names.pop_back();
  if (!data_.wnids.empty()) data_.wnids.pop_back();
  if (!data_.colours.empty()) data_.colours.pop_back();
}

void Opener::add(Item item, const std::string& where) {
  check(names_.insert(item.name).second, "data", where, ": '", item.name, "' comes twice");
  item.id = hash_name(item.name);
  std::sort(item.classes.begin(), item.classes.end());
  item.classes.erase(std::unique(item.classes.begin(), item.classes.end()), item.classes.end());
  data_.items.push_back(std::move(item));
}

int Opener::class_index(const std::string& text, const std::string& where) const {
  const auto count = static_cast<int>(data_.class_names.size());
  if (is_whole_number(text)) {
    const int index = to_whole_number(text, "the class", where);
    check(index >= 0 && (count == 0 || index < count), "data", where, ": class ", index, " is outside 0 to ",
          count - 1);
    return index;
  }
  const auto it = std::find(data_.class_names.begin(), data_.class_names.end(), text);
  check(it != data_.class_names.end(), "data", where, ": class '", text, "' is not in the class file");
  return static_cast<int>(it - data_.class_names.begin());
}

void Opener::open_published_set() {
  data_ = open_published(spec_);
  for (Item& item : std::exchange(data_.items, {})) add(std::move(item), spec_.root);
}

void Opener::open_list() {
  read_classes();
  for (const TextLine& line : read_lines(list_path("train.txt"))) {
    const std::vector<std::string> fields = split_fields(line.text);
    check(fields.size() <= 3, "data", line.where, ": a line is IMAGE LABEL [WEIGHTS], got ", fields.size(),
          " fields; separate them by a tab if the names have spaces");
    if (fields.size() >= 2) data_.masks = MaskFormat::kPng;
    Item item{0, fields[0], place(fields[0]), fields.size() >= 2 ? place(fields[1]) : "", {}};
    if (spec_.pixel_weights && fields.size() == 3) item.weights = place(fields[2]);
    add(std::move(item), line.where);
  }
}

void Opener::open_voc() {
  read_classes();
  const fs::path images = folder(spec_.images, {"images", "JPEGImages"});
  const fs::path masks = folder(spec_.masks, {"masks", "SegmentationClass"});
  const bool has_masks = masks != root_;
  if (has_masks) data_.masks = MaskFormat::kPng;
  for (const TextLine& line : read_lines(list_path("train.txt")))
    add({0,
         line.text,
         find_picture(images, line.text),
         has_masks ? (masks / (line.text + ".png")).string() : "",
         {}},
        line.where);
}

void Opener::open_classes() {
  read_classes();
  for (const TextLine& line : read_lines(list_path("train.txt"))) {
    const std::vector<std::string> fields = split_fields(line.text);
    check(fields.size() >= 2, "data", line.where, ": a line is IMAGE CLASS, got '", line.text, "'");
    add({0, fields[0], place(fields[0]), "", {class_index(fields[1], line.where)}}, line.where);
  }
}

// The class of each folder: its place among the WordNet ids or the names of the class file that was asked
// for, so that a part of ImageNet keeps ImageNet's classes; else its place in order of name.
std::map<std::string, int> Opener::folder_classes(const std::vector<fs::path>& folders) {
  if (!spec_.classes.empty()) read_classes();
  const std::vector<std::string>& known = data_.wnids.empty() ? data_.class_names : data_.wnids;
  std::map<std::string, int> index;
  for (const fs::path& path : folders) {
    const std::string name = path.filename().string();
    if (spec_.classes.empty()) data_.class_names.push_back(name);
    const auto it = std::find(known.begin(), known.end(), name);
    check(it != known.end(), "data", "the folder ", path.string(), " is no class of ", class_path());
    index[name] = static_cast<int>(it - known.begin());
  }
  return index;
}

void Opener::open_folders() {
  const std::vector<fs::path> folders = sorted_entries(root_, /*folders=*/true);
  check(!folders.empty(), "data", "the folder ", spec_.root,
        " has no folders in it; there must be one per class");
  const std::map<std::string, int> index = folder_classes(folders);
  if (!spec_.list.empty()) {
    for (const TextLine& line : read_lines(list_path(""))) {
      const auto it = index.find(line.text.substr(0, line.text.find('/')));
      check(it != index.end(), "data", line.where, ": '", line.text, "' does not start with a class folder");
      add({0, line.text, in_root(line.text), "", {it->second}}, line.where);
    }
    return;
  }
  for (const fs::path& path : folders) {
    const std::size_t before = data_.items.size();
    for (const fs::path& file : files_below(path))
      if (is_picture_name(file.string()) && file.filename().string()[0] != '.')
        add({0,
             file.lexically_relative(root_).generic_string(),
             file.string(),
             "",
             {index.at(path.filename().string())}},
            path.string());
    check(data_.items.size() > before, "data", "the class folder ", path.string(),
          " has no pictures (.jpg, .jpeg, .png)");
  }
}

namespace {
/// The mask of a picture: the same path below `masks`, or its file name alone if that is what is there.
std::string csv_mask(const std::string& masks, const fs::path& image) {
  if (masks.empty()) return "";
  const fs::path path = fs::path(masks) / fs::path(image).replace_extension(".png");
  const fs::path flat = fs::path(masks) / path.filename();
  return !fs::exists(path) && fs::exists(flat) ? flat.string() : path.string();
}
}  // namespace

void Opener::open_csv() {
  read_classes();
  const LabelTable table = read_label_table(list_path("labels.csv"), spec_.split);
  const fs::path images = folder(spec_.images, {"images", "JPEGImages"});
  const std::string masks = spec_.masks.empty() ? "" : folder(spec_.masks, {});
  if (!masks.empty()) data_.masks = MaskFormat::kPng;
  const bool numbers = std::all_of(table.labels.begin(), table.labels.end(), is_whole_number);
  if (data_.class_names.empty() && !numbers)
    data_.class_names.assign(table.labels.begin(), table.labels.end());
  for (const LabelTable::Row& row : table.rows) {
    Item item{0, row.image, find_picture(images, row.image), csv_mask(masks, row.image), {}};
    for (const std::string& label : row.labels) item.classes.push_back(class_index(label, row.where));
    add(std::move(item), row.where);
  }
}

// name: train/<wnid>/<picture>.JPEG
void Opener::add_pssl(const PsslFolder& labels, const std::string& name, const std::string& where) {
  const std::string wnid = fs::path(name).parent_path().filename().string();
  const auto it = std::find(data_.wnids.begin(), data_.wnids.end(), wnid);
  check(it != data_.wnids.end(), "data", where, ": the folder '", wnid, "' of '", name,
        "' is not a class; classes come from the class file or from the folders under ", labels.root());
  Item item{0, name, labels.picture(name), labels.label(name), {static_cast<int>(it - data_.wnids.begin())}};
  if (const std::string weights = labels.weights(name); spec_.pixel_weights && !weights.empty())
    item.weights = below(labels.root(), weights);
  add(std::move(item), where);
}

// Class ids are the places of the WNIDs in the class file, or else in the order of the folders' names;
// background (C) and ignore (C + 1) follow them and arise when a mask is read.
void Opener::open_pssl() {
  const PsslFolder labels(folder(spec_.labels, {}), folder(spec_.images, {}));
  const ClassFile classes = labels.classes(class_path());
  data_.class_names = classes.names;
  data_.wnids = classes.wnids;
  data_.class_names.emplace_back("background");
  data_.background = static_cast<int>(classes.wnids.size());
  data_.ignore = data_.background + 1;
  data_.masks = MaskFormat::kPsslNpz;
  const std::string list =
      labels.list(spec_.list).empty() && !spec_.list.empty() ? list_path("") : labels.list(spec_.list);
  if (list.empty())
    for (const std::string& name : labels.names()) add_pssl(labels, name, labels.root());
  else
    for (const TextLine& line : read_lines(list))
      add_pssl(labels, pssl_name(split_fields(line.text)[0]), line.where);
}

void Opener::open_labels() {
  const std::string labels = folder(spec_.labels, {});
  const std::string path =
      spec_.list.empty() ? (fs::path(labels) / "manifest.jsonl").string() : in_root(spec_.list);
  check(fs::is_regular_file(path), "data", "the manifest ", path,
        " does not exist; `clearcut label` writes it");
  read_classes();
  const std::string images = folder(spec_.images, {});
  data_.masks = MaskFormat::kPng;
  int line = 0;
  for (const JsonObject& entry : read_jsonl(path)) {
    const std::string where = cat(path, ", entry ", ++line);
    if (!entry.has("label")) continue;  // a picture without a label: skipped or failed
    const std::string image = entry.text("image");
    Item item{0, image, below(images, image), below(labels, entry.text("label")), {}};
    if (entry.has("classes"))
      for (const std::int64_t c : entry.integers("classes"))
        item.classes.push_back(class_index(cat(c), where));
    if (const std::string weights = weights_in(entry); spec_.pixel_weights && !weights.empty())
      item.weights = below(labels, weights);
    add(std::move(item), where);
  }
}

// What all formats end with: names and colours for every class, the background, the limit.
void Opener::finish() {
  check(!data_.items.empty(), "data", "the data set ", spec_.root, " (format '", spec_.format,
        "') has no items", spec_.split.empty() ? "" : " in split '" + spec_.split + "'");
  int classes = static_cast<int>(data_.class_names.size());
  if (classes == 0) {
    for (const Item& item : data_.items)
      for (const int c : item.classes) classes = std::max(classes, c + 1);
    for (int c = 0; c < classes; ++c) data_.class_names.push_back(cat(c));
  }
  if (data_.background < 0) {
    const auto it = std::find(data_.class_names.begin(), data_.class_names.end(), "background");
    if (it != data_.class_names.end()) data_.background = static_cast<int>(it - data_.class_names.begin());
  }
  if (data_.colours.size() != data_.class_names.size()) {
    const std::vector<Rgb> palette = voc_palette(256);
    data_.colours.clear();
    for (std::size_t c = 0; c < data_.class_names.size(); ++c)
      data_.colours.push_back(palette[c % palette.size()]);
  }
  if (spec_.limit > 0 && static_cast<std::size_t>(spec_.limit) < data_.items.size())
    data_.items.resize(static_cast<std::size_t>(spec_.limit));
}

constexpr std::pair<const char*, void (Opener::*)()> kPlainFormats[] = {
    {"list", &Opener::open_list},       {"voc", &Opener::open_voc}, {"classes", &Opener::open_classes},
    {"folders", &Opener::open_folders}, {"csv", &Opener::open_csv}, {"pssl", &Opener::open_pssl},
    {"labels", &Opener::open_labels}};

Dataset Opener::open() {
  const auto* it = std::find_if(std::begin(kPlainFormats), std::end(kPlainFormats),
                                [&](const auto& format) { return format.first == spec_.format; });
  if (it != std::end(kPlainFormats)) {
    (this->*it->second)();
  } else if (is_published_format(spec_.format)) {
    open_published_set();
  } else {
    std::string names;
    for (const std::string& name : dataset_formats()) names += (names.empty() ? "" : ", ") + name;
    fail("data", "format '", spec_.format, "' is unknown; one of ", names);
  }
  finish();
  return std::move(data_);
}

}  // namespace

Dataset open_dataset(const DatasetSpec& spec) { return Opener(spec).open(); }

std::vector<std::string> dataset_formats() {
  std::vector<std::string> names;
  for (const auto& [name, open] : kPlainFormats) names.emplace_back(name);
  for (const std::string& name : published_formats()) names.push_back(name);
  return names;
}

}  // namespace clearcut
