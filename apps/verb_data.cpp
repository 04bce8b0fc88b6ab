#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/data_options.h"
#include "apps/explain_options.h"
#include "data/check.h"
#include "data/sets/published.h"

namespace clearcut::apps {

namespace {

struct Options {
  DatasetSpec spec;
  std::string exif = "ignore";
  std::string report;  // JSON
  std::size_t examples = 5;
  bool headers_only = false;
  std::string val;  // what check holds the data set against
};

void add_looking_options(CLI::App& verb, Options& o) {
  add_dataset_options(verb, o.spec);
  verb.add_option("--exif", o.exif, "orientation of photographs")
      ->check(CLI::IsMember({"ignore", "apply"}))
      ->capture_default_str();
  verb.add_option("--report", o.report, "write the whole result to this JSON file");
  verb.add_flag("--headers-only", o.headers_only,
                "do not decode pictures; finds no damage behind their headers");
}

DataReport look(const Dataset& data, const Options& o, const Session& session) {
  CheckOptions options;
  options.picture.apply_exif = o.exif == "apply";
  options.decode = !o.headers_only;
  Progress progress("data check", static_cast<std::int64_t>(data.items.size()), progress_of(session.common));
  options.progress = [&](std::int64_t done) { progress.update(done); };
  return check_data(data, options);
}

// Where --val says that the validation data are.
DatasetSpec validation_of(const Options& o) {
  DatasetSpec spec = o.spec;
  const bool by_split = spec.format == "csv" || is_published_format(spec.format);
  (spec.format == "folders" ? spec.root : by_split ? spec.split : spec.list) = o.val;
  return spec;
}

/// Both parts, and what only shows when they stand side by side.
int check_both(const Options& o, const Session& session, const Dataset& train) {
  const Dataset val = open_dataset(validation_of(o));
  const DataReport of_train = look(train, o, session), of_val = look(val, o, session);
  const std::vector<Finding> between = compare_splits(train, of_train, val, of_val);
  if (!o.report.empty())
    to_json(of_train, train)
        .set("val", to_json(of_val, val))
        .set("between", to_json(between))
        .write(o.report);
  std::cout << "training: " << describe(of_train, train, o.examples)
            << "\nvalidation: " << describe(of_val, val, o.examples)
            << "\ntraining against validation: " << describe(between, o.examples);
  const bool errors = has_errors(of_train.findings) || has_errors(of_val.findings) || has_errors(between);
  return errors ? kDataCheckFailed : kDone;
}

int check(Options& o, const Session& session) {
  const Dataset data = open_dataset(o.spec);
  if (!o.val.empty()) return check_both(o, session, data);
  const DataReport report = look(data, o, session);
  if (!o.report.empty()) to_json(report, data).write(o.report);
  std::cout << describe(report, data, o.examples);
  return has_errors(report.findings) ? kDataCheckFailed : kDone;
}

int stats(Options& o, const Session& session) {
  const Dataset data = open_dataset(o.spec);
  const DataReport report = look(data, o, session);
  if (!o.report.empty()) to_json(report, data).write(o.report);
  std::cout << describe_statistics(report, data);
  const bool errors = has_errors(report.findings);
  if (errors)
    std::cerr << "clearcut: some items have errors and are not counted; see `clearcut data check`\n";
  return errors ? kDataCheckFailed : kDone;
}

}  // namespace

void add_dataset_options(CLI::App& verb, DatasetSpec& spec) {
  verb.add_option("--root,root", spec.root, "folder of the data set")->required();
  verb.add_option("--format", spec.format, "layout of the data set; see docs/data.md")
      ->required()
      ->check(CLI::IsMember(dataset_formats()));
  verb.add_option("--list", spec.list, "list of items, relative to the root");
  verb.add_option("--split", spec.split, "published sets: train, val, ...; csv: rows of this split only");
  verb.add_option("--classes", spec.classes, "class file, relative to the root");
  verb.add_option("--images", spec.images, "folder of the pictures");
  verb.add_option("--masks", spec.masks, "folder of the masks");
  verb.add_option("--labels", spec.labels, "folder of PSSL labels");
  verb.add_option("--ignore", spec.ignore, "label value that counts for nothing")->capture_default_str();
  add_minus_one(verb, spec.pssl_minus_one_ignored);
  verb.add_option("--limit", spec.limit, "only the first N items; 0: all")->check(CLI::NonNegativeNumber);
}

void add_data(CLI::App& app, Session& session) {
  auto* data = app.add_subcommand("data", "check, describe, convert, split, pack or draw data sets");
  data->require_subcommand(1);

  auto o = std::make_shared<Options>();
  auto* check_verb =
      data->add_subcommand("check", "read everything; say what is wrong, why, and the fix (exit 3)");
  add_looking_options(*check_verb, *o);
  check_verb->add_option("--val", o->val,
                         "also check validation data and hold them against these: another list; a split of "
                         "published sets and csv; a folder, for format folders");
  check_verb->add_option("--examples", o->examples, "items named per finding")->capture_default_str();
  add_common(*check_verb, session, kProgress);
  on_run(*check_verb, session, [o, &session] { return check(*o, session); });

  auto* stats_verb = data->add_subcommand("stats", "pixels and pictures per class, sizes, file formats");
  add_looking_options(*stats_verb, *o);
  add_common(*stats_verb, session, kProgress);
  on_run(*stats_verb, session, [o, &session] { return stats(*o, session); });

  add_data_synth(*data, session);
  add_data_write(*data, session);
}

}  // namespace clearcut::apps
