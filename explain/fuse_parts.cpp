// What fuse() stands on: label values, provenance, reading pictures.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "data/file_names.h"
#include "data/pssl_layout.h"
#include "explain/fuse.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

namespace fs = std::filesystem;

LabelPlan plan_labels(const Dataset& data, LabelLayout layout) {
  LabelPlan plan{
      .space = {}, .shift = 0, .class_names = data.class_names, .colours = data.colours, .folders = {}};
  if (layout != LabelLayout::kPng) {
    // Only the object and the rest are stored; any two values apart from the classes will do here.
    const auto C = static_cast<int>(data.class_names.size());
    plan.space = {.background = C, .ignore = C + 1};
    plan.folders = data.wnids.size() == data.class_names.size() ? data.wnids : data.class_names;
    for (const std::string& name : plan.folders)
      check(!name.empty() && name[0] != '.' && name.find('/') == std::string::npos, "labels",
            "the published layout has a folder for each class, and '", name,
            "' cannot name one; change it in the class file");
    return plan;
  }
  plan.space.background = data.background;
  if (data.background < 0) {
    plan.shift = 1;
    plan.space.background = 0;
    plan.class_names.insert(plan.class_names.begin(), "background");
    plan.colours = voc_palette(256);
  }
  plan.space.ignore = plan.class_names.size() > 255 ? 65535 : 255;
  if (!plan.colours.empty() && plan.space.ignore == 255) {
    plan.colours.resize(256);
    plan.colours[255] = {224, 224, 192};
  }
  return plan;
}

void check_layout(LabelLayout layout, bool flatten, const LabelRule& rule) {
  check(layout == LabelLayout::kPng || flatten || rule.bg == rule.fg, "labels",
        "the published layout has no ignored pixels, but the rule ", describe(rule),
        " leaves a band; --flatten makes it background");
  check(layout != LabelLayout::kPsslLevels || rule.fg == kPsslTopLevel / 10.0, "labels", "level ",
        kPsslTopLevel, " is the object: the rule's threshold must be 0.9; got ", describe(rule),
        ". Readers take lower levels by --level");
}

std::string file_hash(const std::string& path) {
  std::vector<fs::path> files;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
  } else {
    files.emplace_back(path);
  }
  std::string all;
  for (const fs::path& file : files) {
    const Bytes bytes = read_file(file.string());
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    all += file.lexically_relative(path).generic_string() + cat(":", hash_name(text), ";");
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash_name(all)));
  return text;
}

std::vector<std::string> file_hashes(const std::vector<std::string>& paths) {
  std::vector<std::string> hashes;
  for (const std::string& path : paths) hashes.push_back(file_hash(path));
  return hashes;
}

namespace {

/// What computes the maps, or has computed them.
std::string isa_of(const Members& members) {
  const auto* kept = dynamic_cast<const KeptMembers*>(&members);
  if (kept == nullptr) return members.computed_with({});
  return kept->job().has("isa") ? kept->job().text("isa") : "";
}

}  // namespace

JsonObject describe_job(const Members& members, const std::vector<std::string>& classifier_hashes,
                        const FuseOptions& options) {
  const EnsembleOptions& e = members.options();
  std::vector<JsonObject> classifiers;
  for (std::size_t k = 0; k < members.classifiers(); ++k) {
    JsonObject one;
    one.set("name", members.classifier_name(k)).set("hash", classifier_hashes.at(k));
    classifiers.push_back(std::move(one));
  }
  std::vector<std::string> explainers;
  for (const ExplainOptions& explainer : e.explainers) explainers.push_back(describe(explainer));
  JsonObject job;
  job.set("format", "clearcut labels 1").set("classifiers", classifiers).set("explainers", explainers);
  job.set("consensus", std::string(name_of(e.fusion.variant)))
      .set("wrong", std::string(name_of(e.fusion.wrong)));
  if (e.fusion.weights != MemberWeights::kUniform) job.set("weights", std::string(name_of(e.fusion.weights)));
  if (e.fusion.weights == MemberWeights::kAccuracy) job.set("accuracy", members.accuracy());
  if (options.keep_maps) job.set("maps", describe(*options.keep_maps));
  if (options.pixel_weights) job.set("pixel_weights", true);
  if (options.keep_consensus) job.set("keep_consensus", true);
  if (options.member_scores && !options.keep_maps) job.set("member_scores", true);  // they come with maps
  if (options.picture.apply_exif) job.set("exif", "apply");
  if (options.refine.refiner != Refiner::kNone) job.set("refine", describe(options.refine));
  job.set("rule", describe(options.rule)).set("vote_at", options.vote_at);
  job.set("framing", e.framing == Framing::kWhole ? "whole" : "short");
  job.set("working_side", e.working_side).set("regions", describe(e.superpixels));
  job.set("unlabelled", options.unlabelled == Unlabelled::kSkip ? "skip" : "background");
  job.set("seed", e.seed).set("decoder", picture_decoder()).set("isa", isa_of(members));
  if (!e.groups.empty()) job.set("groups", file_hash(e.groups));
  return job;
}

