#include "train/report_rows.h"

#include "data/picture.h"
#include "data/visual.h"
#include "explain/fuse.h"
#include "explain/regions.h"
#include "explain/score_parts.h"
#include "tensor/error.h"
#include "train/predict.h"

namespace clearcut {
namespace {

/// The consensus of all members, and the mean map of each explainer, for one question.
struct Maps {
  Consensus all;
  std::vector<Consensus> by_explainer;
  Tensor segments;  // where the rule snaps
};

constexpr double kVoteAt = 0.5;

std::vector<Maps> explain_questions(const std::vector<PictureTask>& tasks, std::vector<Question>& questions,
                                    Ensemble& ensemble) {
  std::vector<Maps> maps;
  for (const Question& question : questions) {
    const Tensor& picture = tasks[question.task].picture;
    const Consensus empty(picture.dim(0), picture.dim(1));
    maps.push_back(
        {empty, std::vector<Consensus>(ensemble.explainers(), empty), tasks[question.task].segments});
  }
  const Fusion fusion = ensemble.options().fusion;
  std::vector<Consensus> all = consensus_of(ensemble, tasks, questions, kVoteAt, [&](const Answer& a) {
    const double weight =
        classifier_weights(fusion, questions[a.question].belief, ensemble.accuracy())[a.classifier];
    maps[a.question].by_explainer[a.explainer].add(a.share(Variant::kMinMax), weight);  // pixel by pixel
  });
  for (std::size_t q = 0; q < all.size(); ++q) maps[q].all = std::move(all[q]);
  return maps;
}

std::string class_list(const Dataset& data, const Item& item) {
  std::string text;
  for (const int c : item.classes)
    text += (text.empty() ? "" : ", ") + data.class_names[static_cast<std::size_t>(c)];
  return text;
}

/// What one row shows, in the order of the columns.
class RowMaker {
 public:
  RowMaker(const Dataset& data, const Ensemble& ensemble, const LabelRule& rule,
           const TrainedSegmenter* segmenter)
      : data_(data),
        ensemble_(ensemble),
        rule_(rule),
        segmenter_(segmenter),
        plan_(plan_labels(data, LabelLayout::kPng)) {}

  std::vector<std::string> columns() const {
    std::vector<std::string> names = {"picture"};
    for (const ExplainOptions& o : ensemble_.options().explainers) names.push_back(o.explainer);
    for (const char* name : {"consensus", "pseudo label", "truth"}) names.emplace_back(name);
    if (segmenter_ != nullptr) names.emplace_back("prediction");
    return names;
  }

  PictureRow row(const Item& item, const std::vector<const Question*>& questions,
                 const std::vector<const Maps*>& maps) const {
    const Tensor picture = read_picture(item.image);
    const auto show = [&](const Tensor& labels) {
      return ReportPicture{
          overlay(picture, labels, plan_.colours,
                  {.opacity = 0.75, .background = plan_.space.background, .ignore = plan_.space.ignore}),
          ""};
    };
    PictureRow row{.title = item.name, .cells = {{picture, class_list(data_, item)}}};
    for (std::size_t x = 0; x < ensemble_.explainers(); ++x) row.cells.push_back(heat(maps, x));
    row.cells.push_back(maps.empty() ? ReportPicture{}
                                     : ReportPicture{heat_picture(maps[0]->all.mean()), ""});
    row.cells.push_back(show(pseudo_label(picture, questions, maps)));
    row.cells.push_back(item.mask.empty() ? ReportPicture{} : show(read_mask(data_, item)));
    if (segmenter_ != nullptr)
      row.cells.push_back(show(predict_labels(*segmenter_->model, picture,
                                              normalize_of(segmenter_->card.spec.preprocess.pixels),
                                              {.resize_short = segmenter_->card.resize_short})));
    return row;
  }

 private:
  static ReportPicture heat(const std::vector<const Maps*>& maps, std::size_t explainer) {
    return maps.empty() ? ReportPicture{}
                        : ReportPicture{heat_picture(maps[0]->by_explainer[explainer].mean()), ""};
  }

  Tensor pseudo_label(const Tensor& picture, const std::vector<const Question*>& questions,
                      const std::vector<const Maps*>& maps) const {
    std::vector<ClassStrength> strengths;
    for (std::size_t q = 0; q < questions.size(); ++q) {
      Tensor E = rule_.measure == Measure::kVotes ? maps[q]->all.votes() : maps[q]->all.mean();
      if (rule_.snap) E = region_means(E, maps[q]->segments);
      strengths.push_back({.label = questions[q]->label + plan_.shift,
                           .strength = strength(enlarged(E, picture.dim(0), picture.dim(1)), rule_.measure)});
    }
    if (strengths.empty())
      return Tensor::full(Shape{picture.dim(0), picture.dim(1)}, plan_.space.background, DType::kInt32);
    return make_label(strengths, rule_, {.background = plan_.space.background, .ignore = plan_.space.ignore});
  }

  const Dataset& data_;
  const Ensemble& ensemble_;
  const LabelRule& rule_;
  const TrainedSegmenter* segmenter_;
  LabelPlan plan_;  // data without a background class gets one in front
};

}  // namespace

ReportRows make_report_rows(const Dataset& data, Ensemble& ensemble, const LabelRule& rule,
                            const TrainedSegmenter* segmenter) {
  std::vector<PictureTask> tasks;
  for (const Item& item : data.items) tasks.push_back(ensemble.prepare(item, read_picture(item.image)));
  std::vector<Question> questions = ensemble.questions(tasks, needs_beliefs(ensemble.options().fusion));
  const std::vector<Maps> maps = explain_questions(tasks, questions, ensemble);
  const RowMaker maker(data, ensemble, rule, segmenter);
  const LabelPlan plan = plan_labels(data, LabelLayout::kPng);
  ReportRows rows{
      .columns = maker.columns(), .rows = {}, .class_names = plan.class_names, .colours = plan.colours};
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    std::vector<const Question*> mine;
    std::vector<const Maps*> my_maps;
    for (std::size_t q = 0; q < questions.size(); ++q)
      if (questions[q].task == t) mine.push_back(&questions[q]), my_maps.push_back(&maps[q]);
    rows.rows.push_back(maker.row(tasks[t].item, mine, my_maps));
  }
  return rows;
}

}  // namespace clearcut
