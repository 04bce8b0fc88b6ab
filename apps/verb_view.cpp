// clearcut view: a local page to look through a folder, or the same page as files.
#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/verbs.h"
#include "tensor/interrupt.h"
#include "train/view/server.h"
#include "train/view/site.h"

namespace clearcut::apps {

namespace {

struct ViewWords {
  ViewOptions view;
  std::string out;
  int port = 0;
};

int serve(const ViewSite& site, int port) {
  LoopbackServer server(port);
  // Other users of this machine reach the port too: the address has a part that only the terminal shows.
  const std::string root = "/" + random_word() + "/";
  std::cout << "http://127.0.0.1:" << server.port() << root << "   Ctrl-C ends it" << std::endl;
  server.serve(
      [&](const std::string& path) -> HttpAnswer {
        if (path.starts_with(root)) return site.answer(path.substr(root.size()));
        return {.status = 404, .body = "open the whole address that the terminal shows\n"};
      },
      [] { return interrupted(); });
  return kDone;
}

int view(const ViewWords& words, const CommonOptions& common) {
  const ViewSite site(words.view);
  if (words.out.empty()) return serve(site, words.port);
  Progress progress("view --export", site.items(), progress_of(common));
  site.write(words.out, [&](std::int64_t done) { progress.update(done); });
  std::cout << site.items() << " pictures; open " << words.out << "/index.html\n";
  return kDone;
}

}  // namespace

void add_view(CLI::App& app, Session& session) {
  auto* verb =
      app.add_subcommand("view", "look through a folder in a browser: pictures, maps, masks, numbers");
  auto w = std::make_shared<ViewWords>();
  verb->add_option("folder", w->view.folder,
                   "folder of `label fuse`, `explain`, `predict`, `train` or `run`; nothing in it is changed")
      ->required()
      ->check(CLI::ExistingDirectory);
  verb->add_option("--images", w->view.images, "folder of the pictures (default: where the folder says)")
      ->check(CLI::ExistingDirectory);
  verb->add_option("--masks", w->view.masks,
                   "folder of true masks to show beside: label PNGs, named as the pictures")
      ->check(CLI::ExistingDirectory);
  verb->add_option("--export", w->out,
                   "write the page as files to this folder, for a browser without a server");
  verb->add_option("--port", w->port, "of this machine alone, 127.0.0.1; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  verb->add_option("--limit", w->view.limit, "only the first N pictures; 0: all")
      ->check(CLI::NonNegativeNumber);
  add_common(*verb, session, kProgress);
  on_run(*verb, session, [w, &session] { return view(*w, session.common); });
}

}  // namespace clearcut::apps
