#include "explain/global_prior.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "explain/kmeans.h"
#include "explain/regions.h"
#include "tensor/ops/resize.h"
#include "tensor/safetensors.h"

namespace clearcut {

namespace {

struct PieceShapes {
  std::vector<double> size;
  std::vector<std::int64_t> centroid;  // index of a pixel
};

PieceShapes shapes_of(const Tensor& labels, std::int64_t K) {
  const std::int64_t H = labels.dim(0), W = labels.dim(1);
  const std::int32_t* s = labels.data<const std::int32_t>();
  PieceShapes shapes{.size = std::vector<double>(static_cast<std::size_t>(K)), .centroid = {}};
  std::vector<double> rows(shapes.size), columns(shapes.size);
  for (std::int64_t i = 0; i < H * W; ++i) {
    const auto k = static_cast<std::size_t>(s[i]);
    shapes.size[k] += 1;
    rows[k] += static_cast<double>(i / W);
    columns[k] += static_cast<double>(i % W);
  }
  for (std::size_t k = 0; k < rows.size(); ++k) {
    shapes.size[k] = std::max(1.0, shapes.size[k]);
    shapes.centroid.push_back(std::llround(std::floor(rows[k] / shapes.size[k] + 0.5)) * W +
                              std::llround(std::floor(columns[k] / shapes.size[k] + 0.5)));
  }
  return shapes;
}

void normalise_rows(const Tensor& rows) {
  float* p = rows.data<float>();
  for (std::int64_t k = 0; k < rows.dim(0); ++k) {
    float* row = p + k * rows.dim(1);
    double length = 0;
    for (std::int64_t d = 0; d < rows.dim(1); ++d) length += static_cast<double>(row[d]) * row[d];
    for (std::int64_t d = 0; d < rows.dim(1) && length > 0; ++d)
      row[d] = static_cast<float>(row[d] / std::sqrt(length));
  }
}

std::vector<int> sorted_classes(const Target& target) {
  std::vector<int> classes = target.classes;
  std::sort(classes.begin(), classes.end());
  return classes;
}

}  // namespace

Tensor piece_descriptors(const Tensor& A, const Tensor& labels) {
  const std::int64_t C = A.dim(0), H = labels.dim(0), W = labels.dim(1), K = region_count(labels);
  const PieceShapes shapes = shapes_of(labels, K);
  const std::int32_t* s = labels.data<const std::int32_t>();
  Tensor rows({K, 2 * C});
  float* to = rows.data<float>();
  std::vector<double> sums(static_cast<std::size_t>(K));
  for (std::int64_t c = 0; c < C; ++c) {
    const Tensor map = ops::resize_bilinear(A[c].reshape({1, 1, A.dim(1), A.dim(2)}), {H, W}, false);
    const float* p = map.data<const float>();
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::int64_t i = 0; i < H * W; ++i) sums[static_cast<std::size_t>(s[i])] += p[i];
    for (std::int64_t k = 0; k < K; ++k) {
      const auto at = static_cast<std::size_t>(k);
      to[k * 2 * C + c] = p[shapes.centroid[at]];
      to[k * 2 * C + C + c] = static_cast<float>(sums[at] / shapes.size[at]);
    }
  }
  normalise_rows(rows);
  return rows;
}

std::vector<Tensor> describe_pieces(Passes& passes, const ExplainInput& input,
                                    const std::vector<Pieces>& pieces, const std::string& layer) {
  std::vector<Tensor> result(pieces.size());
  passes.batches(picture_rows(input), [&](std::int64_t first, const Tensor& x) {
    const NoGrad guard;
    const Tap tap(passes.classifier().registry(), layer);
    passes.classifier().logits(Var(x));
    const Tensor A = tap.activation().to(Device::kCpu);
    check(A.rank() == 4, "prior", "'", layer, "' must give feature maps [N, C, h, w]; got ", A.shape());
    for (std::int64_t i = 0; i < x.dim(0); ++i) {
      const auto n = static_cast<std::size_t>(first + i);
      result[n] = piece_descriptors(A[i], pieces[n].labels);
    }
  });
  return result;
}

