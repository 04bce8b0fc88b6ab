#include "explain/measures/patch.h"

#include <algorithm>
#include <cmath>

#include "explain/measures/localisation.h"
#include "explain/measures/measure_table.h"
#include "explain/sweep.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

template <class Body>
void each_pixel(const PatchPlace& place, std::int64_t width, const Body& body) {
  for (std::int64_t y = place.top; y < place.top + place.side; ++y)
    for (std::int64_t x = place.left; x < place.left + place.side; ++x) body(y * width + x);
}

}  // namespace

PatchPlace patch_place(std::int64_t height, std::int64_t width, std::int64_t side, std::uint64_t seed,
                       std::uint64_t item) {
  check(side >= 1 && side <= height && side <= width, "patch", "a patch of ", side, " pixels does not fit ",
        height, " x ", width);
  const RandomStream stream(seed, "patch", item);
  return {stream.below(0, height - side + 1), stream.below(1, width - side + 1), side};
}

std::int64_t patch_side(std::int64_t height, std::int64_t width) {
  return std::max<std::int64_t>(1, std::llround(60.0 / 224 * static_cast<double>(std::min(height, width))));
}

Tensor paste_patch(const Tensor& picture, const PatchPlace& place) {
  Tensor pasted = picture.clone();
  std::uint8_t* p = pasted.data<std::uint8_t>();
  each_pixel(place, picture.dim(1), [&](std::int64_t i) { std::copy_n(kPatchColour.data(), 3, p + 3 * i); });
  return pasted;
}

Tensor patch_mask(std::int64_t height, std::int64_t width, const PatchPlace& place) {
  Tensor inside = Tensor::zeros({height, width}, DType::kUInt8);
  std::uint8_t* p = inside.data<std::uint8_t>();
  each_pixel(place, width, [&](std::int64_t i) { p[i] = 1; });
  return inside;
}

namespace {

Verdict pasted_patch(Trial& trial, const MeasureSettings& settings) {
  const Subject& subject = trial.subject();
  const std::int64_t H = subject.height(), W = subject.width(), n = H * W;
  const auto asked = static_cast<std::int64_t>(settings.at("side"));
  const PatchPlace place =
      patch_place(H, W, asked > 0 ? asked : patch_side(H, W), subject.seed(), subject.item());
  const Tensor x = subject.input().x.clone();
  const std::vector<float> yellow = subject.colour(kPatchColour);
  for (std::int64_t c = 0; c < 3; ++c)
    each_pixel(place, W,
               [&](std::int64_t i) { x.data<float>()[c * n + i] = yellow[static_cast<std::size_t>(c)]; });
  const Target& target = *subject.evidence.patch;
  const Tensor map = map_over_input(trial.explain_again(subject.classifier(), x, target)[0], H, W);
  const Tensor inside = patch_mask(H, W, place);
  const Localisation found = localise(map, inside, 0);
  return {.value = average_precision(map, inside),
          .parts = {{"hit", found.hit ? 1.0 : 0.0},
                    {"energy", found.energy},
                    {"precision", found.precision},
                    {"recall", found.recall},
                    {"f1", found.f1},
                    {"roc_auc", found.auc}}};
}

const std::vector<MeasureRow> kRows = {
    {.name = "pasted_patch",
     .formula = "average precision of the map for the patch's class, once a yellow square is pasted at "
                "random; parts hit, energy, precision, recall, f1, roc_auc",
     .paper = "M4",
     .needs = Needs::kPatch,
     .cost = "1 explanation",
     .settings = {{"side", 0, 0, 1e4, "pixels of the input; 0: 60 of 224 of its shorter side", true}},
     .judge = pasted_patch},
};

}  // namespace

MeasureFamily patch_measures() { return {"A patch whose place is known", kRows}; }

}  // namespace clearcut
