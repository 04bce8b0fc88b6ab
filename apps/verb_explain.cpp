// clearcut explain: maps of pictures as files, and one page to look at them.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "apps/explain_options.h"
#include "data/file_names.h"
#include "data/text_lines.h"
#include "data/visual.h"
#include "explain/class_targets.h"
#include "explain/fuse.h"
#include "tensor/interrupt.h"
#include "tensor/npy.h"
#include "tensor/random.h"
#include "train/config.h"
#include "train/report.h"

namespace clearcut::apps {

namespace {

namespace fs = std::filesystem;

struct ExplainVerb {
  ExplainWords explain;
  std::vector<std::string> inputs;
  std::string target = "top1", out;
  std::vector<std::string> save = {"npz", "heat"};
  std::int64_t sheet = 50;
};

// Files as they are, folders with all pictures below them. Names are unique: the path below the input.
std::vector<Item> find_pictures(const std::vector<std::string>& inputs) {
  std::vector<Item> items;
  const auto add = [&](const fs::path& file, const std::string& name) {
    items.push_back({.id = hash_name(name), .name = name, .image = file.string(), .mask = "", .classes = {}});
  };
  for (const std::string& input : inputs) {
    if (!fs::is_directory(input)) {
      check(fs::exists(input), "explain", "there is no ", input);
      add(input, fs::path(input).filename().string());
      continue;
    }
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(input))
      if (entry.is_regular_file() && is_picture_name(entry.path().string())) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    check(!files.empty(), "explain", "the folder ", input, " has no pictures (.jpg, .jpeg, .png)");
    for (const fs::path& file : files) add(file, file.lexically_relative(input).generic_string());
  }
  std::vector<std::string> names;
  for (const Item& item : items) names.push_back(item.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  check(twice == names.end(), "explain", "two inputs are called '", twice == names.end() ? "" : *twice,
        "'; explain them into two folders");
  return items;
}

class ExplainJob {
 public:
  ExplainJob(const ExplainVerb& verb, const CommonOptions& common)
      : v_(verb),
        common_(common),
        options_(ensemble_options(verb.explain, common)),
        classifiers_(load_classifiers(verb.explain.models, device_of(common))),
        report_("Explanations", cat("target: ", verb.target)) {
    for (const auto& classifier : classifiers_)
      for (const ExplainOptions& o : options_.explainers)
        columns_.push_back(classifier->name() + " " + o.explainer);
  }

  int run();

 private:
  Target target_of(const Classifier& classifier, int top1) const;
  void picture(const Item& item);
  void one_classifier(const Item& item, const Tensor& picture, Classifier& classifier, PictureRow& row,
                      NamedTensors& maps);
  std::string file(const Item& item, const std::string& end) const {
    return v_.out + "/" + fs::path(item.name).replace_extension().generic_string() + end;
  }
  bool saves(const std::string& what) const {
    return std::find(v_.save.begin(), v_.save.end(), what) != v_.save.end();
  }

