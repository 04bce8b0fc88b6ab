#include "models/network_tables.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "tensor/work.h"

namespace clearcut {

namespace {

// `text` in a column: numbers to the right, words to the left.
std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}
std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string square(std::int64_t side) { return cat(side, " x ", side); }

// "He et al. 2015, arXiv:1512.03385; ..."
std::string sources(const NetworkFacts& facts) {
  std::string text;
  for (const Notes& notes : facts.notes) text += (text.empty() ? "" : "; ") + std::string(notes.source);
  return text;
}

std::string list_line(const NetworkCost& cost) {
  return cat("  ", left(cost.name, 24), right(count_text(cost.totals.parameters), 10), "  ",
             right(short_count(cost.totals.multiply_adds), 8), "  ", left(square(cost.facts.side), 9), "  ",
             sources(cost.facts), "\n");
}

// Modules that only hold others: their parts are worth a row each.
constexpr const char* kContainers[] = {"backbone", "head", "features", "blocks"};

bool is_container(const std::string& path) {
  return path.empty() || std::ranges::find(kContainers, path) != std::end(kContainers);
}

// "layer2" of "layer2.0.conv1", "backbone.layer2" of "backbone.layer2.0.conv1".
std::string stage_name(const std::string& path) {
  const std::size_t dot = path.find('.');
  const std::string first = path.substr(0, dot);
  if (dot == std::string::npos || !is_container(first)) return first;
  return path.substr(0, path.find('.', dot + 1));
}

// Without the container's name.
std::string short_name(const std::string& stage) {
  const std::size_t dot = stage.find('.');
  return dot == std::string::npos ? stage : stage.substr(dot + 1);
}

std::string plain(const Shape& shape) {
  std::string text;
  for (int i = 1; i < shape.rank(); ++i) text += (i > 1 ? " x " : "") + std::to_string(shape[i]);
  return text;
}

std::string summary(const NetworkCost& cost) {
  return cat("| [", cost.name, "](#", cost.name, ") | ", count_text(cost.totals.parameters), " | ",
             short_count(cost.totals.multiply_adds), " | ", square(cost.facts.side), " |\n");
}

std::string section(const NetworkCost& cost) {
  std::string text = cat("\n### ", cost.name, "\n\n");
  for (const Notes& notes : cost.facts.notes) text += cat("- ", notes.source, ". ", notes.differs, "\n");
  text += "\n| layers | output | parameters | multiply-adds |\n|---|---|---:|---:|\n";
  for (const StageRow& stage : stages_of(cost.layers))
    text += cat("| ", stage.name, " | ", plain(stage.shape()), " | ", count_text(stage.totals.parameters),
                " | ", short_count(stage.totals.multiply_adds), " |\n");
  return text + cat("| all | | ", count_text(cost.totals.parameters), " | ",
                    short_count(cost.totals.multiply_adds), " |\n");
}

// The table of all networks of a kind, then a section for each.
std::string chapter(const std::string& title, const std::vector<NetworkCost>& costs, bool segments) {
  std::string table =
      cat("\n## ", title, "\n\n| | parameters | multiply-adds | picture |\n|---|---:|---:|---|\n");
  std::string sections;
  for (const NetworkCost& cost : costs) {
    if (cost.facts.segments != segments) continue;
    table += summary(cost);
    sections += section(cost);
  }
  return table + sections;
}

}  // namespace

