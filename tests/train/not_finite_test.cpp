#include "train/not_finite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tensor/safetensors.h"
#include "tests/train/folder.h"
#include "tests/train/pointwise_task.h"

namespace clearcut {
namespace {

NotFinite look(double weight, const std::function<Var(const Var&)>& f, const std::vector<float>& x,
               const std::string& folder) {
  test::PointwiseTask task(3, weight, f);
  Batch batch;
  batch.images = Tensor::from<float>({3}, x);
  batch.names = {"a.png", "b.png"};
  return find_not_finite(task, batch, folder, 7);
}

// log(0) is infinite; mul and the sum behind it are not to blame. The file holds its input and its result.
TEST(NotFinite, NamesTheFirstOperatorOfTheForwardPass) {
  const test::Folder folder;
  const NotFinite found = look(
      1, [](const Var& y) { return log(y); }, {1, 0, 2}, folder.path());
  EXPECT_EQ(found.op, "log");
  EXPECT_EQ(found.module, "layer");
  EXPECT_EQ(found.value, "output");
  EXPECT_FALSE(found.in_backward);
  const auto file = read_safetensors(folder / "step_7.safetensors");
  const std::map<std::string, Tensor> tensors(file.tensors.begin(), file.tensors.end());
  EXPECT_EQ(tensors.at("input0").values<float>(), (std::vector<float>{1, 0, 2}));
  EXPECT_EQ(tensors.at("output").values<float>()[1], -INFINITY);
  EXPECT_NE(found.text().find("log in layer: output"), std::string::npos) << found.text();
}

// sqrt(0) is 0, but its gradient 1 / (2 sqrt(0)) is infinite.
TEST(NotFinite, NamesTheFirstOperatorOfTheBackwardPass) {
  const test::Folder folder;
  const NotFinite found = look(
      1, [](const Var& y) { return sqrt(y); }, {1, 4, 0}, folder.path());
  EXPECT_EQ(found.op, "sqrt");
  EXPECT_TRUE(found.in_backward);
  EXPECT_EQ(found.value, "gradient of input 0");
  const auto file = read_safetensors(folder / "step_7.safetensors");
  const std::map<std::string, Tensor> tensors(file.tensors.begin(), file.tensors.end());
  EXPECT_EQ(tensors.at("output_gradient").values<float>(), (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(tensors.at("input0_gradient").values<float>()[1], 0.25F);
}

TEST(NotFinite, NamesAParameterOrAnInputThatIsNotFiniteItself) {
  const test::Folder folder;
  const auto same = [](const Var& y) { return y; };
  EXPECT_EQ(look(NAN, same, {1, 2, 3}, folder.path()).value, "layer.w");
  EXPECT_EQ(look(1, same, {1, NAN, 3}, folder.path()).value, "input 1");
  const NotFinite nothing = look(1, same, {1, 2, 3}, folder.path());
  EXPECT_EQ(nothing.op, "");
  EXPECT_NE(nothing.text().find("met no such number"), std::string::npos);
}

}  // namespace
}  // namespace clearcut
