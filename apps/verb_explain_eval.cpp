// clearcut explain-eval: how good explanations are, by measures that need no opinion.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "apps/explain_options.h"
#include "data/jsonl.h"
#include "data/picture.h"
#include "explain/fuse.h"
#include "explain/measures/measure_run.h"
#include "tensor/cpu/isa.h"
#include "tensor/cuda_device.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "train/config.h"
#include "train/measure_report.h"

namespace clearcut::apps {

namespace {

namespace fs = std::filesystem;

struct EvalWords {
  ExplainWords explain;
  DataWords data;
  std::string measures = "all", select, out, shuffled, patch;
};

// "all" is what there is something to judge with; a measure that is named must have it.
std::vector<MeasureChoice> measures_of(const EvalWords& w, bool masks) {
  Evidence there;
  if (masks) there.inside = Tensor::zeros({1, 1}, DType::kUInt8);
  there.consensus = Tensor::zeros({1, 1});
  if (!w.patch.empty()) there.patch = Target{};
  const auto can = [&](const MeasureRow& row) {
    return row.needs == Needs::kShuffled ? !w.shuffled.empty() : can_judge(row, there);
  };
  std::vector<MeasureChoice> measures;
  if (w.measures == "all") {
    for (const MeasureRow& row : measure_rows())
      if (can(row)) measures.push_back(parse_measure(row.name));
    return measures;
  }
  for (const std::string& text : split_words(w.measures)) {
    measures.push_back(from_option("--measures", [&] { return parse_measure(text); }));
    const MeasureRow& row = *measures.back().row;
    if (!can(row))
      throw ConfigError(cat("--measures: ", row.name, " needs ", words_of(row.needs),
                            row.needs == Needs::kMask       ? "; give --masks or a format that has masks"
                            : row.needs == Needs::kShuffled ? "; give --shuffled"
                                                            : "; give --patch"));
  }
  return measures;
}

class EvalJob {
 public:
  EvalJob(const EvalWords& words, const CommonOptions& common)
      : w_(words),
        common_(common),
        data_(open_data(words.data, words.select)),
        run_(load_classifiers(words.explain.models, device_of(common)),
             load_classifiers(words.shuffled, device_of(common)), options(), data_.class_names,
             classes_in(data_)) {
    if (common.limit > 0 && static_cast<std::size_t>(common.limit) < data_.items.size())
      data_.items.resize(static_cast<std::size_t>(common.limit));
  }

  int run();

 private:
  MeasureRunOptions options() const;
  JsonObject settings() const;
  std::string file(const std::string& name) const { return w_.out + "/" + name; }
  void check_folder() const;
  std::map<std::string, std::vector<Judgement>> read_done() const;
  std::vector<Judgement> judge(const Item& item);
  void finish(const std::map<std::string, std::vector<Judgement>>& done) const;

