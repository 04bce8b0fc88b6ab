#include "explain/unlabelled.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/resize.h"
#include "explain/fuse.h"
#include "explain/order.h"
#include "explain/regions.h"
#include "tensor/error.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

AgreementSweep::AgreementSweep(std::vector<double> thresholds) : thresholds_(std::move(thresholds)) {
  check(!thresholds_.empty() && std::is_sorted(thresholds_.begin(), thresholds_.end()), "agreement",
        "thresholds must ascend, and there must be one");
  marks_.assign(thresholds_.size(), 0);
  pairs_ = most_pairs_ = marks_;
}

void AgreementSweep::add(const std::vector<Tensor>& strengths) {
  const std::size_t m = strengths.size();
  if (m < 2) return;
  std::vector<const float*> maps;
  for (const Tensor& map : strengths) {
    check(map.shape() == strengths[0].shape(), "agreement", "maps of the sizes ", map.shape(), " and ",
          strengths[0].shape());
    maps.push_back(map.data<const float>());
  }
  // bins[b]: thresholds 0 .. b - 1 are reached. With bins in falling order n(t) >= k + 1 where bins[k] > t,
  // and n (n - 1) is the sum of 2 k over these k.
  const std::vector<float> bars(thresholds_.begin(), thresholds_.end());
  std::vector<double> marks(bars.size() + 1, 0), pairs = marks;
  std::vector<std::size_t> bins(m);
  for (std::int64_t i = 0; i < strengths[0].numel(); ++i) {
    for (std::size_t k = 0; k < m; ++k)
      bins[k] =
          static_cast<std::size_t>(std::upper_bound(bars.begin(), bars.end(), maps[k][i]) - bars.begin());
    std::sort(bins.begin(), bins.end(), std::greater<>());
    for (std::size_t k = 0; k < m; ++k) {
      marks[bins[k]] += 1;
      pairs[bins[k]] += 2 * static_cast<double>(k);
    }
  }
  double n = 0, both = 0;
  for (std::size_t t = bars.size(); t-- > 0;) {
    n += marks[t + 1];
    both += pairs[t + 1];
    marks_[t] += n;
    pairs_[t] += both;
    most_pairs_[t] += n * static_cast<double>(m - 1);
  }
  members_ += static_cast<double>(m) * static_cast<double>(strengths[0].numel());
}

void AgreementSweep::add(const AgreementSweep& other) {
  check(thresholds_ == other.thresholds_, "agreement", "the two sweeps differ in thresholds");
  for (std::size_t t = 0; t < thresholds_.size(); ++t) {
    marks_[t] += other.marks_[t];
    pairs_[t] += other.pairs_[t];
    most_pairs_[t] += other.most_pairs_[t];
  }
  members_ += other.members_;
}

double AgreementSweep::kappa(std::size_t t) const {
  const double f = marks_[t] / members_, a = pairs_[t] / most_pairs_[t];
  return f > 0 && f < 1 ? (a - f) / (1 - f) : std::nan("");
}

namespace {

constexpr std::int64_t kSide = 128;

Tensor shrunk(const Tensor& map) {
  const std::int64_t H = map.dim(0), W = map.dim(1), longer = std::max(H, W);
  if (longer <= kSide) return map;
  const std::int64_t h = std::max<std::int64_t>(1, H * kSide / longer),
                     w = std::max<std::int64_t>(1, W * kSide / longer);
  return resize_picture(map.reshape(Shape{H, W, 1}), h, w, Filter::kTriangle).reshape(Shape{h, w});
}

// Of one picture: one sweep for each measure, shares of its questions added up.
struct PictureSweeps {
  std::vector<AgreementSweep> agreement;   // [measure]
  std::vector<std::vector<double>> share;  // [measure][threshold]
  double questions = 0;
};

class Chooser {
 public:
  Chooser(Members& members, const UnlabelledOptions& options) : members_(members), options_(options) {}

  void chunk(const std::vector<Item>& items, UnlabelledChoice& result);
  void finish(UnlabelledChoice& result) const;

