// clearcut: from class labels to a segmentation model.
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "apps/version.h"
#include "tensor/collective.h"
#include "tensor/interrupt.h"
#include "train/config.h"
#include "train/numerical.h"

namespace clearcut::apps {

void add_status(CLI::App& app, Session& session);  // apps/verb_status.cpp
void add_viz(CLI::App& app, Session& session);     // apps/verb_viz.cpp

namespace {

void add_verbs(CLI::App& app, Session& session) {
  add_train(app, session);
  add_eval(app, session);
  add_predict(app, session);
  add_run(app, session);
  add_data(app, session);
  add_model(app, session);
  add_explain(app, session);
  add_explain_prior(app, session);
  add_explainers(app, session);
  add_explain_eval(app, session);
  add_label(app, session);
  add_status(app, session);
  add_report(app, session);
  add_viz(app, session);
  add_view(app, session);
  add_config(app, session);
  add_check(app, session);
  add_bench(app, session);
}

int run(const std::function<int()>& action, bool silent = false) {
  const auto ended = [silent](const char* text, ExitCode code) {
    if (!silent) std::cerr << "clearcut: " << text << "\n";
    return code;
  };
  try {
    return action();
  } catch (const SaidByAnotherRank& same) {
    return run([&]() -> int { std::rethrow_exception(same.error); }, /*silent=*/true);
  } catch (const ConfigError& error) {
    return ended(error.what(), kUsage);
  } catch (const NumericalError& error) {
    return ended(error.what(), kNumerical);
  } catch (const Interrupted& stop) {
    return ended(stop.what(), kInterrupted);
  } catch (const std::bad_alloc&) {
    return ended("memory: the system has no memory left; try a smaller batch or --mem-budget", kError);
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string text = cat("files: ", error.path1().string(), ": ", error.code().message(),
                                 "; name another place, or see to its rights and room");
    return ended(text.c_str(), kError);
  } catch (const std::exception& error) {
    return ended(error.what(), kError);
  }
}

/// Starts the program anew with OpenMP threads that soon sleep, unless the user has chosen. libgomp reads its
/// settings before main(). Threads that spin for long take the cores from whoever has work: on a machine with
/// other load training was 60 times slower. Those that sleep at once are woken late: one picture through
/// ResNet-50, two threads, took 50 instead of 45 ms. 5000 rounds are about a tenth of a millisecond.
void let_idle_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  setenv("GOMP_SPINCOUNT", "5000", 1);
  execv("/proc/self/exe", argv);  // returns only if it fails; then all goes on, slower
}

int main(int argc, char** argv) {
  let_idle_threads_sleep(argv);
  CLI::App app{"clearcut turns pictures with class labels into a segmentation model."};
  app.set_version_flag("--version", version_text());
  app.set_help_all_flag("--help-all", "the options of all verbs");
  app.require_subcommand(1);
  Session session;
  add_verbs(app, session);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);  // prints help, version or the mistake
    return code == 0 ? kDone : kUsage;
  }
  catch_interrupts();
  return run(session.action);
}

}  // namespace
}  // namespace clearcut::apps

int main(int argc, char** argv) { return clearcut::apps::main(argc, argv); }