  const EvalWords& w_;
  const CommonOptions& common_;
  Dataset data_;
  MeasureRun run_;
};

MeasureRunOptions EvalJob::options() const {
  const EnsembleOptions shared = ensemble_options(w_.explain, common_);
  return {.explainers = shared.explainers,
          .measures = measures_of(w_, data_.masks != MaskFormat::kNone),
          .framing = shared.framing,
          .groups = shared.groups,
          .patch = w_.patch,
          .skip_unfit = w_.explain.explainers == "all",
          .seed = shared.seed,
          .budget_bytes = shared.budget_bytes};
}

// What the numbers depend on: decoders differ by a few levels of a pixel, which moves probabilities by per
// cents.
JsonObject EvalJob::settings() const {
  std::vector<std::string> files = split_words(w_.explain.models);
  for (const std::string& name : split_words(w_.shuffled)) files.push_back(name);
  const Device device = device_of(common_);
  JsonObject json = run_.settings();
  const DatasetSpec& data = w_.data.spec;
  json.set("data", std::vector<std::string>{data.format, data.root, data.labels, data.masks})
      .set("ignore", data.ignore)
      .set("minus_one_ignored", data.pssl_minus_one_ignored);
  std::vector<std::string> words;  // files that say what is asked for: groups and priors
  if (!w_.explain.groups.empty()) words.push_back(w_.explain.groups);
  for (const ExplainOptions& o : run_.options().explainers)
    if (!o.prior.empty()) words.push_back(o.prior);
  json.set("word_hashes", file_hashes(words));
  json.set("hashes", file_hashes(files)).set("decoder", picture_decoder()).set("exif", w_.explain.exif);
  return json.set("isa", device == Device::kCpu ? std::string(isa_table().name) : described(device));
}

// What lies there must be of the same settings, or be thrown away on purpose.
void EvalJob::check_folder() const {
  if (!fs::exists(file("settings.json"))) return;
  if (common_.fresh) {
    fs::remove(file("pictures.jsonl"));
    return;
  }
  if (!common_.resume)
    throw ConfigError(
        cat(w_.out, " holds measures of an earlier run; --resume goes on, --fresh starts anew"));
  if (read_text(file("settings.json")) != settings().pretty())
    throw ConfigError(
        cat(w_.out, " was made with other settings, see its settings.json; --fresh starts anew"));
}

std::map<std::string, std::vector<Judgement>> EvalJob::read_done() const {
  std::map<std::string, std::vector<Judgement>> done;
  if (!common_.resume || !fs::exists(file("pictures.jsonl"))) return done;
  for (const JsonObject& line : read_jsonl(file("pictures.jsonl")))
    for (const JsonObject& one : line.objects("judgements"))
      done[line.text("id")].push_back(judgement_of(one, run_.options().measures));
  return done;
}

std::vector<Judgement> EvalJob::judge(const Item& item) {
  const Tensor picture = read_picture(item.image, picture_options(w_.explain));
  Tensor truth;
  if (data_.masks != MaskFormat::kNone && !item.mask.empty()) {
    truth = read_mask(data_, item);
    check_mask(data_, item, truth, picture.dim(0), picture.dim(1));
  }
  return run_.judge(item, picture, truth, data_.ignore);
}

void EvalJob::finish(const std::map<std::string, std::vector<Judgement>>& done) const {
  std::vector<Judgement> all;  // in the order of the data set, however often the run was cut
  std::int64_t pictures = 0;
  for (const Item& item : data_.items) {
    const auto found = done.find(item.name);
    if (found == done.end()) continue;
    all.insert(all.end(), found->second.begin(), found->second.end());
    ++pictures;
  }
  if (all.empty()) return;
  const MeasureReport report{.rows = summarise(all, run_.options().measures),
                             .measures = run_.options().measures,
                             .pictures = pictures,
                             .data = w_.data.spec.root};
  std::vector<JsonObject> rows;
  for (const MeasuredMember& row : report.rows) rows.push_back(to_json(row, report.measures));
  JsonObject summary;
  summary.set("settings", settings()).set("pictures", pictures).set("rows", rows);
  summary.write(file("summary.json"));
  write_measure_report(file("index.html"), report);
  std::cout << measure_table_text(report);
}

int EvalJob::run() {
  check_folder();
  std::map<std::string, std::vector<Judgement>> done = read_done();
  settings().write(file("settings.json"));
  JsonlWriter lines(file("pictures.jsonl"));
  Progress progress("explain-eval", static_cast<std::int64_t>(data_.items.size()), progress_of(common_),
                    static_cast<std::int64_t>(done.size()));
  std::vector<Failure> failures;
  for (const Item& item : data_.items) {
    if (done.count(item.name) > 0) continue;
    stop_if_interrupted("explain-eval", "--resume goes on");
    try {
      const std::vector<Judgement> found = judge(item);
      std::vector<JsonObject> judgements;
      for (const Judgement& j : found) judgements.push_back(to_json(j, run_.options().measures));
      lines.write(JsonObject().set("id", item.name).set("judgements", judgements));
      done[item.name] = found;
    } catch (const Error& error) {
      failures.push_back({.id = item.name, .stage = "explain-eval", .error = error.what()});
    }
    progress.advance(1, failures.empty() ? "" : cat(failures.size(), " failed"));
  }
  write_failures(file("failures.jsonl"), failures);
  finish(done);
  std::cout << data_.items.size() - failures.size() << " pictures judged, " << failures.size()
            << " failed; look at " << file("index.html") << "\n";
  return failures.empty() ? kDone : kSomeFailed;
}

}  // namespace

void add_explain_eval(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("explain-eval", "how good explanations are: measures, curves, a table");
  auto w = std::make_shared<EvalWords>();
  add_explain_words(*verb, w->explain);
  verb->get_option("--model")->required();
  add_data_words(*verb, w->data);
  verb->add_option("--measures", w->measures,
                   cat("all, or some of ", measure_names(),
                       ", separated by commas; settings behind a colon: deletion:steps=28"))
      ->capture_default_str();
  verb->add_option("--select", w->select, "file of item names: only these")->check(CLI::ExistingFile);
  verb->add_option(
      "--shuffled", w->shuffled,
      "for label_randomisation: for each classifier the same network trained on shuffled labels");
  verb->add_option("--patch", w->patch, "for pasted_patch: the class of pictures with a patch");
  verb->add_option("-o,--out", w->out, "folder for pictures.jsonl, summary.json, index.html")->required();
  add_common(*verb, session, kCompute | kMemory | kSeed | kProgress | kResume);
  verb->add_option("--limit", session.common.limit, "only the first N pictures");
  on_run(*verb, session, [w, &session] { return EvalJob(*w, session.common).run(); });
  verb->add_flag_callback(
      "--table",
      [] {
        std::cout << measure_document();
        throw CLI::Success();
      },
      "print what measures there are, as in docs/measures.md");
}

}  // namespace clearcut::apps
