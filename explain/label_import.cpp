#include "explain/label_import.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <unordered_map>

#include "data/file_names.h"
#include "data/labels/files.h"
#include "data/pssl_layout.h"
#include "explain/label_store.h"
#include "tensor/error.h"
#include "tensor/interrupt.h"
#include "tensor/sha256.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kSeveral = -1;  // a file name that several pictures have

double rounded(double share) { return std::round(share * 1e6) / 1e6; }

std::string time_of(const std::string& file) {
  const auto time = std::chrono::file_clock::to_sys(fs::last_write_time(file));
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(time));
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

/// Who made a label: read once per file, of which many labels may come.
class Provenance {
 public:
  explicit Provenance(const LabelImportOptions& options) : options_(options) {}
  /// `file`: "PATH" or "SHARD: NAME".
  JsonObject of(const std::string& file) {
    if (file != file_) {
      file_ = file;
      const std::string path = fs::exists(file) ? file : file.substr(0, file.find(": "));
      hash_ = sha256(read_file(path));
      when_ = options_.when.empty() ? time_of(path) : options_.when;
    }
    JsonObject entry;
    entry.set("by", options_.by).set("when", when_).set("format", options_.format);
    return entry.set("file", file).set("sha256", hash_);
  }

 private:
  const LabelImportOptions& options_;
  std::string file_, hash_, when_;
};

/// A line of the manifest.
struct Place {
  std::string id, label;   // label: file below the folder, empty if the picture has none
  bool corrected = false;  // has corrections already
  std::string weights;     // file of pixel weights below the folder, empty if there is none
};

/// The folder that corrections go into.
class CorrectedFolder {
 public:
  explicit CorrectedFolder(std::string folder);
  const LabelLegend& legend() const { return legend_; }
  /// Throws Error unless one picture goes by that name.
  const Place& find(const std::string& picture, const std::string& file) const;
  /// Where what the machine made is kept.
  std::string original_of(const Place& place) const { return "originals/" + place.label; }
  bool has_original(const Place& place) const { return fs::exists(path(original_of(place))); }
  void keep_original(const Place& place) const;
  Tensor read(const Place& place, const std::string& file) const;
  void write(const Place& place, const Tensor& labels, bool minus_one) const;
  /// What a person has drawn counts fully: all pixel weights become 1.
  void trust(const Place& place, const Tensor& labels) const;
  /// Adds the corrections to the lines of their ids, in one step.
  void update(const std::map<std::string, JsonObject>& corrections) const;

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  int class_of(const Place& place) const;
  void add_name(const std::string& name, std::int64_t place);

  std::string folder_;
  bool published_ = false;
  LabelLegend legend_;
  std::vector<Place> places_;
  std::unordered_map<std::string, std::int64_t> by_path_, by_file_;
};

bool is_npz(const std::string& label) { return label.ends_with(kPsslSuffix); }

// Classes as `label fuse` leaves them: the published layout has its background and ignored values behind
// them.
LabelLegend legend_in(const ClassFile& classes, bool published) {
  LabelLegend legend{.names = classes.names, .folders = classes.wnids, .colours = classes.colours};
  if (legend.folders.empty()) legend.folders = legend.names;
  const auto C = static_cast<int>(legend.names.size());
  if (published) {
    legend.background = C;
    legend.ignore = C + 1;
    legend.names.emplace_back("background");
    legend.folders.emplace_back("background");
    return legend;
  }
  const auto it = std::find(legend.names.begin(), legend.names.end(), "background");
  legend.background = it == legend.names.end() ? -1 : static_cast<int>(it - legend.names.begin());
  legend.ignore = C > 255 ? 65535 : 255;
  return legend;
}

CorrectedFolder::CorrectedFolder(std::string folder) : folder_(std::move(folder)) {
  std::ifstream manifest(path("manifest.jsonl"));
  check(manifest.good(), "labels", "cannot open ", path("manifest.jsonl"));
  std::string text;
  for (int line = 1; std::getline(manifest, text); ++line) {
    const JsonObject entry = JsonObject::parse(text, cat(path("manifest.jsonl"), ":", line));
    places_.push_back({entry.text("id"), entry.has("label") ? entry.text("label") : "",
                       entry.has("corrections"), weights_in(entry)});
    const auto place = static_cast<std::int64_t>(places_.size()) - 1;
    const std::string& label = places_.back().label;
    add_name(entry.text("id"), place);
    add_name(entry.text("image"), place);
    if (is_npz(label)) add_name(pssl_name(label), place);
    published_ = published_ || is_npz(label);
  }
  legend_ = legend_in(read_class_file(path("classes.txt")), published_);
}

void CorrectedFolder::add_name(const std::string& name, std::int64_t place) {
  const std::string stem = picture_stem(name);
  by_path_.emplace(stem, place);
  const auto [it, fresh] = by_file_.emplace(fs::path(stem).filename().string(), place);
  if (!fresh && it->second != place) it->second = kSeveral;
}

