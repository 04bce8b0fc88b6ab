// Options that describe a network by name, for verbs that make one.
#pragma once

#include <string>

#include "models/card.h"

namespace CLI {
class App;
}

namespace clearcut::apps {

struct NetworkOptions {
  std::string classes_file;
  std::int64_t classes = 1000;
  ModelSpec spec;  // width and output stride
  bool no_auxiliary = false;
};

constexpr const char* kNetworkOptions[] = {"--classes", "--class-count", "--width", "--output-stride",
                                           "--no-auxiliary"};
void add_network_options(CLI::App& verb, NetworkOptions& options);
/// True if `name` is that of a network, and not a path.
bool is_network(const std::string& name);
/// The card of a classifier or segmenter called `name`, with its classes but the default input.
ModelCard card_of(const std::string& name, const NetworkOptions& options);

}  // namespace clearcut::apps
