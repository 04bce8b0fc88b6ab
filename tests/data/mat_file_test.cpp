// MATLAB files against what SciPy wrote (tests/golden/data/mats.py); the other byte order by hand.
#include "data/mat_file.h"

#include <gtest/gtest.h>

#include "tensor/npy.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

Tensor golden(const std::string& name) {
  static const NamedTensors arrays = read_npz("tests/golden/data/mats.npz");
  return find_array(arrays, name, "mats.npz");
}
Bytes file(const std::string& name) { return golden("file:" + name).values<std::uint8_t>(); }

TEST(MatFile, ArraysAsSciPyWroteThem) {
  for (const char* name : {"plain", "packed"}) {
    const Bytes bytes = file(name);
    for (const char* array : {"LabelMap", "Double", "Whole", "Single", "Signed", "Long", "Logical"}) {
      const Tensor got = decode_mat_array(bytes, name, array), want = golden(array);
      EXPECT_EQ(got.shape(), want.shape()) << array;
      EXPECT_EQ(got.dtype(), want.dtype()) << array;
      EXPECT_EQ(got.to(DType::kFloat64).values<double>(), want.to(DType::kFloat64).values<double>()) << array;
    }
    // Of the fields only one is wanted: cells of sparse matrices lie before it.
    EXPECT_EQ(decode_mat_array(bytes, name, "GTcls.Segmentation").values<std::uint8_t>(),
              golden("Segmentation").values<std::uint8_t>());
  }
}

TEST(MatFile, WhatIsNotThereOrNoNumbersIsNamed) {
  const Bytes bytes = file("packed");
  expect_error([&] { decode_mat_array(bytes, "x.mat", "Labels"); },
               "x.mat: has no variable Labels; it has S, GTcls, LabelMap");
  expect_error([&] { decode_mat_array(bytes, "x.mat", "GTcls.Mask"); },
               "'GTcls' has no field Mask; it has Boundaries, Segmentation, CategoriesPresent");
  expect_error([&] { decode_mat_array(bytes, "x.mat", "LabelMap.Mask"); }, "'LabelMap' is no struct");
  expect_error([&] { decode_mat_array(bytes, "x.mat", "S"); }, "'S' is no array of real numbers");
  expect_error([&] { decode_mat_array(bytes, "x.mat", "GTcls.Boundaries"); }, "is no array of real numbers");
  expect_error([&] { decode_mat_array(file("empty"), "x.mat", "S"); }, "has no variable S; it is empty");
  expect_error([] { decode_mat_array(Bytes{1, 2, 3}, "x.mat", "S"); }, "is no MATLAB file of level 5");
  const std::string hdf5 = "MATLAB 7.3 MAT-file, Platform: GLNXA64" + std::string(500, ' ');
  expect_error([&] { decode_mat_array(Bytes(hdf5.begin(), hdf5.end()), "x.mat", "S"); },
               "was saved by MATLAB with -v7.3, which is HDF5; save it with -v7");
}

// int16 [2, 2] in columns 1 2 | 3 4, most significant byte first: written by hand from the format's tables.
TEST(MatFile, TheOtherByteOrder) {
  Bytes bytes(128, ' ');
  bytes[126] = 'M';
  bytes[127] = 'I';
  const auto add = [&](std::initializer_list<std::uint32_t> words) {
    for (const std::uint32_t word : words)
      for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  };
  add({14, 56});                        // a matrix of 56 bytes
  add({6, 8, 10, 0});                   // flags: class 10, int16
  add({5, 8, 2, 2});                    // 2 x 2
  add({1U << 16 | 1, 0x41000000});      // small: one byte, the name "A"
  add({3, 8, 0x00010002, 0x00030004});  // four int16
  const Tensor a = decode_mat_array(bytes, "x.mat", "A");
  EXPECT_EQ(a.shape(), Shape({2, 2}));
  EXPECT_EQ(a.values<std::int32_t>(), (std::vector<std::int32_t>{1, 3, 2, 4}));
}

TEST(MatFile, DamagedFilesAreErrors) {
  for (const char* name : {"plain", "packed"}) {
    const Bytes whole = file(name);
    // Cut anywhere before the end of the variable that is wanted, the last one.
    for (std::size_t size = 0; size + 8 < whole.size(); size += 7)
      expect_error([&] { decode_mat_array(ByteView(whole).first(size), "x.mat", "Logical"); }, "x.mat");
  }
  Bytes flipped = file("packed");
  flipped[flipped.size() - 6] ^= 0xFF;
  expect_error([&] { decode_mat_array(flipped, "x.mat", "Logical"); }, "x.mat");
}

}  // namespace
}  // namespace clearcut