 private:
  PictureSweeps nothing() const {
    const std::size_t M = options_.measures.size(), T = options_.thresholds.size();
    return {std::vector<AgreementSweep>(M, AgreementSweep(options_.thresholds)),
            std::vector<std::vector<double>>(M, std::vector<double>(T, 0)), 0};
  }
  PictureSweeps sweeps_of(const Tensor& consensus, const std::vector<Tensor>& shares) const;
  UnlabelledCurve curve(std::size_t measure) const;
  std::vector<std::size_t> candidates(const UnlabelledCurve& tried) const;

  Members& members_;
  const UnlabelledOptions& options_;
  std::vector<PictureSweeps> pictures_;
};

PictureSweeps Chooser::sweeps_of(const Tensor& consensus, const std::vector<Tensor>& shares) const {
  PictureSweeps one = nothing();
  one.questions = 1;
  for (std::size_t m = 0; m < options_.measures.size(); ++m) {
    std::vector<Tensor> strengths;
    for (const Tensor& share : shares)
      if (share.defined()) strengths.push_back(strength(share, options_.measures[m]));
    one.agreement[m].add(strengths);
    std::vector<float> values = strength(consensus, options_.measures[m]).values<float>();
    std::sort(values.begin(), values.end());
    for (std::size_t t = 0; t < options_.thresholds.size(); ++t) {
      const auto first =
          std::lower_bound(values.begin(), values.end(), static_cast<float>(options_.thresholds[t]));
      one.share[m][t] = static_cast<double>(values.end() - first) / static_cast<double>(values.size());
    }
  }
  return one;
}

void Chooser::chunk(const std::vector<Item>& items, UnlabelledChoice& result) {
  const std::vector<ReadPicture> pictures = read_pictures(items, options_.picture);
  std::vector<PictureTask> tasks;
  for (std::size_t i = 0; i < items.size(); ++i) try {
      check(pictures[i].error.empty(), "read", pictures[i].error);
      tasks.push_back(members_.prepare(items[i], pictures[i].picture));
    } catch (const Error& error) {
      result.failures.push_back({.id = items[i].name, .stage = "read", .error = error.what()});
    }
  std::vector<Question> questions = members_.questions(tasks, true);
  std::vector<std::vector<Tensor>> shares(questions.size(), std::vector<Tensor>(members_.members()));
  const Variant variant = members_.options().fusion.variant;
  const auto finished = [&](const Tensor& map, const Question& question) {
    return options_.snap ? region_means(map, tasks[question.task].segments) : map;
  };
  const std::vector<Consensus> consensus =
      consensus_of(members_, tasks, questions, 0.5, [&](const Answer& answer) {
        const std::size_t member = answer.classifier * members_.explainers() + answer.explainer;
        if (!answer.empty)
          shares[answer.question][member] =
              shrunk(finished(answer.share(variant), questions[answer.question]));
      });
  std::vector<PictureSweeps> found(questions.size(), nothing());
  parallel_for(static_cast<std::int64_t>(questions.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto q = static_cast<std::size_t>(begin); q < static_cast<std::size_t>(end); ++q)
      if (!consensus[q].empty()) found[q] = sweeps_of(finished(consensus[q].mean(), questions[q]), shares[q]);
  });
  const std::size_t first = pictures_.size();
  pictures_.resize(first + tasks.size(), nothing());
  for (std::size_t q = 0; q < questions.size(); ++q) {
    PictureSweeps& picture = pictures_[first + questions[q].task];
    for (std::size_t m = 0; m < options_.measures.size(); ++m) {
      picture.agreement[m].add(found[q].agreement[m]);
      for (std::size_t t = 0; t < options_.thresholds.size(); ++t)
        picture.share[m][t] += found[q].share[m][t];
    }
    picture.questions += found[q].questions;
  }
}

