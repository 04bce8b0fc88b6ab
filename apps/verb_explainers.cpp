// clearcut explainers: what -x takes.
#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/verbs.h"
#include "explain/explainer_table.h"

namespace clearcut::apps {

void add_explainers(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("explainers", "the explainers by name: formula, settings, cost");
  auto page = std::make_shared<bool>(false);
  verb->add_flag("--page", *page, "all that is known of them in Markdown: docs/explainers.md");
  on_run(*verb, session, [page] {
    if (*page) {
      std::cout << explainers_page();
      return kDone;
    }
    for (const ExplainerFamily& family : explainer_families()) {
      std::cout << family.title << "\n";
      for (const ExplainerRow& row : family.rows)
        std::cout << "  " << describe(parse_explainer(row.name)) << "\n      " << row.formula << "\n";
    }
    return kDone;
  });
}

}  // namespace clearcut::apps
