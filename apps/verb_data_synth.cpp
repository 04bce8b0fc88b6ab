#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/verbs.h"
#include "data/drawn.h"

namespace clearcut::apps {

void add_data_synth(CLI::App& data, Session& session) {
  struct Options {
    std::string out;
    DrawnSplits splits;
    DrawnOptions drawn;
  };
  auto* verb = data.add_subcommand("synth", "draw a data set of textured objects with exact masks");
  auto o = std::make_shared<Options>();
  verb->add_option("-o,--out", o->out, "folder to write")->required();
  verb->add_option("--train", o->splits.train, "pictures of the train split")->capture_default_str();
  verb->add_option("--val", o->splits.val, "pictures of the val split")->capture_default_str();
  verb->add_option("--size", o->drawn.size, "pixels of both sides")->capture_default_str();
  verb->add_option("--noise", o->drawn.noise, "deviation of the pixel noise, of 255")->capture_default_str();
  add_common(*verb, session, kSeed);
  on_run(*verb, session, [o, &session] {
    o->drawn.seed = session.common.seed;
    write_drawn(o->out, o->splits, o->drawn);
    std::cout << "drew " << o->splits.train << " train and " << o->splits.val << " val pictures in " << o->out
              << "\n";
    return kDone;
  });
}

}  // namespace clearcut::apps
