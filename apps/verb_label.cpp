// clearcut label fuse; the other verbs of labels stand in files of their own
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <optional>

#include "apps/explain_options.h"
#include "explain/fuse.h"

namespace clearcut::apps {

void add_label_sweep(CLI::App& label, Session& session);     // apps/verb_label_sweep.cpp
void add_label_exchange(CLI::App& label, Session& session);  // apps/verb_label_exchange.cpp
void add_label_stats(CLI::App& label, Session& session);     // apps/verb_label_stats.cpp

namespace {

struct FuseWords {
  ExplainWords explain;
  DataWords data;
  std::string select, out, rule, refine = "none", layout = "png", unlabelled = "skip";
  std::string keep_maps, pixel_weights = "none";
  double vote_at = 0.5;
  std::int64_t out_size = 56;
  bool flatten = false, keep_consensus = false, member_scores = false;
};

LabelStoreOptions store_options(const FuseWords& w, const LabelPlan& plan, const CommonOptions& common) {
  const Shard shard = shard_of(common);
  LabelStoreOptions store;
  store.folder = w.out;
  store.layout = layout_from_name(w.layout);
  store.space = plan.space;
  store.class_names = plan.class_names;
  store.colours = plan.colours;
  store.wnids = plan.folders;
  store.flatten = w.flatten;
  store.overwrite = common.overwrite;
  store.shard = shard.index;
  store.shards = shard.count;
  return store;
}

// Labels of two data sets do not mix in one folder: their pictures may have the same names.
JsonObject source_of(const FuseWords& w) {
  const DatasetSpec& spec = w.data.spec;
  JsonObject source;
  source.set("root", std::filesystem::weakly_canonical(spec.root).string()).set("format", spec.format);
  if (!spec.images.empty()) source.set("images", std::filesystem::weakly_canonical(spec.images).string());
  return source.set("list", spec.list).set("split", spec.split).set("select", w.select);
}

// docs/results.md has the table that the first of these comes from; the published labels are the top tenth.
std::string rule_of(const FuseWords& w) {
  if (!w.rule.empty()) return w.rule;
  return w.layout == "png" ? "value:0.45" : "rank:0.9";
}

// "picked:FILE": what `label sweep` chose, with how; it was chosen for one fusion.
std::optional<JsonObject> picked_by_sweep(const FuseWords& w) {
  if (!w.rule.starts_with("picked:")) return std::nullopt;
  const JsonObject picked = JsonObject::read(w.rule.substr(7));
  const Fusion fusion = {variant_from_name(w.explain.consensus), wrong_from_name(w.explain.wrong),
                         weights_from_name(w.explain.weights)};
  if (describe(fusion) != picked.text("fusion"))
    throw ConfigError(cat(w.rule.substr(7), " was picked for the fusion ", picked.text("fusion"),
                          ", and this is ", describe(fusion), "; see --consensus, --wrong, --weights"));
  return picked;
}

FuseOptions fuse_options(const FuseWords& w, const CommonOptions& common) {
  FuseOptions options;
  const auto picked = from_option("--rule", [&] { return picked_by_sweep(w); });
  options.rule =
      from_option("--rule", [&] { return parse_rule(picked ? picked->text("rule") : rule_of(w)); });
  options.refine = from_option("--refine", [&] { return parse_refinement(w.refine); });
  options.vote_at = w.vote_at;
  options.unlabelled = w.unlabelled == "background" ? Unlabelled::kBackground : Unlabelled::kSkip;
  options.keep_consensus = w.keep_consensus;
  options.member_scores = w.member_scores || !w.keep_maps.empty() || !w.explain.kept.empty();
  options.pixel_weights = w.pixel_weights == "agreement";
  if (!w.keep_maps.empty())
    options.keep_maps =
        from_option("--out-size", [&] { return parse_keep(cat(w.keep_maps, ":", w.out_size)); });
  options.picture = picture_options(w.explain);
  options.max_failures = common.max_failures;
  return options;
}

JsonObject job_of(const Members& members, const FuseWords& w, const FuseOptions& options,
                  const CommonOptions& common) {
  const auto* kept = dynamic_cast<const KeptMembers*>(&members);
  JsonObject job = kept != nullptr
                       ? describe_job(*kept, options)
                       : describe_job(members, file_hashes(split_words(w.explain.models)), options);
  if (const auto picked = picked_by_sweep(w)) job.set("picked", *picked);
  if (!common.products.empty() && device_of(common) == Device::kCuda) job.set("products", common.products);
  return job.set("data", source_of(w))
      .set("layout", w.layout)
      .set("device", kept != nullptr ? kept->job().text("device") : std::string(name_of(device_of(common))));
}

int fuse_labels(const FuseWords& w, const CommonOptions& common) {
  if (!w.explain.kept.empty() && !w.keep_maps.empty())
    throw ConfigError("label fuse: --kept has maps already; --keep-maps goes with --model");
  Dataset data = open_data(w.data, w.select);
  std::vector<Item> others;
  if (common.limit > 0 && static_cast<std::size_t>(common.limit) < data.items.size()) {
    others.assign(data.items.begin() + common.limit, data.items.end());
    data.items.resize(static_cast<std::size_t>(common.limit));
  }
  FuseOptions options = fuse_options(w, common);
  const LabelLayout layout = layout_from_name(w.layout);
  from_option("--rule", [&] { check_layout(layout, w.flatten, options.rule); });
  EnsembleOptions ensemble_words = ensemble_options(w.explain, common);
  ensemble_words.segment = options.rule.snap;
  const auto members =
      open_members(w.explain, ensemble_words, data.class_names, classes_in(data), device_of(common));
  const LabelPlan plan = plan_labels(data, layout);
  LabelStoreOptions store_words = store_options(w, plan, common);
  store_words.job = job_of(*members, w, options, common);
  store_words.others = std::move(others);
  LabelStore store(store_words);
  Progress progress("label fuse", static_cast<std::int64_t>(data.items.size()), progress_of(common));
  options.progress = [&](std::int64_t done, std::int64_t total, const std::string& note) {
    progress.update(static_cast<std::int64_t>(data.items.size()) - total + done, note);
  };
  const FuseCounts counts = fuse(data, *members, store, plan, store_words.shard, store_words.shards, options);
  std::cout << counts.made << " labels made, " << counts.there << " were there, " << counts.skipped
            << " without image label, " << counts.failed << " failed; in " << w.out << "\n";
  return counts.failed > 0 ? kSomeFailed : kDone;
}

// What is written beside the labels.
void add_keeping_words(CLI::App& verb, FuseWords& w) {
  verb.add_flag("--keep-consensus", w.keep_consensus, "also write the consensus maps");
  verb.add_option("--keep-maps", w.keep_maps,
                  "also write the maps of all members, small, and fuse these: --kept fuses them again")
      ->check(CLI::IsMember({"u8", "f16"}));
  verb.add_option("--out-size", w.out_size, "side of kept maps")->capture_default_str();
  verb.add_option("--pixel-weights", w.pixel_weights,
                  "agreement: also write weights/*.png, the share of members that vote for a pixel's label")
      ->check(CLI::IsMember({"none", "agreement"}))
      ->capture_default_str();
  verb.add_flag("--member-scores", w.member_scores,
                "cosine of each member with the consensus, and the ranking of classifiers by it; explains "
                "twice, unless maps are kept: then it comes for nothing");
}

void add_fuse(CLI::App& label, Session& session) {
  auto* verb = label.add_subcommand("fuse", "explain pictures with many classifiers and write pseudo masks");
  auto w = std::make_shared<FuseWords>();
  add_explain_words(*verb, w->explain);
  add_consensus_words(*verb, w->explain);
  add_data_words(*verb, w->data);
  verb->add_option("--select", w->select, "file of item names: only these, in this order")
      ->check(CLI::ExistingFile);
  verb->add_option("-o,--out", w->out, "folder to write")->required();
  verb->add_option(
      "--rule", w->rule,
      "from consensus to mask: rank:FG, value:FG, max:FG, votes:FG, level:T, share:S; a second "
      "number is the background's bar, what lies between is ignored; :snap for superpixels. Or "
      "picked:FILE, the picked.json of `label sweep`: job.json then says how it was picked. Default: "
      "value:0.45, and rank:0.9 for the published layouts");
  verb->add_option("--refine", w->refine,
                   "move borders to those of the picture, before the thresholds: " + refinement_names())
      ->capture_default_str();
  verb->add_option("--layout", w->layout, "png, or the published layouts: pssl, pssl-levels")
      ->check(CLI::IsMember({"png", "pssl", "pssl-levels"}))
      ->capture_default_str();
  verb->add_option("--unlabelled", w->unlabelled, "pictures without a label: skip, or background everywhere")
      ->check(CLI::IsMember({"skip", "background"}))
      ->capture_default_str();
  verb->add_option("--vote-at", w->vote_at, "votes: bar of a member's min-max scaled map")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->add_flag("--flatten", w->flatten, "pssl: keep the largest class, the rest becomes background");
  add_keeping_words(*verb, *w);
  add_common(*verb, session, kCompute | kMemory | kSeed | kProgress | kBatch);
  on_run(*verb, session, [w, &session] { return fuse_labels(*w, session.common); });
}

}  // namespace

void add_label(CLI::App& app, Session& session) {
  auto* label = app.add_subcommand("label", "pseudo masks: make them, score them, count them, exchange them");
  label->require_subcommand(1);
  add_fuse(*label, session);
  add_label_sweep(*label, session);
  add_label_stats(*label, session);
  add_label_exchange(*label, session);
}

}  // namespace clearcut::apps
