#include "apps/predict_options.h"

#include <CLI/CLI.hpp>

namespace clearcut::apps {

namespace {

CLI::Option* add_key(CLI::App& verb, const KeyValues& keys, const std::string& option, const std::string& key,
                     const std::string& help) {
  const auto take = [keys, key](const std::string& value) { keys->push_back(key + "=" + value); };
  return verb.add_option_function<std::string>(option, take, help);
}

/// 0.75,1 stands for the list [0.75, 1].
void add_list(CLI::App& verb, const KeyValues& keys, const std::string& option, const std::string& key,
              const std::string& help) {
  const auto take = [keys, key](const std::string& value) { keys->push_back(key + "=[" + value + "]"); };
  verb.add_option_function<std::string>(option, take, help);
}

}  // namespace

void add_predict_options(CLI::App& verb, const KeyValues& keys) {
  add_list(verb, keys, "--scales", "scales", "average over these scales, as 0.75,1,1.25");
  verb.add_flag_callback(
      "--flip", [keys] { keys->push_back("flip=true"); }, "average with the mirrored picture");
  add_key(verb, keys, "--resize-short", "resize_short",
          "shorter side before the network; 0: as it is; default: the configuration's eval.resize_short");
  add_list(verb, keys, "--pad", "pad", "pad smaller pictures to HEIGHT,WIDTH");
  add_list(verb, keys, "--slide", "slide", "windows of HEIGHT,WIDTH (or SIDE) in place of the whole picture");
  add_key(verb, keys, "--stride", "stride", "from window to window, as a share of the window; default 0.5");
  add_key(verb, keys, "--blend", "blend", "weights where windows overlap: gauss (default) or mean");
}

void add_score_options(CLI::App& verb, const KeyValues& keys) {
  add_key(verb, keys, "--absent", "absent",
          "what the IoU of a class in neither counts: exclude (default), zero, or one as released")
      ->check(CLI::IsMember({"exclude", "zero", "one"}));
  verb.add_option_function<std::string>(
          "--background",
          [keys](const std::string& in) {
            keys->push_back(std::string("background_in_mean=") + (in == "in" ? "true" : "false"));
          },
          "the background class in the means or not; default in")
      ->check(CLI::IsMember({"in", "out"}));
  add_key(verb, keys, "--bootstrap", "bootstrap", "samples of the intervals; 0: none; default 1000");
  add_key(verb, keys, "--boundary", "boundary",
          "width of edges for boundary IoU as a share of the diagonal; 0: not measured; default 0.02");
}

}  // namespace clearcut::apps