std::string count_text(std::int64_t n) {
  const std::string digits = n == 0 ? "" : std::to_string(n);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string short_count(std::int64_t n) {
  if (n < 1'000'000) return count_text(n);
  const bool giga = n >= 100'000'000;
  char text[32];
  std::snprintf(text, sizeof text, giga ? "%.2f G" : "%.1f M", static_cast<double>(n) / (giga ? 1e9 : 1e6));
  return text;
}

NetworkCost network_cost(const std::string& name) {
  const std::optional<NetworkFacts> facts = network_facts(name);
  check(facts.has_value(), "model", "no network is called '", name, "'; `clearcut model list` names them");
  NetworkCost cost{.name = name, .facts = *facts, .layers = {}, .totals = {}};
  const DryRun dry;
  const ModelSpec spec{.name = name, .classes = cost.facts.classes};
  const Tensor x = Tensor::zeros({1, 3, cost.facts.side, cost.facts.side});
  if (cost.facts.segments) {
    const auto net = make_segmenter(spec);
    cost.layers = layer_table(
        net->registry(), [&](const Var& v) { return net->logits(v)[0]; }, x);
  } else {
    const auto net = make_classifier(spec);
    cost.layers = layer_table(
        net->registry(), [&](const Var& v) { return net->logits(v); }, x);
  }
  cost.totals = totals_of(cost.layers);
  return cost;
}

std::vector<NetworkCost> network_costs() {
  std::vector<NetworkCost> costs;
  for (const std::string& name : classifier_names()) costs.push_back(network_cost(name));
  for (const std::string& name : segmenter_names()) costs.push_back(network_cost(name));
  return costs;
}

std::string network_list(const std::vector<NetworkCost>& costs) {
  std::string classifiers, segmenters;
  for (const NetworkCost& cost : costs) (cost.facts.segments ? segmenters : classifiers) += list_line(cost);
  return cat("parameters and multiply-adds for one picture\nclassifiers of 1000 classes\n", classifiers,
             "segmenters of 21 classes, with their auxiliary output\n", segmenters);
}

std::string layer_lines(const std::vector<LayerRow>& layers,
                        const std::map<std::string, std::string>& remarks, const std::string& picture) {
  std::size_t width = 0;
  for (const LayerRow& row : layers) width = std::max(width, row.path.size());
  std::string text;
  for (const LayerRow& row : layers) {
    const std::string shape = row.shape.rank() > 0 ? cat(row.shape) : "";
    std::string line = cat(left(row.path, width), "  ", left(shape, 20),
                           right(count_text(row.parameters), 12), right(count_text(row.multiply_adds), 16));
    if (const auto remark = remarks.find(row.path); remark != remarks.end()) line += "  <- " + remark->second;
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  const LayerTotals totals = totals_of(layers);
  return text + cat(count_text(totals.parameters), " parameters, ", count_text(totals.multiply_adds),
                    " multiply-adds for one picture of ", picture, "\n");
}

Shape StageRow::shape() const {
  std::set<std::string> paths;
  for (const LayerRow& row : layers) paths.insert(row.path);
  const auto inside_another = [&](const std::string& path) {
    return std::ranges::any_of(paths,
                               [&](const std::string& other) { return path.starts_with(other + "."); });
  };
  std::set<std::string> outermost;
  for (const std::string& path : paths)
    if (!inside_another(path)) outermost.insert(path);
  return outermost.size() == 1 ? layers.back().shape : Shape();
}

std::vector<StageRow> stages_of(const std::vector<LayerRow>& layers) {
  std::vector<StageRow> stages;
  for (const LayerRow& row : layers) {
    if (is_container(row.path)) continue;
    const std::string name = stage_name(row.path);
    auto stage = std::ranges::find(stages, name, &StageRow::name);
    if (stage == stages.end()) {
      stages.push_back({.name = name, .layers = {}, .totals = {}});
      stage = stages.end() - 1;
    }
    stage->layers.push_back(row);
  }
  for (StageRow& stage : stages) stage.totals = totals_of(stage.layers);
  // A batch norm, a pooling or a dropout belongs to the convolution before it.
  std::vector<StageRow> joined;
  for (StageRow& stage : stages) {
    if (stage.totals.multiply_adds > 0 || joined.empty()) {
      joined.push_back(std::move(stage));
      continue;
    }
    joined.back().name += ", " + short_name(stage.name);
    joined.back().layers = std::move(stage.layers);
    joined.back().totals.parameters += stage.totals.parameters;
  }
  return joined;
}

std::string networks_page(const std::vector<NetworkCost>& costs) {
  return "# Networks\n\n"
         "Written by `clearcut model docs`; a test compares it with what the program writes. Multiply-adds "
         "are those "
         "of convolutions and\nmatrix products for one picture, taps on padding included. Classifiers have "
         "1000 "
         "classes here, segmentation networks 21 and,\nwhere there is one, their auxiliary output. A row "
         "without "
         "an output has several, of different sizes. `clearcut model layers\nNAME --size H W` shows every "
         "layer at "
         "any size, `clearcut model graph NAME` draws the network.\n" +
         chapter("Classifiers", costs, false) + chapter("Segmentation networks", costs, true);
}

}  // namespace clearcut