JsonObject describe_job(const KeptMembers& members, const FuseOptions& options) {
  const JsonObject& kept = members.job();
  std::vector<std::string> hashes;
  for (const JsonObject& one : kept.objects("classifiers")) hashes.push_back(one.text("hash"));
  const std::string turned = kept.has("exif") ? kept.text("exif") : "ignore",
                    asked = options.picture.apply_exif ? "apply" : "ignore";
  check(turned == asked, "maps", "the kept maps are of pictures read with --exif ", turned, "; got --exif ",
        asked);
  FuseOptions words = options;
  words.keep_maps = parse_keep(kept.text("maps"));
  JsonObject job = describe_job(members, hashes, words);
  job.set("framing", kept.text("framing")).set("seed", kept.integer("seed"));
  if (kept.has("groups")) job.set("groups", kept.text("groups"));
  return job;
}

std::vector<ReadPicture> read_pictures(const std::vector<Item>& items, const PictureOptions& options) {
  std::vector<ReadPicture> pictures(items.size());
  parallel_for(static_cast<std::int64_t>(items.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) try {
        pictures[i].picture = read_picture(items[i].image, options);
      } catch (const Error& error) {
        pictures[i].error = error.what();
      }
  });
  return pictures;
}

std::string image_path(const Dataset& data, const Item& item) {
  const fs::path relative = fs::path(item.image).lexically_relative(data.root);
  if (relative.empty() || relative.begin()->string() == "..") return fs::absolute(item.image).string();
  return relative.generic_string();
}

std::string consensus_path(const std::string& folder, const Item& item, int value) {
  return cat(folder, "/consensus/", path_below(item.name), ".", value, ".png");
}

int value_shift(const std::string& folder, const std::vector<std::string>& class_names) {
  const std::string path = folder + "/classes.txt";
  const std::vector<std::string> values = read_class_file(path).names;
  const auto first_class = [](const std::vector<std::string>& names) {
    const auto found =
        std::find_if(names.begin(), names.end(), [](const auto& n) { return n != "background"; });
    return static_cast<int>(found - names.begin());
  };
  const int shift = first_class(values) - first_class(class_names);
  bool same = first_class(values) < static_cast<int>(values.size());
  for (int c = first_class(class_names); c < static_cast<int>(class_names.size()); ++c) {
    const std::string& name = class_names[static_cast<std::size_t>(c)];
    if (name == "background" || c + shift >= static_cast<int>(values.size())) continue;
    same = same && values[static_cast<std::size_t>(c + shift)] == name;
  }
  if (same) return shift;
  const auto beginning = [](const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(4, names.size()); ++i)
      text += (i > 0 ? ", " : "") + names[i];
    return text + (names.size() > 4 ? ", ..." : "");
  };
  fail("labels", "the labels in ", folder,
       " have other classes than the data set, or another order: ", beginning(values), " (", path, "), here ",
       beginning(class_names), "; --classes gives the data set those that the labels were made with");
}

std::string weights_path(const Item& item) { return cat("weights/", path_below(item.name), ".png"); }

}  // namespace clearcut
