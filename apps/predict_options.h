// How verbs take the options of evaluation and prediction: each becomes a key of the section `eval`.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace clearcut::apps {

/// "key=value" of the options that were given, in order; Config::parse("", name, *keys) reads them.
using KeyValues = std::shared_ptr<std::vector<std::string>>;

/// --scales, --flip, --resize-short, --pad, --slide, --stride, --blend: the keys of read_predict_options().
void add_predict_options(CLI::App& verb, const KeyValues& keys);
/// --absent, --background, --bootstrap, --boundary: the keys of read_evaluate_options().
void add_score_options(CLI::App& verb, const KeyValues& keys);

}  // namespace clearcut::apps
