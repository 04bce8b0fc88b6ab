// Devices, element types, and on(): the one place where a run-time device and dtype become types.
#pragma once

#include <cstdint>
#include <ostream>
#include <string_view>

#include "tensor/error.h"

namespace clearcut {

/// Tags that choose an implementation by overload resolution. Reference is the specification: plain
/// loops that read like the formula. Cpu derives from it, so an operator without a fast body runs its
/// reference loop on the CPU device too. Cuda is the kernel of cuda/<op>.cu: real or emulated, as linked.
struct Reference {};
struct Cpu : Reference {};
struct Cuda {};

enum class Device : std::uint8_t { kReference, kCpu, kCuda };
enum class DType : std::uint8_t { kFloat32, kFloat64, kInt32, kInt64, kUInt8 };

std::size_t size_of(DType dtype);  // bytes of one element
std::string_view name_of(DType dtype);
std::string_view name_of(Device device);
DType dtype_from_name(std::string_view name);  // "float32", "float64", "int32", "int64", "uint8"
/// "reference", "cpu", "cuda".
Device device_from_name(std::string_view name);
std::ostream& operator<<(std::ostream& out, DType dtype);
std::ostream& operator<<(std::ostream& out, Device device);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kFloat32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kFloat64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::kInt32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::kInt64;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::kUInt8;
};
template <class T>
constexpr DType dtype_of = DTypeOf<T>::value;

/// Lists of element types for on().
template <class... T>
struct Types {};
using Floats = Types<float, double>;
using Integers = Types<std::int32_t, std::int64_t, std::uint8_t>;
using Labels = Types<std::int32_t, std::int64_t>;
using Numbers = Types<float, double, std::int32_t, std::int64_t, std::uint8_t>;

namespace detail {
template <class Tag, class Body, class... T>
void on_dtype(Types<T...>, const char* op, DType dtype, Body&& body) {
  const bool found = ((dtype == dtype_of<T> && (body.template operator()<T>(Tag{}), true)) || ...);
  if (!found) {
    std::string allowed;
    ((allowed += cat(allowed.empty() ? "" : ", ", dtype_of<T>)), ...);
    fail(op, "dtype must be one of ", allowed, "; got ", dtype, "; convert with .to(dtype)");
  }
}
}  // namespace detail

/// Calls body.operator()<T>(tag) for the T of dtype, which must be in List, and the tag of device:
///   on<Floats>("softmax", x.device(), x.dtype(), [&]<class T>(auto tag) { kernels::f(tag, ...); });
template <class List, class Body>
void on(const char* op, Device device, DType dtype, Body&& body) {
  if (device == Device::kReference)
    detail::on_dtype<Reference>(List{}, op, dtype, body);
  else if (device == Device::kCpu)
    detail::on_dtype<Cpu>(List{}, op, dtype, body);
  else
    detail::on_dtype<Cuda>(List{}, op, dtype, body);
}

/// The same for a loop over host memory that has no kernel: a tensor on cuda is refused. The tag is Cpu.
template <class List, class Body>
void on_host(const char* op, Device device, DType dtype, Body&& body) {
  check(device != Device::kCuda, op, "works in host memory; x is on cuda; move it with .to(Device::kCpu)");
  detail::on_dtype<Cpu>(List{}, op, dtype, body);
}

/// Each fast Cpu body, and each launch of a CUDA kernel, calls this once on entry. Tests use the count to
/// prove that a fast body, not the reference loop behind it, was the one that ran.
inline thread_local std::int64_t fast_bodies_entered = 0;
inline void enter_fast_body() { ++fast_bodies_entered; }

}  // namespace clearcut
