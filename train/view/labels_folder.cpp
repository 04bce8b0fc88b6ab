// A folder of `label fuse` in the viewer.
#include <cmath>
#include <cstdio>

#include "data/file_names.h"
#include "explain/kept_maps.h"
#include "explain/label_folder.h"
#include "tensor/error.h"
#include "train/summary.h"
#include "train/view/parts.h"

namespace clearcut {
namespace {

// Of those that are known.
double mean(const std::vector<double>& values) {
  double sum = 0, known = 0;
  for (const double value : values)
    if (!std::isnan(value)) sum += value, ++known;
  return known > 0 ? sum / known : std::nan("");
}

std::string decimals(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return std::isfinite(value) ? text : "-";
}

// "coverage" and "ignored" of the label that is there: people may have corrected it since it was made.
JsonObject shares_in(const JsonObject& line) {
  return line.has("corrections") ? line.objects("corrections").back() : line.object("made");
}

class LabelsView : public ViewFolder {
 public:
  explicit LabelsView(const ViewOptions& options)
      : masks_(options.masks), labels_(options.folder, options.images, options.limit) {}
  std::int64_t size() const override { return labels_.size(); }
  JsonObject about() const override;
  JsonObject row(std::int64_t item) const override;
  JsonObject item(std::int64_t item) const override;

 private:
  void add_maps(const JsonObject& line, std::vector<JsonObject>& layers) const;
  void add_member_maps(const JsonObject& line, std::vector<JsonObject>& layers) const;
  void add_facts(const JsonObject& line, JsonObject& item) const;
  void add_members(const JsonObject& made, JsonObject& item) const;

  std::string masks_;
  LabelFolder labels_;
};

JsonObject LabelsView::about() const {
  const JsonObject& job = labels_.job();
  JsonObject about;
  Facts facts;
  facts.add("pictures", cat(size()));
  for (const char* name : {"rule", "consensus", "wrong", "refine"})
    if (job.has(name)) facts.add(name, job.text(name));
  if (job.has("explainers"))
    for (const std::string& explainer : job.texts("explainers")) facts.add("explainer", explainer);
  if (job.has("classifiers"))
    for (const JsonObject& one : job.objects("classifiers")) facts.add("classifier", one.text("name"));
  about.set("kind", "labels").set("facts", facts.list());
  add_classes(labels_.classes(), about);
  about.set("background", labels_.space().background).set("ignore", labels_.space().ignore);
  if (!job.has("rule")) return about;
  const LabelRule rule = parse_rule(job.text("rule"));
  return about.set("measure", name_of(rule.measure)).set("threshold", rule.fg);
}

JsonObject LabelsView::row(std::int64_t item) const try {
  const JsonObject line = labels_.line(item);
  JsonObject row;
  row.set("name", line.text("id"));
  if (!line.has("label")) return row.set("note", "no label");
  return row.set("note", percent(shares_in(line).number("coverage")) + " %");
} catch (const Error& error) {
  JsonObject row;
  return row.set("name", cat("line ", item + 1)).set("note", error.what());
}

void LabelsView::add_maps(const JsonObject& line, std::vector<JsonObject>& layers) const {
  for (const std::int64_t value : line.integers("classes")) {
    const auto map = labels_.map(line, value);
    if (!map) continue;
    // 0 to 65535 are 0 to 1 as the rule's threshold means them; votes do not reach both ends.
    JsonObject layer =
        map_layer("consensus: " + labels_.class_name(value), map->to(DType::kFloat32), 0, 65535);
    layers.push_back(layer.set("label", value).set("together", true));
  }
}

// What `label fuse --keep-maps` kept: every member's map, small.
void LabelsView::add_member_maps(const JsonObject& line, std::vector<JsonObject>& layers) const {
  Item picture;
  picture.name = line.text("id");
  const auto file = file_inside(labels_.folder(), kept_path("", picture).substr(1));
  if (!file) return;
  const KeptPicture kept = KeptPicture::read(*file);
  const JsonObject& job = labels_.job();
  const auto classifiers = job.has("classifiers") ? job.objects("classifiers") : std::vector<JsonObject>{};
  const auto explainers = job.has("explainers") ? job.texts("explainers") : std::vector<std::string>{};
  for (std::size_t q = 0; q < kept.labels().size(); ++q)
    for (std::size_t k = 0; k < kept.classifiers(); ++k)
      for (std::size_t x = 0; x < kept.explainers(); ++x) {
        const std::int64_t value = kept.labels()[q];
        const std::string who = k < classifiers.size() ? classifiers[k].text("name") : cat("network ", k + 1);
        const std::string how = x < explainers.size() ? explainers[x].substr(0, explainers[x].find(':'))
                                                      : cat("explainer ", x + 1);
        JsonObject layer = map_layer(cat(labels_.class_name(value), ": ", who, " ", how), kept.map(q, k, x));
        layers.push_back(layer.set("label", value));
      }
}

void LabelsView::add_facts(const JsonObject& line, JsonObject& item) const {
  Facts facts;
  for (const std::int64_t value : line.integers("classes")) facts.add("class", labels_.class_name(value));
  if (line.has("skipped")) facts.add("skipped", line.text("skipped"));
  if (line.has("made")) {
    const JsonObject made = line.object("made"), shares = shares_in(line);
    facts.add_share("foreground", shares.number("coverage"));
    facts.add_share("ignored", shares.number("ignored"));
    if (shares.has("by")) facts.add("corrected by", shares.text("by"));
    if (made.has("agreement")) facts.add("agreement of members", decimals(mean(made.numbers("agreement"))));
    add_members(made, item);
  }
  item.set("facts", facts.list());
}

void LabelsView::add_members(const JsonObject& made, JsonObject& item) const {
  std::vector<JsonObject> rows;
  for (const JsonObject& member : made.objects("members")) {
    const std::string name = labels_.class_name(member.integer("class"));
    rows.emplace_back();
    rows.back().set("cells", std::vector<std::string>{
                                 member.text("classifier"), name, decimals(member.number("probability")),
                                 member.flag("right") ? "yes" : "no", decimals(member.number("weight"))});
  }
  JsonObject table;
  table.set("title", "What the classifiers think").set("rows", rows);
  table.set("head", std::vector<std::string>{"classifier", "class", "p", "right", "weight"});
  item.set("tables", std::vector<JsonObject>{table});
}

JsonObject LabelsView::item(std::int64_t number) const {
  const JsonObject line = labels_.line(number);
  JsonObject item;
  item.set("name", line.text("id"));
  std::vector<JsonObject> layers;
  Tensor label;
  if (line.has("label")) {
    label = labels_.label(line);
    layers.push_back(labels_layer("mask", label));
    add_maps(line, layers);
    add_member_maps(line, layers);
  }
  const Tensor truth = mask_beside(masks_, line.text("id"));
  if (truth.defined()) layers.push_back(labels_layer("true mask", truth));
  add_picture(labels_.image(line), label, item);
  add_facts(line, item);
  return item.set("layers", layers);
}

}  // namespace

std::unique_ptr<ViewFolder> open_labels_view(const ViewOptions& options) {
  return std::make_unique<LabelsView>(options);
}

}  // namespace clearcut
