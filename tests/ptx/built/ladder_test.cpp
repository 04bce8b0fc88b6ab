// The ladder of docs/kernels.md: what each kernel of cuda/variants does, counted in what nvcc made of it.
// `make counters` prints the table; CLEARCUT_VARIANT, a part of a file's name, chooses rows.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cuda/ptxsim/counters.h"
#include "train/bench/operands.h"

namespace clearcut::test {
namespace {

using conv::Direction, ptxsim::Counted, ptxsim::Counters, ptxsim::Traffic;

// NVIDIA's data sheet of the H100 SXM, without sparsity.
constexpr double kFloat32 = 67, kTf32 = 494.5, kTerabytes = 3.35;  // Tflop/s, TB/s

/// What all kernels together did while body() ran; of several the main loop is that of the longest.
template <class Body>
Counters counted(const Body& body) {
  ptxsim::reset_counters();
  body();
  Counters longest;
  for (const auto& [name, counters] : ptxsim::counters())
    if (counters.warps() > longest.warps()) longest = counters;
  return longest;
}

double share(double a, double b) { return b == 0 ? 0 : a / b; }

/// "1.00 (1.00)": units of a request and how few would do.
std::string per_request(const Traffic& t) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f (%.2f)", share(double(t.units), double(t.requests)),
                share(double(t.least_units), double(t.requests)));
  return t.requests == 0 ? "-" : text;
}

std::string row(const std::string& name, const Counters& c, double multiply_adds, double rounding) {
  const Counters loop = c.main_loop();
  const Traffic load = c.global(Counted::kLoad);
  const double useful = double(loop.count(Counted::kMultiplyAdd) + loop.count(Counted::kMatrix));
  const double per_byte = 2 * multiply_adds / (32 * double(load.units));
  char text[300];
  std::snprintf(text, sizeof text, "| `%s` | %.2f | %.0f %% | %s | %s | %.2f | %.1f |", name.c_str(),
                double(c.lanes()) / multiply_adds, 100 * share(useful, double(loop.warps())),
                per_request(load).c_str(), per_request(c.shared()).c_str(), per_byte,
                std::min(rounding > 0 ? kTf32 : kFloat32, per_byte * kTerabytes));
  return text;
}

bool chosen(const std::string& file) {
  const char* part = std::getenv("CLEARCUT_VARIANT");
  return part == nullptr || file.find(part) != std::string::npos;
}

bool fits(const cuda::Gemm& gemm, const cuda::Product& product) {
  return gemm.fits == nullptr || gemm.fits(product);
}

// c = a b of 256 x 256 x 256; a 3x3 convolution of 64 to 64 channels on one picture of 28 x 28.
std::vector<std::string> table() {
  std::vector<std::string> rows;
  const std::int64_t n = 256;
  const ProductOperands product({"NN", "", n, n, n}, 1, 1, Device::kCuda);
  for (const cuda::Gemm* gemm : cuda::gemms())
    if (const std::string file = cat("gemm_", gemm->name); chosen(file) && fits(*gemm, product.product()))
      rows.push_back(
          row(file, counted([&] { gemm->multiply(product.product()); }), double(n * n * n), gemm->rounding));
  LayerShape shape = parse_layer("64:28:64:3");
  shape.batch = 1;
  const ConvOperands layer(shape, 1, Device::kCuda);
  for (const cuda::Convolution& c : cuda::convolutions())
    if (!c.unfolded && chosen(c.file_name()) && c.kernel.offers(layer.layer(), Direction::kForward))
      rows.push_back(row(c.file_name(), counted([&] { layer.run(c.kernel, Direction::kForward); }),
                         layer.layer().multiply_adds(), c.rounding));
  return rows;
}

constexpr std::size_t kPasses = 5;  // the cell of shared passes per access

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> parts;
  std::stringstream text(line);
  for (std::string part; std::getline(text, part, '|');) parts.push_back(part);
  return parts;
}

/// "4.00 (4.00)" and "3.97 (3.97)". nvcc 13 does not make the same of one source each time: it splits one of
/// 64 or more shared loads of 16 bytes in two, or none, by which passes per access fall by 0.8 % at most.
bool near(const std::string& a, const std::string& b) {
  double x = 0, least_x = 0, y = 0, least_y = 0;
  if (std::sscanf(a.c_str(), " %lf (%lf)", &x, &least_x) != 2 ||
      std::sscanf(b.c_str(), " %lf (%lf)", &y, &least_y) != 2)
    return a == b;
  return std::abs(x - y) <= 0.01 * y && std::abs(least_x - least_y) <= 0.01 * least_y;
}

bool is_in(const std::string& text, const std::string& row) {
  const std::vector<std::string> got = cells(row);
  std::stringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> written = cells(line);
    bool same = written.size() == got.size();
    for (std::size_t i = 0; same && i < got.size(); ++i)
      same = i == kPasses ? near(got[i], written[i]) : got[i] == written[i];
    if (same) return true;
  }
  return false;
}

TEST(PtxLadder, Table) {
  std::ifstream file("docs/kernels.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::vector<std::string> rows = table();
  std::cout << "| kernel | instructions per multiply-add | multiply-adds or mma in the main loop | sectors "
               "per load "
               "(least) | shared passes per access (least) | operations per byte asked of memory | at most, "
               "Tflop/s |\n|---|---|---|---|---|---|---|\n";
  for (const std::string& line : rows) {
    std::cout << line << "\n";
    const bool ours = line.find("`gemm_v") != std::string::npos ||
                      line.find("`conv2d_v") != std::string::npos ||
                      line.find("_default`") != std::string::npos;
    if (!ours) continue;
    EXPECT_TRUE(is_in(text.str(), line)) << "docs/kernels.md has other numbers than " << line;
  }
  EXPECT_FALSE(rows.empty()) << "no kernel has that name";
}

}  // namespace
}  // namespace clearcut::test
