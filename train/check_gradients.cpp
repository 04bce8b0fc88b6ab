#include "autograd/gradcheck.h"
#include "autograd/op_case.h"
#include "train/check.h"

namespace clearcut {

std::vector<GradientCheck> check_gradients(const std::string& filter) {
  std::vector<GradientCheck> checks;
  for (const OpCase& row : all_cases()) {
    if (row.name.find(filter) == std::string::npos) continue;
    for (std::size_t entry = 0; entry < row.shapes.size(); ++entry) {
      GradientCheck one{.row = row.name, .shapes = row.shapes[entry], .where = ""};
      try {
        const auto result = gradcheck(row.f, draw_inputs(row, entry, DType::kFloat64, Device::kReference));
        one.passed = result.passed;
        one.worst = result.worst;
        one.where = result.where;
      } catch (const Error& error) {
        one.where = error.what();
      }
      checks.push_back(std::move(one));
    }
  }
  return checks;
}

}  // namespace clearcut
