// Arrays that NumPy wrote (tests/golden/data/arrays.py), and files damaged on purpose.
#include "tensor/npy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "tests/errors.h"

namespace clearcut {
namespace {

const NamedTensors& numpy_arrays() {
  static const NamedTensors arrays = read_npz("tests/golden/data/arrays.npz");
  return arrays;
}
Tensor numpy_array(const std::string& name) { return find_array(numpy_arrays(), name, "arrays.npz"); }

TEST(Npy, ReadsEveryNumberTypeThatNumpyWrites) {
  const std::pair<const char*, DType> types[] = {
      {"i1", DType::kInt32},     {"u1", DType::kUInt8},        {"i2", DType::kInt32},
      {"big_i2", DType::kInt32}, {"u2", DType::kInt32},        {"i4", DType::kInt32},
      {"big_i4", DType::kInt32}, {"u4", DType::kInt64},        {"i8", DType::kInt64},
      {"u8", DType::kInt64},     {"f2", DType::kFloat32},      {"f4", DType::kFloat32},
      {"f8", DType::kFloat64},   {"fortran", DType::kFloat32}, {"big_f4", DType::kFloat32}};
  for (const auto& [name, dtype] : types) {
    const Tensor x = numpy_array(name);
    EXPECT_EQ(x.dtype(), dtype) << name;
    EXPECT_EQ(x.shape(), Shape({2, 3})) << name;
    EXPECT_EQ(x.to(DType::kFloat64).values<double>(), (std::vector<double>{0, 1, 2, 3, 4, 5})) << name;
  }
}

TEST(Npy, ReadsBoolScalarsVectorsEmptyAndHalves) {
  EXPECT_EQ(numpy_array("b1").values<std::uint8_t>(), (std::vector<std::uint8_t>{0, 1, 1, 1, 1, 1}));
  EXPECT_EQ(numpy_array("negative").values<std::int32_t>(),
            (std::vector<std::int32_t>{0, -1, -2, -3, -4, -5}));
  EXPECT_EQ(numpy_array("scalar").rank(), 0);
  EXPECT_EQ(numpy_array("scalar").item(), 2.5);
  EXPECT_EQ(numpy_array("vector").values<double>(), (std::vector<double>{0, 1, 2, 3}));
  EXPECT_EQ(numpy_array("empty").shape(), Shape({0, 3}));
  const auto half = numpy_array("half").values<float>();
  // 6e-8 rounds to the smallest half, 2^-24.
  EXPECT_EQ(half, (std::vector<float>{0.5F, -2, 65504, 0x1p-24F, std::numeric_limits<float>::infinity()}));
}

TEST(Npy, ReadsStoredEntriesAndNamesWhatIsMissing) {
  const NamedTensors arrays = read_npz("tests/golden/data/stored.npz");
  EXPECT_EQ(find_array(arrays, "arr_0", "stored.npz").values<std::int32_t>(),
            (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5}));
  expect_error([&] { find_array(arrays, "mask", "stored.npz"); },
               "stored.npz: has no array 'mask'; it has arr_0");
}

TEST(Npy, WritesTheBytesThatNumpyWrites) {
  // np.save of np.arange(3, dtype='f4'): magic, version 1.0, 118 bytes of dictionary, data at byte 128.
  std::string head("\x93NUMPY\x01\x00\x76\x00", 10);
  head += "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
  head.resize(127, ' ');
  head += '\n';
  head += std::string("\0\0\0\0\0\0\x80\x3F\0\0\0\x40", 12);
  EXPECT_EQ(encode_npy(Tensor::from<float>({3}, {0, 1, 2})), Bytes(head.begin(), head.end()));
}

TEST(Npz, RoundTripsAndRepeatsItsBytes) {
  const NamedTensors arrays = {{"a", Tensor::from<float>({2, 2}, {1, -2, 0.5F, 1e-30F})},
                               {"b", Tensor::from<std::uint8_t>({3}, {0, 1, 255})},
                               {"c", Tensor::full({}, 7, DType::kInt64)}};
  for (const bool compress : {true, false}) {
    const Bytes bytes = encode_npz(arrays, {.compress = compress});
    EXPECT_EQ(bytes, encode_npz(arrays, {.compress = compress}));
    const NamedTensors back = decode_npz(bytes, "x.npz");
    ASSERT_EQ(back.size(), 3U);
    EXPECT_EQ(back[0].second.values<float>(), arrays[0].second.values<float>());
    EXPECT_EQ(back[1].second.values<std::uint8_t>(), arrays[1].second.values<std::uint8_t>());
    EXPECT_EQ(back[2].second.item(), 7);
  }
  expect_error([&] { encode_npz({arrays[0], arrays[0]}); }, "'a' comes twice");
}

TEST(Npz, RefusesDamageWithTheFileAndTheEntry) {
  const NamedTensors arrays = {{"arr_0", Tensor::zeros({50, 50}, DType::kInt32)}};
  for (const bool compress : {true, false}) {
    const Bytes good = encode_npz(arrays, {.compress = compress});
    for (std::size_t cut = 0; cut < good.size(); cut += 7)
      expect_error([&] { decode_npz(Bytes(good.begin(), good.begin() + static_cast<long>(cut)), "cut.npz"); },
                   "cut.npz");
    Bytes bad = good;
    bad[30 + 9 + 10] ^= 1;  // inside the packed data, behind the local entry and its name
    expect_error([&] { decode_npz(bad, "bad.npz"); }, "bad.npz, entry 'arr_0.npy'");
  }
  expect_error([&] { decode_npz(encode_npz(arrays), "big.npz", 1000); }, "unpack to more than 1000 bytes");
  expect_error([] { read_npz("tests/golden/data/arrays.py"); }, "not a zip file");
}

Bytes npy_with_dict(const std::string& dict, std::size_t data) {
  std::string text("\x93NUMPY\x01\x00", 8);
  text += {static_cast<char>(dict.size()), 0};
  text += dict + std::string(data, '\0');
  return {text.begin(), text.end()};
}

TEST(Npy, RefusesObjectsAndDamagedHeaders) {
  const auto decode = [](const std::string& dict, std::size_t data) {
    return [=] { decode_npy(npy_with_dict(dict, data), "x.npy"); };
  };
  const std::string tail = "'fortran_order': False, 'shape': (2,), }";
  expect_error(decode("{'descr': '|O', " + tail, 16), "x.npy: object arrays need Python's pickle");
  expect_error(decode("{'descr': [('a', '<f4')], " + tail, 8), "structured arrays");
  expect_error(decode("{'descr': '<c8', " + tail, 16), "element type 'c8'");
  expect_error(decode("{'descr': '<f4', " + tail, 7), "needs 8 bytes of data, the file has 7; truncated?");
  expect_error(decode("{'descr': '<f4', " + tail, 9), "needs 8 bytes of data, the file has 9");
  expect_error(decode("{'descr': '<f4', 'shape': (2,), }", 8), "no 'fortran_order'");
  expect_error(decode("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8),
               "not a list of sizes");
  expect_error(decode("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999), }", 8),
               "x.npy: shape: too many elements");
  expect_error([] { decode_npy(Bytes{1, 2, 3}, "y.npy"); }, "y.npy: not a NumPy file");
}

TEST(Deflate, ChecksumsOfTheStandards) {
  const std::string text = "123456789";
  const Bytes bytes(text.begin(), text.end());
  EXPECT_EQ(crc32(bytes), 0xCBF43926U);    // the check value of CRC-32/ISO-HDLC
  EXPECT_EQ(adler32(bytes), 0x091E01DEU);  // RFC 1950 by hand: sums 478 and 2334
}

TEST(Deflate, RoundTripsAndRefusesWrongSizesAndDamage) {
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{100000}}) {
    Bytes data(n);
    for (std::size_t i = 0; i < n; ++i) data[i] = static_cast<std::uint8_t>(i * i / 7);
    const Bytes packed = zlib_compress(data);
    EXPECT_EQ(zlib_decompress(packed, n, "x"), data);
    EXPECT_EQ(inflate(deflate(data), n, "x"), data);
    expect_error([&] { zlib_decompress(packed, n + 1, "x"); }, "x: ");
    if (n == 0) continue;
    expect_error([&] { zlib_decompress(packed, n - 1, "x"); }, "damaged");
    Bytes bad = packed;
    bad.back() ^= 1;
    expect_error([&] { zlib_decompress(bad, n, "x"); }, "checksum");
  }
  expect_error([] { inflate(Bytes(10), 1 << 30, "bomb"); }, "bomb: 1073741824 bytes cannot come out of 10");
}

TEST(Deflate, ReadsWhatZlibWrote) {
  // Python: zlib.compress(b'a' * 20)
  const Bytes packed = {0x78, 0x9C, 0x4B, 0x4C, 0xC4, 0x04, 0x00, 0x4F, 0xA6, 0x07, 0x95};
  EXPECT_EQ(zlib_decompress(packed, 20, "x"), Bytes(20, 'a'));
}

}  // namespace
}  // namespace clearcut