const Place& CorrectedFolder::find(const std::string& picture, const std::string& file) const {
  const std::string stem = picture_stem(picture);
  if (const auto path = by_path_.find(stem); path != by_path_.end())
    return places_[static_cast<std::size_t>(path->second)];
  const auto name = by_file_.find(fs::path(stem).filename().string());
  check(name != by_file_.end(), "labels", file, ": '", picture, "' is no picture of ", folder_);
  check(name->second != kSeveral, "labels", file, ": '", picture, "' is the name of several pictures of ",
        folder_, "; give its path");
  return places_[static_cast<std::size_t>(name->second)];
}

void CorrectedFolder::keep_original(const Place& place) const {
  if (has_original(place)) return;
  if (!place.weights.empty()) write_file(path("originals/" + place.weights), read_file(path(place.weights)));
  write_file(path(original_of(place)), read_file(path(place.label)));
}

void CorrectedFolder::trust(const Place& place, const Tensor& labels) const {
  if (place.weights.empty()) return;
  write_label_png(path(place.weights), Tensor::full(labels.shape(), 255, DType::kInt32),
                  {.format = LabelFormat::kGray8});
}

int CorrectedFolder::class_of(const Place& place) const {
  return legend_.value_in_folder(fs::path(place.label).parent_path().filename().string());
}

Tensor CorrectedFolder::read(const Place& place, const std::string& file) const {
  Dataset values;
  values.masks = published_ ? MaskFormat::kPsslNpz : MaskFormat::kPng;
  values.background = legend_.background;
  values.ignore = legend_.ignore;
  values.pssl_minus_one_ignored = true;
  return read_mask(values, {.id = 0,
                            .name = place.id,
                            .image = "",
                            .mask = path(file),
                            .classes = published_ ? std::vector<int>{class_of(place)} : std::vector<int>{}});
}

/// Keeps the one file that a format writes.
struct KeptFile : FileSink {
  void write(const std::string& written, ByteView content) override {
    name = written;
    bytes.assign(content.begin(), content.end());
  }
  void write_list(const std::string&, const std::string&) override {}
  std::string name;
  Bytes bytes;
};

void CorrectedFolder::write(const Place& place, const Tensor& labels, bool minus_one) const {
  if (!published_) {
    const LabelImage before = read_label_png(path(place.label));
    write_label_png(path(place.label), labels, {.palette = before.palette});
    return;
  }
  KeptFile file;
  label_file_format("pssl-npz")
      .writer(file, legend_, {.minus_one = minus_one})
      ->write({.picture = place.label, .classes = {class_of(place)}, .labels = labels});
  check(fs::path(file.name).parent_path() == fs::path(place.label).parent_path(), "labels", place.id,
        ": in the published layout the class is that of the folder, ", place.label, "; the correction is of ",
        file.name);
  write_file(path(place.label), file.bytes);
}

// A file's correction takes the place of an earlier one from the same file: imports can be repeated.
std::vector<JsonObject> with_correction(const JsonObject& line, const JsonObject& correction) {
  std::vector<JsonObject> all;
  if (line.has("corrections"))
    for (JsonObject& earlier : line.objects("corrections"))
      if (earlier.text("sha256") != correction.text("sha256") ||
          earlier.text("file") != correction.text("file"))
        all.push_back(std::move(earlier));
  all.push_back(correction);
  return all;
}

void CorrectedFolder::update(const std::map<std::string, JsonObject>& corrections) const {
  const std::string manifest = path("manifest.jsonl"), part = manifest + ".part";
  {
    std::ifstream in(manifest);
    JsonlWriter out(part, JsonlWriter::Mode::kFresh);
    std::string text;
    while (std::getline(in, text)) {
      JsonObject line = JsonObject::parse(text, manifest);
      const auto it = corrections.find(line.text("id"));
      if (it != corrections.end()) line.set("corrections", with_correction(line, it->second));
      out.write(line);
    }
  }
  fs::rename(part, manifest);
}

double share_changed(const Tensor& a, const Tensor& b) {
  const auto *p = a.data<const std::int32_t>(), *q = b.data<const std::int32_t>();
  std::int64_t changed = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) changed += p[i] != q[i];
  return rounded(static_cast<double>(changed) / static_cast<double>(a.numel()));
}

void add_shares(JsonObject& entry, const Tensor& labels, const LabelLegend& legend) {
  const LabelShares shares = label_shares(labels, {.background = legend.background, .ignore = legend.ignore});
  entry.set("coverage", rounded(shares.foreground)).set("ignored", rounded(shares.ignored));
}

/// Goes through the source; `put` handles one label and may throw Error.
template <class Put>
void each_label(const LabelImportOptions& options, const LabelLegend& legend, LabelImportCounts& counts,
                const Put& put) {
  label_file_format(options.format)
      .read(
          FileSource(options.source), legend, options.read,
          [&](const std::string& picture, const std::string& file, const std::function<LabelRecord()>& read) {
            stop_if_interrupted("label import");
            try {
              put(picture, file, read);
            } catch (const Error& error) {
              counts.failures.push_back({.id = picture, .stage = "import", .error = error.what()});
            }
          });
}

