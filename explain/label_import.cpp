#include "explain/label_import.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "data/file_names.h"
#include "data/labels/files.h"
#include "explain/corrected_folder.h"
#include "explain/label_store.h"
#include "tensor/error.h"
#include "tensor/interrupt.h"
#include "tensor/sha256.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

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

/// Who made a label. Files are read once: many labels may come from one shard, in turn with those of others.
class Provenance {
 public:
  explicit Provenance(const LabelImportOptions& options) : options_(options) {}
  /// `file`: "PATH" or "SHARD: NAME".
  JsonObject of(const std::string& file) {
    const std::string path = fs::exists(file) ? file : file.substr(0, file.find(": "));
    auto seen = seen_.find(path);
    if (seen == seen_.end())
      seen = seen_
                 .emplace(path, Seen{sha256(read_file(path)),
                                     options_.when.empty() ? time_of(path) : options_.when})
                 .first;
    JsonObject entry;
    entry.set("by", options_.by).set("when", seen->second.when).set("format", options_.format);
    return entry.set("file", file).set("sha256", seen->second.hash);
  }

 private:
  const LabelImportOptions& options_;
  struct Seen {
    std::string hash, when;
  };
  std::map<std::string, Seen> seen_;
};

std::int64_t pixels_changed(const Tensor& a, const Tensor& b) {
  check(a.shape() == b.shape(), "labels", "a label and its original must have one size; they have ",
        a.shape(), " and ", b.shape());
  const auto *p = a.data<const std::int32_t>(), *q = b.data<const std::int32_t>();
  std::int64_t changed = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) changed += p[i] != q[i];
  return changed;
}

void add_shares(JsonObject& entry, const Tensor& labels, const LabelLegend& legend) {
  const LabelShares shares = label_shares(labels, {.background = legend.background, .ignore = legend.ignore});
  entry.set("coverage", rounded(shares.foreground)).set("ignored", rounded(shares.ignored));
}

/// Goes through the source twice: for begin(names of the pictures), so that a damaged one is refused before
/// anything is changed, and for `put`, which handles one label and may throw Error.
template <class Begin, class Put>
void each_label(const LabelImportOptions& options, const LabelLegend& legend, LabelImportCounts& counts,
                const Begin& begin, const Put& put) {
  const FileSource source(options.source);
  const LabelFileFormat& format = label_file_format(options.format);
  std::vector<std::string> names;
  format.read(source, legend, options.read,
              [&](const std::string& picture, const auto&, const auto&) { names.push_back(picture); });
  begin(names);
  const auto total = static_cast<std::int64_t>(names.size());
  std::int64_t done = 0;
  format.read(source, legend, options.read,
              [&](const std::string& picture, const std::string& file, const auto& read) {
                stop_if_interrupted("label import");
                try {
                  put(picture, file, read);
                } catch (const Error& error) {
                  counts.failures.push_back({.id = picture, .stage = "import", .error = error.what()});
                }
                if (options.progress) options.progress(++done, total);
              });
}

// Labels of pictures that failed before are left out.
void correct(const LabelImportOptions& options, LabelImportCounts& counts) {
  const CorrectedFolder folder(options.folder);
  std::set<std::string> failed;
  for (const Failure& failure : counts.failures) failed.insert(failure.id);
  Provenance provenance(options);
  std::map<std::string, JsonObject> corrections;
  const auto put = [&](const std::string& picture, const std::string& file, auto& read) {
    if (failed.contains(picture)) return;
    const LabelPlace& place = folder.find(picture, file);
    check(!place.label.empty(), "labels", file, ": '", place.id, "' has no label in ", options.folder);
    const Tensor labels = read().labels;
    const Tensor before = folder.read(place, place.label);
    check(labels.shape() == before.shape(), "labels", file, ": the label of '", picture, "' is ",
          labels.shape(), ", the one it replaces ", before.shape());
    if (pixels_changed(labels, before) == 0 && folder.is_known(place)) {
      ++counts.unchanged;
      return;
    }
    const Bytes fresh = folder.encode(place, labels, options.read.minus_one_ignored);
    JsonObject entry = provenance.of(file);
    folder.keep_original(place);
    folder.write(place, fresh);
    folder.trust(place, labels);
    const auto changed =
        static_cast<double>(pixels_changed(labels, folder.read(place, folder.original_of(place))));
    entry.set("changed", rounded(changed / static_cast<double>(labels.numel())));
    add_shares(entry, labels, folder.legend());
    entry.set("label_sha256", sha256(fresh)).set("original", folder.original_of(place));
    corrections.insert_or_assign(place.id, entry);
    ++counts.corrected;
  };
  try {
    each_label(
        options, folder.legend(), counts, [](const auto&) {}, put);
  } catch (...) {  // as by Ctrl-C: who made the labels so far is not lost
    if (!corrections.empty()) folder.update(corrections);
    throw;
  }
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
  std::copy_n(legend.colours.begin(), std::min(legend.colours.size(), store.colours.size()),
              store.colours.begin());
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

/// The folder came from this very import, and some of its labels failed.
bool is_unfinished(const LabelImportOptions& options) {
  const std::string job = options.folder + "/job.json";
  if (options.classes.empty() || !fs::exists(options.folder + "/failures.jsonl") || !fs::exists(job))
    return false;
  const JsonObject there = JsonObject::read(job);
  JsonObject here = store_options(options, legend_of_new(options)).job;
  // The store adds the names of the classes, and refuses others.
  return there.has("class_names") &&
         job_hash(there) == job_hash(here.set("class_names", there.text("class_names")));
}

/// The classes of the pictures that have a label, by their ids.
std::map<std::string, std::vector<int>> classes_there(const std::string& folder) {
  std::map<std::string, std::vector<int>> classes;
  const std::string manifest = folder + "/manifest.jsonl";
  if (!fs::exists(manifest)) return classes;
  for_each_line(manifest, [&](std::string_view text, std::int64_t) {
    const JsonObject line = JsonObject::parse(text, manifest);
    const std::vector<std::int64_t> values = line.integers("classes");
    classes[line.text("id")] = {values.begin(), values.end()};
  });
  return classes;
}

// Labels that are there stay as they are.
void add_missing(const LabelImportOptions& options, LabelImportCounts& counts) {
  const LabelLegend legend = legend_of_new(options);
  LabelStore store(store_options(options, legend));
  const std::map<std::string, std::vector<int>> there = classes_there(options.folder);
  Provenance provenance(options);
  std::vector<Item> items;
  const auto begin = [&](const std::vector<std::string>& names) {
    std::vector<Item> named(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) named[i].name = names[i];
    store.begin(named);
  };
  each_label(options, legend, counts, begin,
             [&](const std::string& picture, const std::string& file, auto& read) {
               Item item;
               item.name = picture_path(options, picture, file);
               if (const auto known = there.find(item.name); known != there.end()) {
                 item.classes = known->second;
                 items.push_back(item);
                 return;
               }
               const Tensor labels = read().labels;
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
  const bool fresh = !fs::exists(options.folder + "/manifest.jsonl");
  if (fresh || is_unfinished(options)) add_missing(options, counts);
  if (!fresh) correct(options, counts);
  return counts;
}

}  // namespace clearcut
