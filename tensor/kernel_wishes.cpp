#include "tensor/kernel_wishes.h"

#include <cstdlib>
#include <set>

#include "tensor/cuda_variants.h"

namespace clearcut {

namespace {

/// Names of the kernels of one operator, or with "" of all.
std::set<std::string_view> names_of(std::string_view op) {
  std::set<std::string_view> names;
  if (op != "gemm") {
    for (const conv::Kernel* kernel : conv::kernels()) names.insert(kernel->name);
    for (const cuda::Convolution& convolution : cuda::convolutions()) names.insert(convolution.kernel.name);
  }
  if (op != "conv2d")
    for (const cuda::Gemm* gemm : cuda::gemms()) names.insert(gemm->name);
  return names;
}

void check_wish(const KernelWish& wish, std::string_view text) {
  check(wish.op.empty() || wish.op == "conv2d" || wish.op == "gemm", "kernels",
        "an operator must be conv2d or gemm; got '", wish.op, "' in '", text, "'");
  check(wish.direction.empty() || wish.direction == "forward" || wish.direction == "input" ||
            wish.direction == "weight",
        "kernels", "a direction must be forward, input or weight; got '", wish.direction, "' in '", text,
        "'");
  const std::set<std::string_view> names = names_of(wish.op);
  if (names.contains(wish.name)) return;
  std::string known;
  for (const std::string_view name : names) known += cat(known.empty() ? "" : ", ", name);
  fail("kernels", "no ", wish.op, wish.op.empty() ? "" : " ", "kernel is called '", wish.name,
       "'; known: ", known);
}

/// Cuts off what stands before the first `mark`; "" if there is none.
std::string before(char mark, std::string_view& text) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return "";
  const std::string head(text.substr(0, at));
  text.remove_prefix(at + 1);
  return head;
}

std::vector<KernelWish> parse(std::string_view names) {
  std::vector<KernelWish> wishes;
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    const std::string_view text = names.substr(0, comma);
    std::string_view rest = text;
    const std::string op = before('=', rest), direction = before(':', rest);
    wishes.push_back({op, direction, std::string(rest)});
    check_wish(wishes.back(), text);
    names.remove_prefix(std::min(names.size(), comma + 1));
  }
  return wishes;
}

std::vector<KernelWish>& wishes() {
  static std::vector<KernelWish> list = [] {
    const char* names = std::getenv("CLEARCUT_KERNELS");
    return parse(names ? names : "");
  }();
  return list;
}

}  // namespace

void prefer_kernels(std::string_view names) { wishes() = parse(names); }
const std::vector<KernelWish>& kernel_wishes() { return wishes(); }

}  // namespace clearcut