UnlabelledCurve Chooser::curve(std::size_t m) const {
  const std::size_t T = options_.thresholds.size(), P = pictures_.size();
  UnlabelledCurve curve{.measure = options_.measures[m], .agreement = {}, .share = {}};
  AgreementSweep sum(options_.thresholds);
  double questions = 0;
  curve.share.assign(T, 0);
  for (const PictureSweeps& picture : pictures_) {
    sum.add(picture.agreement[m]);
    questions += picture.questions;
    for (std::size_t t = 0; t < T; ++t) curve.share[t] += picture.share[m][t];
  }
  for (double& share : curve.share) share /= questions;
  std::vector<std::vector<double>> drawn(T);
  for (int b = 0; b < options_.bootstrap; ++b) {
    const RandomStream stream(options_.seed, "bootstrap", 0, static_cast<std::uint32_t>(b));
    AgreementSweep one(options_.thresholds);
    for (std::size_t i = 0; i < P; ++i)
      one.add(pictures_[static_cast<std::size_t>(
                            stream.below(static_cast<std::int64_t>(i), static_cast<std::int64_t>(P)))]
                  .agreement[m]);
    for (std::size_t t = 0; t < T; ++t)
      if (std::isfinite(one.kappa(t))) drawn[t].push_back(one.kappa(t));
  }
  for (std::size_t t = 0; t < T; ++t) {
    std::sort(drawn[t].begin(), drawn[t].end());
    const auto at = [&](double q) { return drawn[t].empty() ? std::nan("") : percentile(drawn[t], q); };
    curve.agreement.push_back({sum.kappa(t), at(2.5), at(97.5)});
  }
  return curve;
}

// Thresholds to choose from: all, or the one whose share is nearest, of several the lowest.
std::vector<std::size_t> Chooser::candidates(const UnlabelledCurve& tried) const {
  std::vector<std::size_t> all(tried.share.size());
  std::iota(all.begin(), all.end(), 0);
  if (!options_.share) return all;
  const auto off = [&](std::size_t t) { return std::abs(tried.share[t] - *options_.share); };
  return {*std::min_element(all.begin(), all.end(),
                            [&](std::size_t a, std::size_t b) { return off(a) < off(b); })};
}

void Chooser::finish(UnlabelledChoice& result) const {
  result.thresholds = options_.thresholds;
  result.pictures = std::count_if(pictures_.begin(), pictures_.end(),
                                  [](const PictureSweeps& p) { return p.questions > 0; });
  check(result.pictures > 0, "sweep", "no picture with an image label could be used; the first failure: ",
        result.failures.empty() ? "none" : result.failures.front().error);
  result.agreement = -2;  // kappa is never below -1
  for (std::size_t m = 0; m < options_.measures.size(); ++m) {
    result.curves.push_back(curve(m));
    const UnlabelledCurve& tried = result.curves.back();
    for (const std::size_t t : candidates(tried)) {
      if (!(tried.agreement[t].estimate > result.agreement)) continue;
      result.measure = tried.measure;
      result.threshold = options_.thresholds[t];
      result.agreement = tried.agreement[t].estimate;
      result.share = tried.share[t];
    }
  }
  check(result.agreement > -2, "sweep",
        options_.share ? "at the threshold nearest to that share" : "at every threshold",
        " members mark all pixels, or none; give more --thresholds");
}

}  // namespace

UnlabelledChoice choose_without_labels(const Dataset& data, Members& members,
                                       const UnlabelledOptions& options) {
  check(std::count(options.measures.begin(), options.measures.end(), Measure::kVotes) == 0, "sweep",
        "a single member has no votes: choose among rank, value and max");
  check(members.members() >= 2, "sweep", "one member has nobody to agree with; give two or more");
  UnlabelledChoice result;
  Chooser chooser(members, options);
  const auto total = static_cast<std::int64_t>(data.items.size());
  for (std::int64_t first = 0; first < total; first += options.chunk) {
    stop_if_interrupted("label sweep", "run the same command again");
    const std::int64_t last = std::min(total, first + options.chunk);
    chooser.chunk({data.items.begin() + first, data.items.begin() + last}, result);
    if (options.progress) options.progress(last, total);
  }
  chooser.finish(result);
  return result;
}

}  // namespace clearcut
