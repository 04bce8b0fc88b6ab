#include "tensor/cuda_variants.h"

#include <algorithm>
#include <set>

#include "tensor/kernel_wishes.h"

namespace clearcut::cuda {

// GEMM_VARIANTS(X) is X(gemm_NAME) for each file cuda/variants/gemm_NAME.cu, CONV2D_VARIANTS(X) alike: the
// Makefile defines them. The defaults stand in cuda/matmul.cu and cuda/conv2d.cu.
namespace variants {
#define DECLARE(name) extern const Gemm name;
GEMM_VARIANTS(DECLARE)
DECLARE(gemm_default)
#undef DECLARE
#define DECLARE(name) extern const Convolution name;
CONV2D_VARIANTS(DECLARE)
DECLARE(conv2d_default)
#undef DECLARE
}  // namespace variants

namespace {

/// A convolution around a product.
template <const Gemm& gemm>
Convolution unfolded() {
  return {{.name = gemm.name,
           .fits = [](const conv::Layer& layer, Direction d) { return unfolded_fits(gemm, layer, d); },
           .cost = nullptr,
           .forward = [](Nchw<const float> x, const conv::Weights& w, const ConvOptions& o,
                         const Finish<float>& finish,
                         Nchw<float> y) { unfolded_forward(gemm, x, w.w, o, finish, y); },
           .backward_input = [](Nchw<const float> dy, const conv::Weights& w, const ConvOptions& o,
                                Nchw<float> dx) { unfolded_backward_input(gemm, dy, w.w, o, dx); },
           .backward_weight = [](Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o,
                                 Nchw<float> dw) { unfolded_backward_weight(gemm, dy, x, o, dw); }},
          gemm.rounding,
          true};
}

std::vector<Convolution> list_convolutions() {
#define ITSELF(name) variants::name,
#define UNFOLDED(name) unfolded<variants::name>(),
  std::vector<Convolution> all = {CONV2D_VARIANTS(ITSELF) variants::conv2d_default};
  for (const Convolution& around : std::vector<Convolution>{GEMM_VARIANTS(UNFOLDED)})
    if (std::ranges::none_of(all, [&](const Convolution& c) { return c.kernel.name == around.kernel.name; }))
      all.push_back(around);
#undef UNFOLDED
#undef ITSELF
  return all;
}

}  // namespace

const std::vector<const Gemm*>& gemms() {
#define ADDRESS(name) &variants::name,
  static const std::vector<const Gemm*> list = {GEMM_VARIANTS(ADDRESS) & variants::gemm_default};
#undef ADDRESS
  return list;
}

const std::vector<Convolution>& convolutions() {
  static const std::vector<Convolution> list = list_convolutions();
  return list;
}

void check_variant(std::string_view name) {
  std::set<std::string_view> names;
  for (const Gemm* gemm : gemms()) names.insert(gemm->name);
  for (const Convolution& convolution : convolutions()) names.insert(convolution.kernel.name);
  if (names.contains(name)) return;
  std::string known;
  for (const std::string_view one : names) known += cat(known.empty() ? "" : ", ", one);
  fail("variant", "no kernel of cuda is called '", name, "'; known: ", known);
}

const Gemm* preferred(const Product& product) {
  for (const KernelWish& wish : kernel_wishes())
    if (wish.is_for("gemm"))
      for (const Gemm* gemm : gemms())
        if (gemm->name == wish.name && (gemm->fits == nullptr || gemm->fits(product))) return gemm;
  return nullptr;
}

const conv::Kernel* preferred(const conv::Layer& layer, Direction direction) {
  for (const KernelWish& wish : kernel_wishes())
    if (wish.is_for("conv2d", name_of(direction)))
      for (const Convolution& convolution : convolutions())
        if (convolution.kernel.name == wish.name && convolution.kernel.offers(layer, direction))
          return &convolution.kernel;
  return nullptr;
}

}  // namespace clearcut::cuda
