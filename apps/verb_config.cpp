#include <CLI/CLI.hpp>

#include <iostream>
#include <map>

#include "apps/verbs.h"
#include "train/job.h"
#include "train/pipeline.h"

namespace clearcut::apps {

namespace {

/// A training configuration with every key that it may have; anything else as the file has it.
int show(const CommonOptions& common) {
  const Config plain = Config::without_references(common.config);
  std::vector<std::string> set = common.set;
  if (plain.has("stages")) set.insert(set.begin(), "work=WORK");  // the pipeline's folder
  const Config config = Config::load(common.config, set);
  if (plain.has("task")) read_train_job(config);  // reading a key writes its default into the tree
  std::cout << config.effective();
  return kDone;
}

/// Reads a training configuration or a pipeline as the verbs do, without opening data.
int check_file(const CommonOptions& common) {
  const Config config = Config::without_references(common.config);
  if (config.has("stages"))
    check_pipeline({.file = common.config, .overrides = common.set, .work_dir = "WORK"});
  else
    read_train_job(Config::load(common.config, common.set));
  std::cout << common.config << ": no mistakes\n";
  return kDone;
}

struct Diff {
  std::string first, second;
};

/// Prints "- key: value" and "+ key: value" for what differs, ${...} as it stands; exit code 0 if nothing
/// does, else 1.
int diff(const Diff& files) {
  const auto a = Config::without_references(files.first).leaves(),
             b = Config::without_references(files.second).leaves();
  const std::map<std::string, std::string> in_a(a.begin(), a.end()), in_b(b.begin(), b.end());
  bool same = true;
  const auto print = [&](char sign, const auto& leaf, const auto& other) {
    const auto found = other.find(leaf.first);
    if (found != other.end() && found->second == leaf.second) return;
    same = false;
    std::cout << sign << " " << leaf.first << ": " << leaf.second << "\n";
  };
  for (const auto& leaf : a) {
    print('-', leaf, in_b);
    if (const auto other = in_b.find(leaf.first); other != in_b.end()) print('+', *other, in_a);
  }
  for (const auto& leaf : b)
    if (!in_a.contains(leaf.first)) print('+', leaf, in_a);
  return same ? kDone : kError;
}

}  // namespace

void add_config(CLI::App& app, Session& session) {
  auto* config = app.add_subcommand("config", "show, check or compare configurations");
  config->require_subcommand(1);

  auto* show_verb =
      config->add_subcommand("show", "print every key with its value: _base_, overrides and ${...} applied");
  add_common(*show_verb, session, kConfig);
  on_run(*show_verb, session, [&session] { return show(session.common); });

  auto* check_verb = config->add_subcommand("check", "find unknown keys and wrong values; opens no data");
  add_common(*check_verb, session, kConfig);
  on_run(*check_verb, session, [&session] { return check_file(session.common); });

  auto* diff_verb = config->add_subcommand("diff", "print the keys that differ; exit code 1 if any does");
  auto files = std::make_shared<Diff>();
  diff_verb->add_option("first", files->first, "a configuration")->required();
  diff_verb->add_option("second", files->second, "another one")->required();
  on_run(*diff_verb, session, [files] { return diff(*files); });
}

}  // namespace clearcut::apps
