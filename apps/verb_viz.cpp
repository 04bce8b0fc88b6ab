#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/verbs.h"
#include "data/jsonl.h"
#include "tensor/file.h"
#include "train/study_page.h"

namespace clearcut::apps {

void add_viz(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("viz", "tables and charts from results that are kept");
  verb->require_subcommand(1);
  auto* study = verb->add_subcommand(
      "study",
      "the tables of a results file as Markdown; with -o also study.md and the learning curves as SVG");
  auto path = std::make_shared<std::string>();
  study->add_option("results", *path, "the file that `results` in a pipeline names")->required();
  add_common(*study, session, kWorkDir);
  on_run(*study, session, [&session, path] {
    const StudyPage page = study_page(read_jsonl(*path));
    std::cout << page.markdown;
    const std::string& folder = session.common.work_dir;
    if (folder.empty()) return kDone;
    write_file(folder + "/study.md", page.markdown);
    for (const auto& [name, svg] : page.charts) write_file(folder + "/" + name, svg);
    std::cerr << "written: study.md and " << page.charts.size() << " charts in " << folder << "\n";
    return kDone;
  });
}

}  // namespace clearcut::apps
