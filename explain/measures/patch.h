// The pasted patch: where the right answer is known because we put it there. Rows: patch_measures().
#pragma once

#include <array>
#include <cstdint>

#include "tensor/tensor.h"

namespace clearcut {

/// Where a patch of side x side pixels lies in a picture of height x width, drawn for this item: the top from
/// number 0, the left side from number 1 of RandomStream(seed, "patch", item). Throws Error if it does not
/// fit.
struct PatchPlace {
  std::int64_t top = 0, left = 0, side = 0;
};
PatchPlace patch_place(std::int64_t height, std::int64_t width, std::int64_t side, std::uint64_t seed,
                       std::uint64_t item);

/// Side of the patch in the authors' test, 60 of 224 pixels, for another size of input: rounded.
std::int64_t patch_side(std::int64_t height, std::int64_t width);

constexpr std::array<std::uint8_t, 3> kPatchColour = {255, 255, 0};

/// A picture uint8 [H, W, 3] with a yellow patch: to train a network that detects it.
Tensor paste_patch(const Tensor& picture, const PatchPlace& place);

/// uint8 [H, W]: 1 on the patch.
Tensor patch_mask(std::int64_t height, std::int64_t width, const PatchPlace& place);

}  // namespace clearcut
