// Members whose maps are kept: asking once, and answering again.
#include <algorithm>
#include <filesystem>

#include "explain/explainer_table.h"
#include "explain/fuse.h"
#include "explain/kept_maps.h"
#include "tensor/parallel.h"

namespace clearcut {

void keep_maps(Members& members, std::vector<PictureTask>& tasks, const KeepOptions& keep) {
  std::vector<KeptPicture> kept;
  std::vector<std::size_t> place;  // [question]: of its label among those of the picture
  for (const PictureTask& task : tasks) {
    kept.emplace_back(task.item.classes, members.classifiers(), members.explainers(), keep,
                      members.computed_with(task));
    for (std::size_t i = 0; i < task.item.classes.size(); ++i) place.push_back(i);
  }
  std::vector<Question> questions = members.questions(tasks, false);
  members.answer(tasks, questions, [&](const Answer& a) {
    const ExplainOptions& explainer = members.options().explainers[a.explainer];
    check(members.options().fusion.variant != Variant::kSquare || !a.member.square.defined() ||
              explainer.reduction == "square",
          "maps", "squares are not kept, but consensus square wants them of ", explainer.explainer,
          "; leave it out");
    kept[questions[a.question].task].put(place[a.question], a.classifier, a.explainer, a.member.map, a.empty);
  });
  for (std::size_t q = 0; q < questions.size(); ++q)
    for (std::size_t k = 0; k < members.classifiers(); ++k)
      kept[questions[q].task].put(place[q], k, questions[q].belief[k]);
  for (std::size_t t = 0; t < tasks.size(); ++t)
    tasks[t].kept = std::make_shared<const KeptPicture>(std::move(kept[t]));
}

KeptMembers::KeptMembers(const Members& asked) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < asked.classifiers(); ++k) names.push_back(asked.classifier_name(k));
  set_up(std::move(names), asked.options());
}

KeptMembers::KeptMembers(std::string folder, EnsembleOptions options,
                         const std::vector<std::string>& class_names)
    : folder_(std::move(folder)), job_(JsonObject::read(folder_ + "/job.json")) {
  check(job_.has("maps") && std::filesystem::exists(folder_ + "/maps"), "maps", folder_,
        " holds labels, but no maps of their members; `label fuse", " --keep-maps u8` leaves them");
  shift_ = value_shift(folder_, class_names);
  std::vector<std::string> names;
  for (const JsonObject& one : job_.objects("classifiers")) names.push_back(one.text("name"));
  options.explainers.clear();
  for (const std::string& text : job_.texts("explainers"))
    options.explainers.push_back(parse_explainer(text));
  const std::string ranks = folder_ + "/classifiers.json";
  if (options.accuracy.empty() && std::filesystem::exists(ranks)) options.accuracy = ranks;
  set_up(std::move(names), std::move(options));
}

void KeptMembers::check_fusion(const Fusion& fusion) const {
  Members::check_fusion(fusion);
  if (fusion.variant != Variant::kSquare) return;
  for (const ExplainOptions& options : options_.explainers) {
    const std::vector<Setting>& settings = explainer_row(options.explainer).settings;
    const bool reduces = std::any_of(settings.begin(), settings.end(),
                                     [](const Setting& setting) { return setting.name == "reduction"; });
    check(!reduces || options.reduction == "square", "maps", "squares of gradients are not kept, but ",
          describe(fusion), " wants them of ", options.explainer, "; keep its maps with reduction=square");
  }
}

std::string KeptMembers::computed_with(const PictureTask& task) const { return task.kept->isa(); }

PictureTask KeptMembers::prepare(const Item& item, const Tensor& picture) const {
  PictureTask task = Members::prepare(item, picture);
  const std::string path = kept_path(folder_, item);
  if (item.classes.empty() && !std::filesystem::exists(path)) {  // nobody was asked anything
    task.kept = std::make_shared<const KeptPicture>(std::vector<int>{}, classifiers(), explainers(),
                                                    KeepOptions{}, "");
    return task;
  }
  auto kept = std::make_shared<const KeptPicture>(KeptPicture::read(path).renumbered(-shift_));
  check(kept->classifiers() == classifiers() && kept->explainers() == explainers(), "maps", path, " holds ",
        kept->classifiers(), " classifiers and ", kept->explainers(), " explainers; the job has ",
        classifiers(), " and ", explainers());
  task.kept = std::move(kept);
  for (const int label : item.classes)
    check(
        std::find(task.kept->labels().begin(), task.kept->labels().end(), label) != task.kept->labels().end(),
        "maps", path, " has nothing about class ", label, " of this picture; explain it again");
  return task;
}

namespace {
std::size_t place_of(const KeptPicture& kept, int label) {
  return static_cast<std::size_t>(std::find(kept.labels().begin(), kept.labels().end(), label) -
                                  kept.labels().begin());
}
}  // namespace

std::vector<Question> KeptMembers::questions(const std::vector<PictureTask>& tasks, bool) {
  std::vector<Question> questions;
  for (std::size_t t = 0; t < tasks.size(); ++t)
    for (const int label : tasks[t].item.classes) {
      Question& question = questions.emplace_back(Question{.task = t, .label = label, .belief = {}});
      for (std::size_t k = 0; k < classifiers(); ++k)
        question.belief.push_back(tasks[t].kept->belief(place_of(*tasks[t].kept, label), k));
    }
  return questions;
}

void KeptMembers::answer(const std::vector<PictureTask>& tasks, std::vector<Question>& questions,
                         const std::function<void(const Answer&)>& use) {
  const auto one = [&](std::size_t q) {
    const PictureTask& task = tasks[questions[q].task];
    const std::size_t place = place_of(*task.kept, questions[q].label);
    const std::int64_t H = task.picture.dim(0), W = task.picture.dim(1);
    const Frame whole{.box = {.height = static_cast<double>(H), .width = static_cast<double>(W)},
                      .picture_height = H,
                      .picture_width = W};
    for (std::size_t k = 0; k < classifiers(); ++k)
      for (std::size_t x = 0; x < explainers(); ++x) {
        Answer answer{.question = q, .classifier = k, .explainer = x, .member = {}};
        answer.empty = task.kept->empty(place, k, x);
        answer.member.map = map_to_picture(whole, task.kept->map(place, k, x));
        answer.member.segments = task.segments;
        if (options_.explainers[x].reduction == "square") answer.member.square = answer.member.map;
        use(answer);
      }
  };
  parallel_for(static_cast<std::int64_t>(questions.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto q = static_cast<std::size_t>(begin); q < static_cast<std::size_t>(end); ++q) one(q);
  });
}

}  // namespace clearcut
