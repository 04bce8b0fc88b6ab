// clearcut explain: maps of pictures as files, and one page to look at them.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <set>

#include "apps/explain_options.h"
#include "apps/explain_sheet.h"
#include "apps/explain_subject.h"
#include "data/file_names.h"
#include "data/text_lines.h"
#include "data/visual.h"
#include "explain/fuse.h"
#include "explain/superpixels.h"
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
  std::vector<std::string> save = {"npz", "heat", "sheet"};
  std::int64_t sheet = 50;
};

// Files as they are, folders with all pictures below them but those that an earlier run wrote to `out`. Names
// are unique: the path below the input.
std::vector<Item> find_pictures(const std::vector<std::string>& inputs, const std::string& out) {
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
    const std::vector<fs::path> files = pictures_below(input, out);
    check(!files.empty(), "explain", "the folder ", input, " has no pictures (.jpg, .jpeg, .png)");
    for (const fs::path& file : files) add(file, file.lexically_relative(input).generic_string());
  }
  std::vector<std::string> names;  // of the files, which are without the pictures' endings
  for (const Item& item : items) names.push_back(fs::path(item.name).replace_extension().generic_string());
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  check(twice == names.end(), "explain", "two inputs are called '", twice == names.end() ? "" : *twice,
        "' but for their endings, and would overwrite each other's maps; explain them into two folders");
  return items;
}

// Maps are told apart by the names of classifier and explainer, in files as in arrays.
template <class Name>
void refuse_twice(const char* option, std::size_t count, const Name& name) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < count; ++i)
    if (!seen.insert(name(i)).second)
      throw ConfigError(
          cat(option, ": '", name(i),
              "' comes twice, and its maps would overwrite each other; run it for each of them"));
}

class ExplainJob {
 public:
  ExplainJob(const ExplainVerb& verb, const CommonOptions& common)
      : v_(verb),
        common_(common),
        options_(ensemble_options(verb.explain, common)),
        report_("Explanations", cat("target: ", verb.target, "; every map is scaled for itself")) {
    const TargetWords target{verb.target, verb.explain.groups};
    if (target.of_segmenter() && options_.framing != Framing::kWhole)
      throw ConfigError("--framing: masks of segmenters lie over the whole picture; leave it out");
    for (const ExplainOptions& o : options_.explainers)
      if (target.of_segmenter() && o.flip)
        throw ConfigError(cat(
            "--explainer: flip=1 would mirror the picture under the mask of seg:CLASS@MASK; leave it out of ",
            o.explainer));
    refuse_twice("--explainer", options_.explainers.size(),
                 [&](std::size_t i) { return options_.explainers[i].explainer; });
    for (const std::string& path : split_words(verb.explain.models))
      subjects_.push_back(std::make_unique<ExplainSubject>(path, device_of(common), target));
    refuse_twice("--model", subjects_.size(), [&](std::size_t i) { return subjects_[i]->name(); });
    for (const auto& subject : subjects_)
      for (const ExplainOptions& o : options_.explainers)
        columns_.push_back(subject->name() + " " + o.explainer);
  }

  int run();

 private:
  void picture(const Item& item);
  std::vector<ExplainedMap> ask(const Item& item, const Tensor& picture, ExplainSubject& subject);
  void note(const Item& item, const Explanations& said, std::size_t x, const ExplainedMap& map);
  Explanations explained(Classifier& classifier, const ExplainInput& input, std::vector<std::string>& errors);
  std::string file(const Item& item, const std::string& end) const {
    return v_.out + "/" + fs::path(item.name).replace_extension().generic_string() + end;
  }
  bool saves(const std::string& what) const {
    return std::find(v_.save.begin(), v_.save.end(), what) != v_.save.end();
  }

  const ExplainVerb& v_;
  const CommonOptions& common_;
  EnsembleOptions options_;
  std::vector<std::unique_ptr<ExplainSubject>> subjects_;
  std::vector<std::string> columns_;
  Report report_;
  std::vector<PictureRow> rows_;
  std::unique_ptr<JsonlWriter> index_;
};

// All explainers at once, which shares passes. With -x all some may not fit the network: then each for
// itself, and errors stand in the place of maps.
Explanations ExplainJob::explained(Classifier& classifier, const ExplainInput& input,
                                   std::vector<std::string>& errors) {
  errors.assign(options_.explainers.size(), "");
  try {
    return explain_all(classifier, input, options_.explainers);
  } catch (const Error& error) {
    if (v_.explain.explainers != "all" || is_out_of_memory(error)) throw;
  }
  Explanations all = explain_all(classifier, input, {});
  all.by_explainer.resize(errors.size());
  for (std::size_t x = 0; x < errors.size(); ++x) try {
      all.by_explainer[x] = explain_all(classifier, input, {options_.explainers[x]}).by_explainer[0];
    } catch (const Error& error) {
      errors[x] = error.what();
    }
  return all;
}

