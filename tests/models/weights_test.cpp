// Files of weights that PyTorch and Python's pickle wrote; see tests/golden/weights/weights.py.
#include "models/weights/weights_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "models/weights/paddle_file.h"
#include "tensor/npy.h"
#include "tensor/zip.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

const std::string kFolder = "tests/golden/weights/";

// Name -> numbers, as PyTorch or NumPy gave them for `file`.
std::map<std::string, Tensor> expected_of(const std::string& file) {
  std::map<std::string, Tensor> expected;
  for (const auto& [name, tensor] : read_npz(kFolder + "values.npz"))
    if (name.starts_with(file + ":")) expected[name.substr(file.size() + 1)] = tensor;
  return expected;
}

void expect_same(const std::string& name, const Tensor& got, const Tensor& expected) {
  SCOPED_TRACE(name);
  ASSERT_EQ(got.dtype(), expected.dtype());
  ASSERT_EQ(got.shape(), expected.shape());
  on_host<Numbers>("test", Device::kCpu, got.dtype(),
                   [&]<class T>(auto) { EXPECT_EQ(got.values<T>(), expected.values<T>()); });
}

void expect_file(const std::string& file, const std::string& format) {
  SCOPED_TRACE(file);
  const WeightsFile weights = read_weights(kFolder + file);
  EXPECT_EQ(weights.format, format);
  const auto expected = expected_of(file);
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(weights.tensors.size(), expected.size());
  for (const auto& [name, tensor] : weights.tensors) {
    ASSERT_TRUE(expected.contains(name)) << name;
    expect_same(name, tensor, expected.at(name));
  }
}

// Every number exactly: the types are widened without loss.
TEST(Weights, PyTorchsFiles) {
  expect_file("checkpoint.pth", "PyTorch");
  expect_file("state.pth", "PyTorch");
  const WeightsFile file = read_weights(kFolder + "checkpoint.pth");
  ASSERT_EQ(file.notes.size(), 1U);
  EXPECT_EQ(file.notes[0], "the weights under 'state_dict'");
}

TEST(Weights, PaddlesFiles) {
  expect_file("paddle2.pdparams", "Paddle");
  expect_file("paddle4.pdparams", "Paddle");
  expect_file("pairs.pdparams", "Paddle");
}

TEST(Weights, NothingIsRun) {
  const auto read = [](const char* file) { return [=] { read_weights(kFolder + file); }; };
  expect_error(read("evil.pth"), "names 'posix.system', which weights do not need; it was not run");
  expect_error(read("evil.pdparams"), "names 'posix.system'");
  expect_error(read("module.pth"), "names 'torch.nn.modules.container.Sequential'");
  expect_error(read("old.pth"), "before PyTorch 1.6; convert it");
  expect_error(read("objects.pdparams"), "arrays of 'O8' cannot be read");
  expect_error(read("weights.py"), "no file of weights that is known");
}

// Pickles written by hand, protocol 2: the byte at which reading stopped is named.
Bytes pickle(const std::string& opcodes) {
  const std::string whole = "\x80\x02" + opcodes;
  return {whole.begin(), whole.end()};
}
void refuses(const std::string& opcodes, const std::string& text) {
  expect_error([&] { read_paddle(pickle(opcodes), "w.pdparams"); }, text);
}

TEST(Weights, PicklesOfOtherKindsAreRefusedAtTheirByte) {
  refuses("i", "w.pdparams, byte 2: opcode 105 'i' is none of those that weights need");
  refuses("cos\nsystem\n.", "byte 2: names 'os.system'");
  refuses("}", "byte 3: needs 1 bytes, 0 are left; truncated?");
  refuses(".", "byte 2: ends with 0 values instead of one");
  refuses("R.", "byte 2: takes a value from an empty stack");
  refuses("(}.", "byte 4: ends with 1 values instead of one");
  refuses("}(K\x01u.", "byte 6: a dictionary's key has no value");
  refuses("]K\x01K\x02s.", "byte 7: adds items to what is no dictionary");
  refuses("h\x05.", "byte 2: asks for value 5, which was not kept");
  refuses("}e.", "byte 3: there is no mark on the stack");
  refuses("\x8a\x09" + std::string(9, 'x'), "byte 2: an integer of 9 bytes; at most 8");
  refuses(
      "X\xff\xff\xff\xff"
      "a.",
      "byte 2: needs 4294967295 bytes, 2 are left");
  refuses("c" + std::string(300, 'x'), "byte 2: a name without end");
  refuses("}.", "w.pdparams: holds no tensors");
  refuses("K\x01.", "byte 2: holds no dictionary of weights");
  expect_error([] { read_paddle(Bytes{0x80, 1, '.'}, "w"); }, "protocol 1 is not read");
  expect_error([] { read_paddle(Bytes{'(', '.'}, "w"); }, "not a pickle of protocol 2 or later");
}