std::string early_layer(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  if (!options.layer.empty()) return options.layer;
  Registry& registry = passes.classifier().registry();
  const NoGrad guard;
  registry.record_paths(true);
  passes.classifier().logits(Var(input.x.slice(0, 1).to(registry.device())));
  registry.record_paths(false);
  std::string early, first;
  for (const SeenPath& seen : registry.seen_paths()) {
    if (seen.shape.rank() != 4 || seen.shape[1] <= 3) continue;
    if (first.empty()) first = seen.path;
    if (2 * seen.shape[2] >= input.x.dim(2)) early = seen.path;
  }
  check(!first.empty(), "prior", passes.classifier().name(), " shows no feature maps [N, C, h, w]");
  return early.empty() ? first : early;
}

std::vector<double> GlobalPrior::of_pieces(const Tensor& descriptors, const Target& target) const {
  std::vector<double> result(static_cast<std::size_t>(descriptors.dim(0)));
  const auto known = weights.find(sorted_classes(target));
  if (known == weights.end()) return result;
  check(descriptors.dim(1) == centres.dim(1), "prior", "it was learnt from descriptors of ", centres.dim(1),
        " numbers, features of '", layer, "' give ", descriptors.dim(1), "; learn it with the same network");
  for (std::int64_t k = 0; k < descriptors.dim(0); ++k) {
    const float* point = descriptors.data<const float>() + k * descriptors.dim(1);
    result[static_cast<std::size_t>(k)] =
        known->second[static_cast<std::size_t>(nearest_centre(point, centres))];
  }
  return result;
}

void PriorLearner::add(Passes& passes, const ExplainInput& input) {
  if (layer_.empty()) layer_ = early_layer(passes, input, options_);
  const std::vector<Pieces> pieces = cut_pictures(passes, input, options_);
  ExplainInput cut = input;
  for (Target& target : cut.targets) target.probability = explains_probability(options_, target);
  cut.segments.clear();
  for (const Pieces& one : pieces) cut.segments.push_back(one.labels);
  ExplainOptions plain = options_;
  plain.explainer = "lime";
  plain.samples = samples_of(options_);
  Explanation explained = lime(passes, cut, plain);
  std::vector<Tensor> descriptors = describe_pieces(passes, input, pieces, layer_);
  for (std::size_t n = 0; n < pieces.size(); ++n)
    pictures_.push_back({.descriptors = std::move(descriptors[n]),
                         .coefficients = std::move(explained.coefficients[n]),
                         .classes = sorted_classes(input.targets[n])});
}

GlobalPrior PriorLearner::learn(std::uint64_t seed) const {
  check(!pictures_.empty(), "prior", "there are no pictures to learn from");
  const std::int64_t D = pictures_[0].descriptors.dim(1);
  std::vector<float> points;
  for (const Picture& picture : pictures_) {
    const auto values = picture.descriptors.values<float>();
    points.insert(points.end(), values.begin(), values.end());
  }
  GlobalPrior prior{.layer = layer_, .centres = {}, .weights = {}};
  prior.centres = k_means(Tensor::from<float>({static_cast<std::int64_t>(points.size()) / D, D}, points),
                          options_.clusters, seed);
  const auto Q = static_cast<std::size_t>(prior.centres.dim(0));
  std::map<std::vector<int>, std::vector<double>> counts;
  for (const Picture& picture : pictures_) {
    auto& weights = prior.weights.emplace(picture.classes, std::vector<double>(Q)).first->second;
    auto& count = counts.emplace(picture.classes, std::vector<double>(Q)).first->second;
    double norm = 0;
    for (const double w : picture.coefficients) norm += std::abs(w);
    for (std::size_t k = 0; k < picture.coefficients.size(); ++k) {
      const float* point = picture.descriptors.data<const float>() + static_cast<std::int64_t>(k) * D;
      const auto q = static_cast<std::size_t>(nearest_centre(point, prior.centres));
      const double w = picture.coefficients[k];
      weights[q] += norm > 0 ? w * w / norm : 0;
      count[q] += 1;
    }
  }
  for (auto& [classes, weights] : prior.weights)
    for (std::size_t q = 0; q < Q; ++q) weights[q] /= std::max(1.0, counts.at(classes)[q]);
  return prior;
}

