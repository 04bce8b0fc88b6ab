#include "tensor/device.h"

#include <array>
#include <utility>

namespace clearcut {

namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array kDTypes = {
    DTypeRow{DType::kFloat32, "float32", 4}, DTypeRow{DType::kFloat64, "float64", 8},
    DTypeRow{DType::kInt32, "int32", 4},     DTypeRow{DType::kInt64, "int64", 8},
    DTypeRow{DType::kUInt8, "uint8", 1},
};

const DTypeRow& row_of(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::size_t size_of(DType dtype) { return row_of(dtype).size; }
std::string_view name_of(DType dtype) { return row_of(dtype).name; }
std::string_view name_of(Device device) {
  constexpr std::array<std::string_view, 3> kNames = {"reference", "cpu", "cuda"};
  return kNames[static_cast<std::size_t>(device)];
}

DType dtype_from_name(std::string_view name) {
  for (const DTypeRow& row : kDTypes)
    if (row.name == name) return row.dtype;
  fail("dtype", "unknown name '", name, "'; known: float32, float64, int32, int64, uint8");
}

Device device_from_name(std::string_view name) {
  if (name == "reference") return Device::kReference;
  if (name == "cpu") return Device::kCpu;
  if (name == "cuda") return Device::kCuda;
  fail("device", "unknown name '", name, "'; known: reference, cpu, cuda");
}

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name_of(dtype); }
std::ostream& operator<<(std::ostream& out, Device device) { return out << name_of(device); }

}  // namespace clearcut
