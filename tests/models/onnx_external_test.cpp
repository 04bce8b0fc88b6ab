// Weights that lie in a second file: only files in the model's folder are opened.
#include "models/onnx_external.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "models/onnx_proto.h"
#include "tests/errors.h"
#include "tests/onnx_writer.h"

namespace clearcut {
namespace {

using test::Message;
using test::onnx_node;
using Floats = std::vector<float>;

Message outside(const std::string& location, const std::string& offset, const std::string& length) {
  const auto entry = [](const char* key, const std::string& value) {
    return Message().text(1, key).text(2, value);
  };
  return Message()
      .number(1, 2)
      .number(2, 1)
      .text(8, "w")
      .part(13, entry("location", location))
      .part(13, entry("offset", offset))
      .part(13, entry("length", length))
      .number(14, 1);
}

std::string in_folder(const std::string& name) { return testing::TempDir() + "external/" + name; }

std::string write_model(const Message& tensor) {
  std::filesystem::create_directories(in_folder("model"));
  const std::string path = in_folder("model/m.onnx");
  write_file(path, test::onnx_model({.nodes = {onnx_node("Add", {"x", "w"}, {"y"})},
                                     .tensors = {tensor},
                                     .inputs = {test::onnx_value("x", {-1, 2})},
                                     .outputs = {test::onnx_value("y", {-1, 2})}}));
  const float values[] = {9, 1.5, -2};
  write_file(in_folder("model/weights.bin"),
             std::string(reinterpret_cast<const char*>(values), sizeof values));
  write_file(in_folder("secret.bin"), std::string(8, 'x'));
  return path;
}

TEST(OnnxExternal, ReadsFilesInTheModelsFolder) {
  const onnx::Model model = onnx::read_model(write_model(outside("weights.bin", "4", "8")));
  EXPECT_EQ(model.graph.initializers.at("w").values<float>(), (Floats{1.5, -2}));
}

TEST(OnnxExternal, RefusesOthers) {
  const auto reads = [](const Message& tensor) { return [=] { onnx::read_model(write_model(tensor)); }; };
  expect_error(reads(outside("../secret.bin", "0", "8")), "must be a file in the model's folder");
  expect_error(reads(outside("/etc/hostname", "0", "8")), "must be a file in the model's folder");
  expect_error(reads(outside("none.bin", "0", "8")), "'none.bin' is missing beside the model");
  expect_error(reads(outside("weights.bin", "8", "8")), "has 12 bytes; 8 at 8 are asked for; truncated?");
  expect_error(reads(outside("weights.bin", "-1", "8")), "'-1' is no whole number");
  expect_error(reads(outside("weights.bin", "0", "12")), "has 2 elements by its sizes, but 3 in the file");
  std::filesystem::create_directories(in_folder("model"));
  std::filesystem::remove(in_folder("model/link.bin"));
  std::filesystem::create_symlink("../secret.bin", in_folder("model/link.bin"));
  expect_error(reads(outside("link.bin", "0", "8")), "leads out of the model's folder");
}

}  // namespace
}  // namespace clearcut
