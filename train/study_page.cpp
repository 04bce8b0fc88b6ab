#include "train/study_page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>

#include "tensor/error.h"
#include "train/progress.h"
#include "train/summary.h"
#include "train/svg.h"

namespace clearcut {

namespace {

constexpr const char* kMethod = "pssl";        // the arm that the others are compared with
constexpr const char* kBaseline = "trunk";     // the paper's own comparison
constexpr const char* kMainStep = "finetune";  // about.step of the runs of the main table

using Points = std::vector<std::vector<double>>;  // [step, value]

struct Run {
  std::string step, network, target, arm, metric;  // target: "" of classifiers and pre-training
  std::string view;                                // how a network saw its pictures; "": as after training
  std::int64_t seed = 0;
  double score = 0;
  Points scores, losses;
  JsonObject iou;  // of each class; none where nothing was scored
};

std::string text_of(const JsonObject& json, const std::string& name) {
  return json.has(name) ? json.text(name) : "";
}

Points points_of(const JsonObject& json, const std::string& name) {
  return json.has(name) ? json.number_lists(name) : Points();
}

std::vector<Run> runs_in(const std::vector<JsonObject>& lines) {
  std::vector<Run> runs;
  for (const JsonObject& line : lines) {
    const JsonObject about = line.object("about");
    if (!about.has("network") || !line.has("variant")) continue;
    runs.push_back({.step = text_of(about, "step"),
                    .network = about.text("network"),
                    .target = text_of(about, "target"),
                    .arm = line.text("variant"),
                    .metric = line.text("metric"),
                    .view = text_of(about, "view"),
                    .seed = line.integer("seed"),
                    .score = line.number("score"),
                    .scores = points_of(line, "scores"),
                    .losses = points_of(line, "losses"),
                    .iou = line.has("iou") ? line.object("iou") : JsonObject()});
  }
  return runs;
}

/// The different values of a member, in order of appearance.
template <class Of>
std::vector<std::string> names_of(const std::vector<Of>& all, std::string Of::*member) {
  std::vector<std::string> names;
  for (const Of& one : all)
    if (std::ranges::count(names, one.*member) == 0) names.push_back(one.*member);
  return names;
}

template <class Wanted>
std::vector<Run> those(const std::vector<Run>& runs, const Wanted& wanted) {
  std::vector<Run> some;
  std::ranges::copy_if(runs, std::back_inserter(some), wanted);
  return some;
}

/// Scores of an arm by seed.
std::map<std::int64_t, double> by_seed(const std::vector<Run>& runs, const std::string& arm) {
  std::map<std::int64_t, double> scores;
  for (const Run& run : runs)
    if (run.arm == arm)
      check(scores.emplace(run.seed, run.score).second, "study", "arm ", arm, " of ", run.network, " on ",
            run.target, " has two runs with seed ", run.seed);
  return scores;
}

std::vector<double> values(const std::map<std::int64_t, double>& scores) {
  std::vector<double> all;
  for (const auto& entry : scores) all.push_back(entry.second);
  return all;
}

/// `arm` minus `other` of the seeds that both have.
std::vector<double> differences(const std::vector<Run>& runs, const std::string& arm,
                                const std::string& other) {
  const auto ours = by_seed(runs, arm), theirs = by_seed(runs, other);
  std::vector<double> all;
  for (const auto& [seed, score] : ours)
    if (theirs.contains(seed)) all.push_back(score - theirs.at(seed));
  return all;
}

/// "mean | standard error | n |"
std::string cells(const std::vector<double>& shares, const char* format) {
  if (shares.empty()) return "- | - | 0 |";
  const MeanError e = mean_error(shares);
  return cat(percent(e.mean, format), " | ", percent(e.error, "%.2f"), " | ", e.n, " |");
}

std::string classifier_table(const std::vector<Run>& runs) {
  const auto classifiers = those(runs, [](const Run& run) { return run.metric == "top1"; });
  if (classifiers.empty()) return "";
  std::string text =
      "## Classifiers\n\n| network | training | top-1 | standard error | runs |\n|---|---|---|---|---|\n";
  for (const std::string& network : names_of(classifiers, &Run::network)) {
    const auto own = those(classifiers, [&](const Run& run) { return run.network == network; });
    for (const std::string& arm : names_of(own, &Run::arm))
      text += cat("| ", network, " | ", arm, " | ", cells(values(by_seed(own, arm)), "%.2f"), "\n");
  }
  return text + "\n";
}

struct Group {
  std::string network, target, view;
  std::vector<Run> runs;
};

std::string heading(const std::string& words, const std::string& view) {
  return cat("## ", words, view.empty() ? "" : ", by " + view, "\n\n");
}

std::vector<Group> groups_of(const std::vector<Run>& runs) {
  const auto tuned = those(runs, [](const Run& run) { return !run.target.empty() && run.metric == "miou"; });
  std::vector<Group> groups;
  for (const std::string& view : names_of(tuned, &Run::view))
    for (const std::string& network : names_of(tuned, &Run::network))
      for (const std::string& target : names_of(tuned, &Run::target)) {
        const auto own = those(tuned, [&](const Run& run) {
          return run.network == network && run.target == target && run.view == view;
        });
        if (!own.empty()) groups.push_back({network, target, view, own});
      }
  return groups;
}

std::string main_table(const std::vector<Group>& groups, const std::string& view) {
  std::string text = heading("PSSL and its trunk", view) +
                     "mIoU; the difference is paired by seed.\n\n| network | target | pssl minus trunk "
                     "| standard error | pairs |\n|---|---|---|---|---|\n";
  std::vector<double> all;
  for (const Group& group : groups) {
    if (group.view != view) continue;
    const auto main = those(group.runs, [](const Run& run) { return run.step == kMainStep; });
    const std::vector<double> found = differences(main, kMethod, kBaseline);
    if (found.empty()) continue;
    all.insert(all.end(), found.begin(), found.end());
    text += cat("| ", group.network, " | ", group.target, " | ", cells(found, "%+.2f"), "\n");
  }
  if (all.empty()) return "";
  return cat(text, "| all | all | ", cells(all, "%+.2f"), "\n\n");
}

std::string group_table(const Group& group) {
  std::string text = heading(cat(group.network, " on ", group.target), group.view) +
                     "| start | mIoU | standard error | runs | pssl minus it | standard error | pairs "
                     "|\n|---|---|---|---|---|---|---|\n";
  for (const std::string& arm : names_of(group.runs, &Run::arm))
    text += cat("| ", arm, " | ", cells(values(by_seed(group.runs, arm)), "%.2f"), " ",
                arm == kMethod ? "| | |" : cells(differences(group.runs, kMethod, arm), "%+.2f"), "\n");
  return text + "\n";
}

/// Means over seeds; a class that a run's val pictures lack does not count there.
std::string class_table(const Group& group) {
  const std::vector<std::string> arms = names_of(group.runs, &Run::arm);
  std::string head = "| IoU of class |", line = "|---|", rows;
  for (const std::string& arm : arms) head += cat(" ", arm, " |"), line += "---|";
  for (const std::string& name : group.runs[0].iou.names()) {
    rows += cat("| ", name, " |");
    for (const std::string& arm : arms) {
      std::vector<double> found;
      for (const Run& run : group.runs)
        if (run.arm == arm && run.iou.has(name) && std::isfinite(run.iou.number(name)))
          found.push_back(run.iou.number(name));
      rows += found.empty() ? " - |" : cat(" ", percent(mean_error(found).mean, "%.1f"), " |");
    }
    rows += "\n";
  }
  return rows.empty() ? "" : cat(head, "\n", line, "\n", rows, "\n");
}

std::string label_table(const std::vector<JsonObject>& lines) {
  std::string rows;
  for (const JsonObject& line : lines) {
    if (!line.has("labelled")) continue;
    const std::string coverage = line.has("coverage") ? percent(line.number("coverage")) : "-";
    rows += cat("| ", line.text("stage"), " | ", line.integer("pictures"), " | ", line.integer("labelled"),
                " | ", coverage, " |\n");
  }
  if (rows.empty()) return "";
  return cat(
      "## Pseudo labels\n\n| stage | pictures | with a label | share that is an object "
      "|\n|---|---|---|---|\n",
      rows, "\n");
}

struct Cost {
  std::set<std::string> stages;
  double seconds = 0, longest = 0, peak = 0;
};

/// A stage's time stands in each of its lines; it counts once.
std::string cost_table(const std::vector<JsonObject>& lines) {
  std::vector<std::string> order;
  std::map<std::string, Cost> costs;
  for (const JsonObject& line : lines) {
    const JsonObject about = line.object("about");
    const std::string step = about.has("step") && !about.has("view") ? about.text("step") : line.text("kind");
    if (!costs.contains(step)) order.push_back(step);
    Cost& cost = costs[step];
    if (!cost.stages.insert(line.text("stage")).second) continue;
    cost.seconds += line.number("seconds");
    cost.longest = std::max(cost.longest, line.number("seconds"));
    cost.peak = std::max(cost.peak, line.number("peak_bytes"));
  }
  std::string text =
      "## Time and memory\n\n| step | stages | time | longest stage | peak of tensors "
      "|\n|---|---|---|---|---|\n";
  for (const std::string& step : order) {
    const Cost& cost = costs.at(step);
    text += cat("| ", step, " | ", cost.stages.size(), " | ", format_seconds(cost.seconds), " | ",
                format_seconds(cost.longest), " | ", format_bytes(cost.peak), " |\n");
  }
  return text;
}

/// The mean over runs at each step, times a factor.
Curve mean_curve(const std::string& name, const std::vector<Run>& runs, Points Run::*points, double factor) {
  std::map<double, std::vector<double>> at;
  for (const Run& run : runs)
    for (const std::vector<double>& point : run.*points)
      if (std::isfinite(point.at(1))) at[point.at(0)].push_back(factor * point.at(1));
  Curve curve{.name = name, .x = {}, .y = {}};
  for (const auto& [step, found] : at) {
    curve.x.push_back(step);
    curve.y.push_back(mean_error(found).mean);
  }
  return curve;
}

std::vector<Curve> curves(const std::vector<Run>& runs, Points Run::*points, double factor) {
  std::vector<Curve> all;
  for (const std::string& arm : names_of(runs, &Run::arm))
    all.push_back(
        mean_curve(arm, those(runs, [&](const Run& run) { return run.arm == arm; }), points, factor));
  return all;
}

/// An inline chart as a file of its own, which no page gives its lines and letters.
std::string standalone(const std::vector<Curve>& curves, const ChartOptions& options) {
  return cat("<svg xmlns='http://www.w3.org/2000/svg' width='", options.width, "' height='", options.height,
             "'><style>text{font:12px sans-serif}.chart-title{font-weight:600}.grid{stroke:#ddd}"
             ".axis{stroke:#888}</style><rect width='100%' height='100%' fill='white'/>",
             line_chart(curves, options), "</svg>\n");
}

/// "pspnet-voc-animals-25": letters, digits and '-' of names.
std::string file_name(const std::string& words) {
  std::string name;
  for (const char c : words) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  return name + ".svg";
}

}  // namespace

StudyPage study_page(const std::vector<JsonObject>& lines) {
  const std::vector<Run> runs = runs_in(lines);
  const std::vector<Group> groups = groups_of(runs);
  StudyPage page;
  page.markdown = classifier_table(runs);
  for (const std::string& view : names_of(groups, &Group::view)) page.markdown += main_table(groups, view);
  for (const Group& group : groups) {
    page.markdown += group_table(group) + class_table(group);
    if (!group.view.empty()) continue;  // scored once, at the end
    const std::string title = group.network + " on " + group.target;
    page.charts.emplace_back(file_name(group.network + "-" + group.target),
                             standalone(curves(group.runs, &Run::scores, 100),
                                        {.title = title, .x_label = "steps", .y_label = "mIoU, %"}));
  }
  const auto before = those(runs, [](const Run& run) { return run.target.empty() && run.metric == "miou"; });
  for (const std::string& network : names_of(before, &Run::network)) {
    const auto own = those(before, [&](const Run& run) { return run.network == network; });
    const std::string title = "Pre-training of " + network;
    page.charts.emplace_back(
        file_name("pretrain-" + network),
        standalone(curves(own, &Run::losses, 1), {.title = title, .x_label = "steps", .y_label = "loss"}));
  }
  page.markdown += label_table(lines) + cost_table(lines);
  return page;
}

}  // namespace clearcut