void correct(const LabelImportOptions& options, LabelImportCounts& counts) {
  const CorrectedFolder folder(options.folder);
  Provenance provenance(options);
  std::map<std::string, JsonObject> corrections;
  each_label(
      options, folder.legend(), counts, [&](const std::string& picture, const std::string& file, auto& read) {
        const Place& place = folder.find(picture, file);
        check(!place.label.empty(), "labels", file, ": '", place.id, "' has no label in ", options.folder);
        const Tensor labels = read().labels;
        const Tensor before = folder.read(place, place.label);
        check(labels.shape() == before.shape(), "labels", file, ": the label of '", picture, "' is ",
              labels.shape(), ", the one it replaces ", before.shape());
        // A label that is new, without its line in the manifest, is from a run that was killed.
        if (share_changed(labels, before) == 0 && (place.corrected || !folder.has_original(place))) {
          ++counts.unchanged;
          return;
        }
        JsonObject entry = provenance.of(file);
        folder.keep_original(place);
        folder.write(place, labels, options.read.minus_one_ignored);
        folder.trust(place, labels);
        entry.set("changed", share_changed(labels, folder.read(place, folder.original_of(place))));
        add_shares(entry, labels, folder.legend());
        corrections.insert_or_assign(place.id, entry.set("original", folder.original_of(place)));
        ++counts.corrected;
      });
  if (!corrections.empty()) folder.update(corrections);
}

// ---- into a new folder

LabelLegend legend_of_new(const LabelImportOptions& options) {
  check(!options.classes.empty(), "labels", options.folder,
        " has no manifest.jsonl, so it becomes a new folder of labels; --classes must name its class file");
  LabelLegend legend = legend_in(read_class_file(options.classes), /*published=*/false);
  if (legend.background >= 0) return legend;
  legend.names.insert(legend.names.begin(), "background");
  legend.folders.insert(legend.folders.begin(), "background");
  legend.colours.clear();
  legend.background = 0;
  legend.ignore = legend.names.size() > 255 ? 65535 : 255;
  return legend;
}

LabelStoreOptions store_options(const LabelImportOptions& options, const LabelLegend& legend) {
  LabelStoreOptions store;
  store.folder = options.folder;
  store.space = {.background = legend.background, .ignore = legend.ignore};
  store.class_names = legend.names;
  store.colours = voc_palette(256);
  std::copy(legend.colours.begin(), legend.colours.end(), store.colours.begin());
  if (!options.images.empty()) {  // where `label stats` and `view` look for pictures
    JsonObject data;
    store.job.set("data", data.set("root", fs::weakly_canonical(options.images).string()));
  }
  store.job.set("import", options.format).set("source", options.source).set("by", options.by);
  return store;
}

// The picture's path with its ending.
std::string picture_path(const LabelImportOptions& options, const std::string& picture,
                         const std::string& file) {
  if (is_picture_name(picture)) return path_below(picture);
  check(!options.images.empty(), "labels", file, ": names its picture '", picture,
        "' without an ending; --images must say where the pictures are");
  const std::optional<std::string> found =
      picture_with_stem(fs::path(options.images) / fs::path(path_below(picture)).parent_path(),
                        fs::path(picture).filename().string());
  check(found.has_value(), "labels", file, ": there is no picture '", picture, "' in ", options.images);
  return fs::path(*found).lexically_relative(fs::path(options.images).lexically_normal()).generic_string();
}

void add_all(const LabelImportOptions& options, LabelImportCounts& counts) {
  const LabelLegend legend = legend_of_new(options);
  LabelStore store(store_options(options, legend));
  store.begin({});
  Provenance provenance(options);
  std::vector<Item> items;
  each_label(options, legend, counts, [&](const std::string& picture, const std::string& file, auto& read) {
    const Tensor labels = read().labels;
    Item item;
    item.name = picture_path(options, picture, file);
    for (const std::int32_t value : values_in(labels))
      if (value != legend.background && value != legend.ignore) item.classes.push_back(value);
    items.push_back(item);
    JsonObject made;
    add_shares(made, labels, legend);
    made.set("members", std::vector<JsonObject>{}).set("imported", provenance.of(file));
    store.write(item, item.name, labels, made);
    ++counts.added;
  });
  store.check_names(items);
  for (const Failure& failure : counts.failures) {
    items.push_back({0, failure.id, "", "", {}});
    store.fail(items.back(), failure.stage, failure.error);
  }
  store.finish(items);
}

}  // namespace

LabelImportCounts import_labels(const LabelImportOptions& options) {
  check(!options.by.empty(), "labels", "corrections need the name of who made them");
  LabelImportCounts counts;
  if (fs::exists(options.folder + "/manifest.jsonl"))
    correct(options, counts);
  else
    add_all(options, counts);
  return counts;
}

}  // namespace clearcut