  const ExplainVerb& v_;
  const CommonOptions& common_;
  EnsembleOptions options_;
  std::vector<std::unique_ptr<Classifier>> classifiers_;
  std::vector<std::string> columns_;
  Report report_;
  std::vector<PictureRow> rows_;
  std::unique_ptr<JsonlWriter> index_;
};

Target ExplainJob::target_of(const Classifier& classifier, int top1) const {
  if (v_.target == "top1") return {.classes = {top1}};
  if (v_.target.rfind("class:", 0) == 0) {
    const std::string number = v_.target.substr(6);
    if (is_whole_number(number)) {
      const int index = to_whole_number(number, "the class", "--target");
      if (index < 0 || index >= classifier.classes())
        throw ConfigError(cat("--target: class ", index, " is outside 0 to ", classifier.classes() - 1,
                              " of ", classifier.name()));
      return {.classes = {index}};
    }
  }
  const std::string name = v_.target.rfind("class:", 0) == 0 ? v_.target.substr(6) : v_.target;
  const std::vector<int> classes = class_targets(classifier, {name}, options_.groups)[0];
  if (classes.empty())
    throw ConfigError(cat("--target: ", classifier.name(), " has no class '", name,
                          "'; give top1, class:INDEX or the name of a class or group"));
  return {.classes = classes};
}

void ExplainJob::one_classifier(const Item& item, const Tensor& picture, Classifier& classifier,
                                PictureRow& row, NamedTensors& maps) {
  const Preprocess& rule = classifier.preprocess();
  const Frame frame = frame_of(rule, picture.dim(0), picture.dim(1), options_.framing);
  ExplainInput input{.x = to_batch(rule, {picture}, options_.framing)};
  input.items = {item.id};
  input.seed = hash_name(cat(options_.seed, "/", classifier.name()));
  input.budget_bytes = options_.budget_bytes;
  input.targets = {{.classes = {0}}};
  const int top1 = explain_all(classifier, input, {}).top1[0];
  input.targets = {target_of(classifier, top1)};
  const Explanations said = explain_all(classifier, input, options_.explainers);
  for (std::size_t x = 0; x < options_.explainers.size(); ++x) {
    const Explanation& one = said.by_explainer[x];
    const Tensor map = map_to_picture(frame, one.maps[0]);
    const std::string name = classifier.name() + "." + options_.explainers[x].explainer;
    const auto [low, high] =
        std::minmax_element(map.data<const float>(), map.data<const float>() + map.numel());
    JsonObject line;
    line.set("id", item.name).set("classifier", classifier.name());
    line.set("explainer", describe(options_.explainers[x])).set("target", v_.target);
    line.set("probability", said.probability[0]).set("top1", said.top1[0]).set("seed", options_.seed);
    line.set("min", static_cast<double>(*low)).set("max", static_cast<double>(*high));
    index_->write(line.set("empty", static_cast<bool>(one.empty[0])));
    const Tensor heat = heat_picture(map);
    if (saves("heat")) write_png(file(item, "." + name + ".png"), heat);
    maps.emplace_back(name, map);
    row.cells.push_back({.picture = heat,
                         .caption = cat("p ", std::round(said.probability[0] * 1000) / 1000,
                                        one.empty[0] ? ", says nothing" : "")});
  }
}

void ExplainJob::picture(const Item& item) {
  const Tensor picture = read_picture(item.image, picture_options(v_.explain));
  PictureRow row{.title = item.name, .cells = {{.picture = picture, .caption = ""}}};
  NamedTensors maps;
  for (const auto& classifier : classifiers_) one_classifier(item, picture, *classifier, row, maps);
  if (saves("npz")) write_npz(file(item, ".npz"), maps);
  if (static_cast<std::int64_t>(rows_.size()) < v_.sheet) rows_.push_back(std::move(row));
}

int ExplainJob::run() {
  std::vector<Item> items = find_pictures(v_.inputs);
  if (common_.limit > 0 && static_cast<std::size_t>(common_.limit) < items.size())
    items.resize(static_cast<std::size_t>(common_.limit));
  index_ = std::make_unique<JsonlWriter>(v_.out + "/index.jsonl", JsonlWriter::Mode::kFresh);
  Progress progress("explain", static_cast<std::int64_t>(items.size()), progress_of(common_));
  std::vector<Failure> failures;
  for (const Item& item : items) {
    stop_if_interrupted("explain", "the maps so far stay; start it again for all of them and the page");
    try {
      picture(item);
    } catch (const ConfigError&) {
      throw;
    } catch (const Error& error) {
      failures.push_back({.id = item.name, .stage = "explain", .error = error.what()});
    }
    progress.advance(1, failures.empty() ? "" : cat(failures.size(), " failed"));
  }
  write_failures(v_.out + "/failures.jsonl", failures);
  if (!rows_.empty()) {
    columns_.insert(columns_.begin(), "picture");
    report_.section("Maps, each scaled for itself");
    report_.pictures(columns_, rows_, 128);
    report_.write(v_.out + "/index.html");
  }
  std::cout << items.size() - failures.size() << " pictures explained, " << failures.size()
            << " failed; look at " << v_.out << "/index.html\n";
  return failures.empty() ? kDone : kSomeFailed;
}

}  // namespace

void add_explain(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("explain", "where classifiers see a class: maps, and a page of them");
  auto v = std::make_shared<ExplainVerb>();
  add_explain_words(*verb, v->explain);
  verb->get_option("--model")->required();
  verb->add_option("input", v->inputs, "pictures, or folders of pictures")->required();
  verb->add_option("-o,--out", v->out, "folder to write")->required();
  verb->add_option("--target", v->target, "top1, class:INDEX, or the name of a class or group")
      ->capture_default_str();
  verb->add_option("--save", v->save, "npz: all maps of a picture; heat: one PNG for each")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"npz", "heat"}))
      ->capture_default_str();
  verb->add_option("--sheet", v->sheet, "pictures on the page")->capture_default_str();
  add_common(*verb, session, kCompute | kMemory | kSeed | kProgress);
  verb->add_option("--limit", session.common.limit, "only the first N pictures");
  on_run(*verb, session, [v, &session] { return ExplainJob(*v, session.common).run(); });
}

}  // namespace clearcut::apps