void write_prior(const std::string& path, const GlobalPrior& prior) {
  SafetensorsFile file{.tensors = {{"centres", prior.centres}}, .metadata = {{"layer", prior.layer}}};
  for (const auto& [classes, weights] : prior.weights) {
    std::string name;
    for (const int c : classes) name += (name.empty() ? "weights." : ",") + std::to_string(c);
    file.tensors.emplace_back(name,
                              Tensor::from<double>({static_cast<std::int64_t>(weights.size())}, weights));
  }
  write_safetensors(path, file);
}

namespace {

// "weights.3,17" -> 3, 17.
std::vector<int> classes_of(const std::string& path, const std::string& name) {
  std::vector<int> classes;
  std::istringstream list(name.substr(8));
  for (std::string word; std::getline(list, word, ',');) {
    int c = -1;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), c);
    check(error == std::errc{} && end == word.data() + word.size() && c >= 0, "prior", path, ": '", name,
          "' must end in classes");
    classes.push_back(c);
  }
  return classes;
}

}  // namespace

GlobalPrior read_prior(const std::string& path) {
  const SafetensorsFile file = read_safetensors(path);
  const auto layer = file.metadata.find("layer");
  check(layer != file.metadata.end() && !file.tensors.empty() && file.tensors[0].first == "centres" &&
            file.tensors[0].second.rank() == 2 && file.tensors[0].second.dtype() == DType::kFloat64,
        "prior", path, " is not a prior: it must have float64 'centres' [Q, D] and name a layer");
  GlobalPrior prior{.layer = layer->second, .centres = file.tensors[0].second, .weights = {}};
  for (std::size_t i = 1; i < file.tensors.size(); ++i) {
    const auto& [name, weights] = file.tensors[i];
    check(name.rfind("weights.", 0) == 0 && weights.shape() == Shape({prior.centres.dim(0)}) &&
              weights.dtype() == DType::kFloat64,
          "prior", path, ": '", name, "' must be float64 weights [", prior.centres.dim(0), "] of a target");
    prior.weights[classes_of(path, name)] = weights.values<double>();
  }
  return prior;
}

Explanation norm_lime(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::vector<Pieces> pieces = cut_pictures(passes, input, options);
  std::vector<std::vector<double>> weights;
  if (!options.prior.empty()) {
    const GlobalPrior prior = read_prior(options.prior);
    const std::vector<Tensor> descriptors = describe_pieces(passes, input, pieces, prior.layer);
    for (std::size_t n = 0; n < pieces.size(); ++n)
      weights.push_back(prior.of_pieces(descriptors[n], input.targets[n]));
    return painted(pieces, std::move(weights), options);
  }
  for (std::size_t n = 0; n < pieces.size(); ++n) {  // each picture is all there is to learn from
    const auto i = static_cast<std::int64_t>(n);
    ExplainInput one{.x = input.x.slice(i, i + 1),
                     .targets = {input.targets[n]},
                     .items = {input.items[n]},
                     .segments = {pieces[n].labels},
                     .seed = input.seed,
                     .budget_bytes = input.budget_bytes};
    PriorLearner learner(options);
    learner.add(passes, one);
    const GlobalPrior prior = learner.learn(input.seed);
    const Tensor descriptors = describe_pieces(passes, one, {pieces[n]}, prior.layer)[0];
    weights.push_back(prior.of_pieces(descriptors, input.targets[n]));
  }
  return painted(pieces, std::move(weights), options);
}

}  // namespace clearcut
