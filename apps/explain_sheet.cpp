#include "apps/explain_sheet.h"

#include <algorithm>

#include "data/sheet.h"
#include "data/visual.h"
#include "explain/consensus.h"

namespace clearcut::apps {

namespace {

constexpr std::int64_t kColumns = 6;

SheetCell heat_cell(const std::string& title, const std::string& text, const Tensor& map) {
  const float* p = map.data<const float>();
  const auto [low, high] = std::minmax_element(p, p + map.numel());
  return {
      .picture = heat_picture(map), .title = title, .text = text, .ramp = true, .low = *low, .high = *high};
}

SheetCell cell_of(const ExplainedMap& m, const Tensor& picture) {
  const std::string name = m.settings.substr(0, m.settings.find(':'));
  if (!m.map.defined())
    return {.picture = Tensor::full(picture.shape(), 235, DType::kUInt8), .title = name, .text = m.error};
  return heat_cell(name, cat(m.empty ? "CONSTANT: says nothing. " : "", m.model, " ", m.settings), m.map);
}

}  // namespace

Tensor consensus_of(const std::vector<ExplainedMap>& maps) {
  const auto first =
      std::find_if(maps.begin(), maps.end(), [](const ExplainedMap& m) { return m.map.defined(); });
  if (first == maps.end()) return {};
  Consensus consensus(first->map.dim(0), first->map.dim(1));
  for (const ExplainedMap& m : maps)
    if (m.map.defined() && !m.empty && m.settings.rfind("randomcam", 0) != 0)
      consensus.add(
          member_share(Variant::kMinMax, {.map = m.map, .square = {}, .segments = {}, .coefficients = {}}),
          1);
  return consensus.members() > 0 ? consensus.mean() : Tensor();
}

Tensor bordered(const Tensor& picture, const Tensor& superpixels) {
  const std::int64_t H = picture.dim(0), W = picture.dim(1);
  const Tensor result = picture.clone();
  const auto* s = superpixels.data<const std::int32_t>();
  auto* p = result.data<std::uint8_t>();
  for (std::int64_t i = 0; i < H * W; ++i) {
    const bool right = i % W + 1 < W && s[i + 1] != s[i], below = i / W + 1 < H && s[i + W] != s[i];
    if (!right && !below) continue;
    p[i * 3] = p[i * 3 + 1] = 255;
    p[i * 3 + 2] = 0;
  }
  return result;
}

Tensor explain_sheet(const Tensor& picture, const Tensor& superpixels, const std::string& title,
                     const std::vector<ExplainedMap>& maps) {
  std::vector<SheetCell> cells = {
      {.picture = picture, .title = title},
      {.picture = bordered(picture, superpixels),
       .title = "superpixels",
       .text = cat(*std::max_element(superpixels.data<const std::int32_t>(),
                                     superpixels.data<const std::int32_t>() + superpixels.numel()) +
                       1,
                   " regions")}};
  for (const ExplainedMap& m : maps) cells.push_back(cell_of(m, picture));
  if (const Tensor mean = consensus_of(maps); mean.defined())
    cells.push_back(heat_cell("consensus", "mean of all maps but randomcam, each from 0 to 1", mean));
  return draw_sheet(cells, kColumns);
}

}  // namespace clearcut::apps