std::vector<ExplainedMap> ExplainJob::ask(const Item& item, const Tensor& picture, ExplainSubject& subject) {
  const Preprocess& rule = subject.preprocess();
  const Frame frame = frame_of(rule, picture.dim(0), picture.dim(1), options_.framing);
  ExplainInput input{.x = to_batch(rule, {picture}, options_.framing)};
  input.items = {item.id};
  input.seed = hash_name(cat(options_.seed, "/", subject.name()));
  input.budget_bytes = options_.budget_bytes;
  Classifier& classifier = subject.ask(input);
  std::vector<std::string> errors;
  const Explanations said = explained(classifier, input, errors);
  std::vector<ExplainedMap> maps;
  for (std::size_t x = 0; x < errors.size(); ++x) {
    const Explanation& one = said.by_explainer[x];
    maps.push_back(
        {.model = subject.name(), .settings = describe(options_.explainers[x]), .error = errors[x]});
    if (!errors[x].empty()) continue;
    maps.back().map = map_to_picture(frame, one.maps[0]);
    maps.back().empty = one.empty[0];
    note(item, said, x, maps.back());
  }
  return maps;
}

// A line of index.jsonl and the heat map's file.
void ExplainJob::note(const Item& item, const Explanations& said, std::size_t x, const ExplainedMap& map) {
  const float* p = map.map.data<const float>();
  const auto [low, high] = std::minmax_element(p, p + map.map.numel());
  JsonObject line;
  line.set("id", item.name).set("image", fs::absolute(item.image).string()).set("classifier", map.model);
  line.set("explainer", map.settings).set("target", v_.target);
  line.set("probability", said.probability[0]).set("top1", said.top1[0]).set("seed", options_.seed);
  line.set("min", static_cast<double>(*low)).set("max", static_cast<double>(*high));
  index_->write(line.set("empty", map.empty));
  if (saves("heat"))
    write_png(file(item, cat(".", map.model, ".", options_.explainers[x].explainer, ".png")),
              heat_picture(map.map));
}

void ExplainJob::picture(const Item& item) {
  const Tensor picture = read_picture(item.image, picture_options(v_.explain));
  PictureRow row{.title = item.name, .cells = {{.picture = picture, .caption = ""}}};
  NamedTensors arrays;
  std::vector<ExplainedMap> all;
  for (const auto& subject : subjects_)
    for (ExplainedMap& map : ask(item, picture, *subject)) {
      if (map.map.defined())
        arrays.emplace_back(cat(map.model, ".", map.settings.substr(0, map.settings.find(':'))), map.map);
      row.cells.push_back({.picture = map.map.defined() ? heat_picture(map.map) : Tensor(),
                           .caption = map.empty ? "constant: says nothing" : map.error});
      all.push_back(std::move(map));
    }
  if (saves("npz")) write_npz(file(item, ".npz"), arrays);
  if (saves("sheet"))
    write_png(file(item, ".sheet.png"),
              explain_sheet(picture, superpixels(picture, options_.superpixels), item.name, all));
  const Tensor mean = consensus_of(all);
  row.cells.push_back({.picture = mean.defined() ? heat_picture(mean) : Tensor(), .caption = ""});
  if (static_cast<std::int64_t>(rows_.size()) < v_.sheet) rows_.push_back(std::move(row));
}

int ExplainJob::run() {
  std::vector<Item> items = find_pictures(v_.inputs, v_.out);
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
    columns_.emplace_back("consensus");
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
  verb->add_option(
          "--target", v->target,
          "top1, class:INDEX, or the name of a class or group; of a segmenter seg:CLASS@MASK, MASK a label "
          "PNG or 'predicted'")
      ->capture_default_str();
  verb->add_option("--save", v->save,
                   "npz: all maps of a picture; heat: one PNG for each; sheet: one PNG with all of them")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"npz", "heat", "sheet"}))
      ->capture_default_str();
  verb->add_option("--sheet", v->sheet, "pictures on the page")->capture_default_str();
  add_common(*verb, session, kCompute | kMemory | kSeed | kProgress);
  verb->add_option("--limit", session.common.limit, "only the first N pictures");
  on_run(*verb, session, [v, &session] { return ExplainJob(*v, session.common).run(); });
}

}  // namespace clearcut::apps