// A dictionary that contains itself, and one that holds another twice, which holds another twice, ...
TEST(Weights, EndlessPicklesEnd) {
  refuses("}q\x01X\x01" + std::string(3, '\0') + "ah\x01s.", "dictionaries without end");
  const auto text = [](char c) { return "X\x01" + std::string(3, '\0') + c; };
  std::string levels = "}" + text('z') + "}q" + std::string(1, '\0') + "s";
  for (char level = 1; level < 13; ++level) {
    levels += text('z') + "}q" + level;
    for (const char key : {'a', 'b', 'c', 'd'})
      levels += text(key) + "h" + static_cast<char>(level - 1) + "s";
    levels += "s";
  }
  refuses(levels + ".", "dictionaries without end");
}

// One list of pairs that many ordered dictionaries are made of would take memory with the square of the file.
TEST(Weights, OneListForManyDictionariesIsBounded) {
  const std::string zero(1, '\0');
  std::string opcodes = "(ccollections\nOrderedDict\nq" + zero + "](";
  for (int i = 0; i < 4000; ++i) opcodes += "K\x01K\x02\x86";
  opcodes += "eq\x01";
  for (int i = 0; i < 4000; ++i) opcodes += "h" + zero + "h\x01\x85R";
  refuses(opcodes + "t.", "dictionaries are made of more than 500000 pairs");
}

TEST(Weights, NamesAreBounded) {
  const std::string size("\xff\xff\0\0", 4);
  refuses("}X" + size + std::string(0xffff, 'n') + "K\x01s.", "a name of 65535 characters; at most 1000");
}

// state.pth with other bytes in its data.pkl, and their CRC-32 in the directory.
class Patched {
 public:
  Patched() : file_(read_file(kFolder + "state.pth")) {
    const ZipReader zip(file_, "state.pth");
    for (const ZipEntry& entry : zip.entries())
      if (entry.name.ends_with("data.pkl")) pickle_ = zip.stored(entry), old_crc_ = entry.crc;
  }
  std::size_t size() const { return pickle_.size(); }
  std::uint8_t operator[](std::size_t i) const { return pickle_[i]; }
  Bytes with(std::size_t i, std::uint8_t value) const {
    Bytes bytes = file_;
    const auto at = static_cast<std::size_t>(pickle_.data() - file_.data());
    bytes[at + i] = value;
    const std::uint32_t crc = crc32(ByteView(bytes).subspan(at, pickle_.size()));
    for (std::size_t k = at + pickle_.size(); k + 4 <= bytes.size(); ++k)
      if (std::memcmp(&bytes[k], &old_crc_, 4) == 0) std::memcpy(&bytes[k], &crc, 4);
    return bytes;
  }

 private:
  Bytes file_;
  ByteView pickle_;
  std::uint32_t old_crc_ = 0;
};

std::string said_of(const Bytes& bytes) {
  try {
    decode_weights(bytes, "bad.pth");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

// Sizes, strides, offsets and storage sizes stand in the pickle as BININT1, 'K' and one byte: 200 is too
// large for all of them.
TEST(Weights, ViewsStayInsideTheirStorage) {
  const Patched file;
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i + 1 < file.size(); ++i) {
    if (file[i] != 'K') continue;
    const std::string said = said_of(file.with(i + 1, 200));
    for (const char* text :
         {"reaches beyond the", "starts outside its storage", "the pickle says 200 elements"})
      seen[text] += said.find(text) != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(seen["reaches beyond the"], 0);
  EXPECT_GT(seen["starts outside its storage"], 0);
  EXPECT_GT(seen["the pickle says 200 elements"], 0);
}

TEST(Weights, DamagedPicklesNeverCrash) {
  const Patched file;
  int refused = 0;
  for (std::size_t i = 0; i < file.size(); ++i)
    for (const int value : {0, 0x7f, 0x80, 0xff, int{'.'}, int{'('}, int{'R'}, int{'h'}})
      refused += said_of(file.with(i, static_cast<std::uint8_t>(value))) != "accepted" ? 1 : 0;
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace clearcut
