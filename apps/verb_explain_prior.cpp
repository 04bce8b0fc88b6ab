// clearcut explain-prior: what superpixels of many pictures say about their classes, for normlime and glime.
#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/explain_options.h"
#include "explain/class_targets.h"
#include "explain/global_prior.h"
#include "tensor/interrupt.h"
#include "tensor/random.h"

namespace clearcut::apps {

namespace {

struct PriorWords {
  ExplainWords explain;
  DataWords data;
  std::string select, out;
};

int learn(const PriorWords& w, const CommonOptions& common) {
  const EnsembleOptions options = ensemble_options(w.explain, common);
  const auto classifiers = load_classifiers(w.explain.models, device_of(common));
  if (options.explainers.size() != 1 || options.explainers[0].explainer != "normlime" ||
      classifiers.size() != 1)
    throw ConfigError("explain-prior: give one --model and, with its settings, one --explainer normlime");
  Classifier& net = *classifiers[0];
  Dataset data = open_data(w.data, w.select);
  if (common.limit > 0 && static_cast<std::size_t>(common.limit) < data.items.size())
    data.items.resize(static_cast<std::size_t>(common.limit));
  const auto targets = class_targets(net, data.class_names, options.groups);
  Passes passes(net, options.budget_bytes);
  PriorLearner learner(options.explainers[0]);
  Progress progress("explain-prior", static_cast<std::int64_t>(data.items.size()), progress_of(common));
  for (const Item& item : data.items) {
    stop_if_interrupted("explain-prior", "nothing is kept; start it again");
    const Tensor x =
        to_batch(net.preprocess(), {read_picture(item.image, picture_options(w.explain))}, options.framing);
    for (const int label : item.classes) {
      const std::vector<int>& classes = targets[static_cast<std::size_t>(label)];
      check(!classes.empty(), "explain-prior", net.name(), " has no class for '",
            data.class_names[static_cast<std::size_t>(label)], "'; say which mean it with --groups");
      learner.add(passes, {.x = x,
                           .targets = {{.classes = classes}},
                           .items = {item.id},
                           .seed = hash_name(cat(options.seed, "/", net.name()))});
    }
    progress.advance(1);
  }
  const GlobalPrior prior = learner.learn(options.seed);
  write_prior(w.out, prior);
  std::cout << data.items.size() << " pictures, " << prior.weights.size() << " targets, "
            << prior.centres.dim(0) << " clusters of superpixels; use it as normlime:prior=" << w.out << "\n";
  return kDone;
}

}  // namespace

void add_explain_prior(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("explain-prior", "learns from many pictures what normlime and glime know");
  auto w = std::make_shared<PriorWords>();
  w->explain.explainers = "normlime";
  add_explain_words(*verb, w->explain);
  verb->get_option("--model")->required();
  add_data_words(*verb, w->data);
  verb->add_option("--select", w->select, "file of item names: only these, in this order");
  verb->add_option("-o,--out", w->out, "file to write: NAME.safetensors")->required();
  add_common(*verb, session, kCompute | kMemory | kSeed | kProgress);
  verb->add_option("--limit", session.common.limit, "only the first N pictures");
  on_run(*verb, session, [w, &session] { return learn(*w, session.common); });
}

}  // namespace clearcut::apps
