#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/verbs.h"
#include "train/summary.h"

namespace clearcut::apps {

void add_report(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("report", "print the tables of a run's summary.json as Markdown");
  auto path = std::make_shared<std::string>();
  verb->add_option("summary", *path, "summary.json of a run")->required();
  on_run(*verb, session, [path] {
    std::cout << markdown_table(Summary::read(*path));
    return kDone;
  });
}

}  // namespace clearcut::apps
