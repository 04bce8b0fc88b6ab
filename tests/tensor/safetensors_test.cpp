#include "tensor/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "tensor/file.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

std::string path() { return testing::TempDir() + "safetensors/file.safetensors"; }

/// A file from a header and `data_bytes` zeros.
void write_raw(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char*>(&size), 8);
  write_file(path(), bytes + header + std::string(data_bytes, '\0'));
}

void refuses(const std::string& header, std::size_t data_bytes, const std::string& text) {
  write_raw(header, data_bytes);
  expect_error([] { read_safetensors(path()); }, text);
}

TEST(Safetensors, RoundTrip) {
  const SafetensorsFile file{.tensors = {{"w", Tensor::from<float>({2, 2}, {1, -0.0f, 3.5f, 1e-40f})},
                                         {"a.b", Tensor::from<double>({1}, {0.1})},
                                         {"steps", Tensor::from<std::int64_t>({}, {1LL << 40})},
                                         {"i", Tensor::from<std::int32_t>({3}, {-1, 0, 1})},
                                         {"u", Tensor::from<std::uint8_t>({1, 2}, {0, 255})},
                                         {"empty", Tensor(Shape{0, 4})}},
                             .metadata = {{"model", "resnet50"}, {"quote", "\"\n\\ \xC3\xA9"}}};
  write_safetensors(path(), file);
  const SafetensorsFile back = read_safetensors(path());
  EXPECT_EQ(back.metadata, file.metadata);
  ASSERT_EQ(back.tensors.size(), file.tensors.size());
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    const Tensor &x = file.tensors[i].second, &y = back.tensors[i].second;
    EXPECT_EQ(back.tensors[i].first, file.tensors[i].first);
    ASSERT_EQ(y.shape(), x.shape());
    ASSERT_EQ(y.dtype(), x.dtype());
    on_host<Numbers>("test", x.device(), x.dtype(), [&]<class T>(auto) {
      EXPECT_EQ(std::memcmp(x.data<const T>(), y.data<const T>(), x.bytes()), 0);
    });
  }
  const Bytes first = read_file(path());
  write_safetensors(path(), back);
  EXPECT_EQ(read_file(path()), first);
}

// Written by hand after the format description.
TEST(Safetensors, ReadsAFileOfOthers) {
  write_raw(R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},)"
            R"("a":{"data_offsets":[0,4],"dtype":"F32","shape":[]}}   )",
            6);
  const SafetensorsFile file = read_safetensors(path());
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].first, "b");
  EXPECT_EQ(file.tensors[0].second.shape(), (Shape{2}));
  EXPECT_EQ(file.tensors[1].second.item(), 0);
}

TEST(Safetensors, BadFilesAreRefusedByName) {
  refuses(R"({"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", 2,
          "tensor 'a': dtype must be F32, F64");
  refuses(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8,
          "tensor 'a': [3] F32 needs 12 bytes");
  refuses(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})", 4, "tensor 'a': data_offsets must be");
  refuses(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}})", 4, "tensor 'a': data_offsets must be");
  refuses(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,4]}})", 4, "sizes must be >= 0");
  refuses(R"({"a":{"dtype":"U8","data_offsets":[0,4]}})", 4,
          "tensor 'a': needs dtype, shape and data_offsets");
  refuses(R"({"a":{"dtype":"U8","shape":"x","data_offsets":[0,4]}})", 4, "tensor 'a': needs dtype, shape");
  refuses(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
      6, "tensor 'b': starts at byte 2, expected 4");
  refuses(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}})",
      6, "tensor 'b': starts at byte 5, expected 4");
  refuses(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
      2, "the name 'a' comes twice");
  refuses(R"({"__metadata__":{"k":3}})", 0, "__metadata__ 'k' must be a text");
  refuses(R"({"__metadata__":[]})", 0, "__metadata__ must be an object");
  refuses("[1, 2]", 0, "the header is not a JSON object");
  refuses("{", 0, "the header is not a JSON object");
}

TEST(Safetensors, TruncatedFilesAreRefused) {
  const std::string header = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";
  refuses(header, 3, "the header describes 4 bytes of data, the file has 3");
  refuses(header, 5, "the header describes 4 bytes of data, the file has 5");
  write_file(path(), std::string("abc"));
  expect_error([] { read_safetensors(path()); }, "3 bytes are too few for a header");
  write_file(path(), std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}"));
  expect_error([] { read_safetensors(path()); },
               "the header says 18446744073709551615 bytes, the file has 2");
  expect_error([] { read_safetensors(testing::TempDir() + "none.safetensors"); }, "none.safetensors");
}

TEST(Safetensors, WritingLeavesNoTemporaryFile) {
  const std::string folder = testing::TempDir() + "safetensors";
  std::filesystem::remove_all(folder);
  write_safetensors(path(), {.tensors = {{"a", Tensor::zeros({2})}}, .metadata = {}});
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++files;
  EXPECT_EQ(files, 1);
  const Tensor x = Tensor::zeros({1});
  expect_error(
      [&] {
        write_safetensors(path(), {.tensors = {{"a", x}, {"a", x}}, .metadata = {}});
      },
      "the name 'a' comes twice or is reserved");
}

}  // namespace
}  // namespace clearcut
