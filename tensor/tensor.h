// Tensor: a dense, row-major, reference-counted array with a dtype and a device.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tensor/cuda_memory.h"
#include "tensor/device.h"
#include "tensor/memory.h"
#include "tensor/shape.h"

namespace clearcut {

/// The bytes that one or more tensors share. `version` counts writes: a value that was saved for the
/// backward pass and overwritten since is found by comparing versions.
struct Storage {
  Storage(std::size_t bytes, Device device);
  void* data() const { return host ? host->data() : cuda->data(); }
  std::optional<MemoryBlock> host;  // reference and cpu
  std::optional<CudaBlock> cuda;
  std::atomic<std::uint64_t> version{0};
  std::atomic<const char*> last_writer{"a direct write"};
};

/// Copying a Tensor copies the handle, not the numbers; clone() copies the numbers. A tensor is always
/// contiguous: the only views are reshape() and slices of the leading dimension, which share storage.
/// Nothing is promoted silently: operators refuse to mix dtypes or devices.
class Tensor {
 public:
  /// Undefined; only defined(), assignment and destruction are allowed.
  Tensor() = default;
  /// Uninitialised numbers.
  explicit Tensor(Shape shape, DType dtype = DType::kFloat32, Device device = Device::kCpu);

  static Tensor zeros(Shape shape, DType dtype = DType::kFloat32, Device device = Device::kCpu);
  static Tensor full(Shape shape, double value, DType dtype = DType::kFloat32, Device device = Device::kCpu);
  /// Throws Error unless values.size() == shape.numel().
  template <class T>
  static Tensor from(Shape shape, const std::vector<T>& values, Device device = Device::kCpu);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t dim(int i) const { return shape_[i]; }  // negative i counts from the end
  int rank() const { return shape_.rank(); }
  std::int64_t numel() const { return shape_.numel(); }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }

  /// data<const T>() reads; data<T>() writes and counts as one write (see Storage::version). On cuda the
  /// address is the device's: for kernels only. Throws Error if T is not the dtype of this tensor.
  template <class T>
  T* data() const;
  /// The only element of a one-element tensor of any dtype.
  double item() const;
  /// The numbers, copied out. Throws Error if T is not the dtype.
  template <class T>
  std::vector<T> values() const;

  /// Same numbers, other shape; one size may be -1 and is worked out.
  Tensor reshape(const std::vector<std::int64_t>& sizes) const;
  Tensor reshape(std::initializer_list<std::int64_t> sizes) const { return reshape(std::vector(sizes)); }
  Tensor reshape(const Shape& shape) const { return reshape(shape.sizes()); }
  /// Rows [begin, end) of the leading dimension.
  Tensor slice(std::int64_t begin, std::int64_t end) const;
  /// Row i of the leading dimension, without that dimension.
  Tensor operator[](std::int64_t i) const;

  Tensor clone() const;
  /// Converted copy (static_cast per element); the tensor itself if it has that dtype already.
  Tensor to(DType dtype) const;
  /// The same numbers on another device: copied to or from cuda; reference and cpu share host memory, so
  /// between those this is a new handle.
  Tensor to(Device device) const;
  /// Overwrites all numbers with those of `source` (same shape and dtype, any device).
  void copy_from(const Tensor& source, const char* writer = "copy_from") const;

  bool shares_storage(const Tensor& other) const { return storage_ == other.storage_; }
  /// True if both are the same elements of one storage, read alike: as long as version() stays, the same
  /// numbers.
  bool same_view(const Tensor& other) const {
    return storage_ == other.storage_ && offset_ == other.offset_ && shape_ == other.shape_ &&
           dtype_ == other.dtype_;
  }
  /// True if no other handle shares the storage: its numbers may be taken over for a result.
  bool unique() const { return storage_.use_count() == 1; }
  std::uint64_t version() const { return storage_->version.load(std::memory_order_relaxed); }
  const char* last_writer() const { return storage_->last_writer.load(std::memory_order_relaxed); }
  /// Names the operator whose write came last, for error messages.
  void written_by(const char* op) const;

 private:
  void* write_address() const;
  const void* read_address() const;

  Shape shape_;
  DType dtype_ = DType::kFloat32;
  Device device_ = Device::kCpu;
  std::shared_ptr<Storage> storage_;
  std::size_t offset_ = 0;  // bytes
};

Tensor empty_like(const Tensor& x);
Tensor zeros_like(const Tensor& x);
/// Throws Error "op: ..." unless a and b have one dtype and one device.
void check_same_kind(const char* op, const Tensor& a, const Tensor& b);
/// Throws Error "op: name must be [n, c, h, w]..." unless x is defined and of that rank; `dims` is for the
/// text.
void check_rank(const char* op, const char* name, const Tensor& x, int rank, const char* dims);

template <class T>
T* Tensor::data() const {
  using Plain = std::remove_const_t<T>;
  check(defined(), "tensor", "data() of an undefined tensor");
  check(dtype_ == dtype_of<Plain>, "tensor", "data() asked as ", dtype_of<Plain>, " of a ", dtype_,
        " tensor ", shape_);
  if constexpr (std::is_const_v<T>)
    return static_cast<T*>(read_address());
  else
    return static_cast<T*>(write_address());
}

template <class T>
Tensor Tensor::from(Shape shape, const std::vector<T>& values, Device device) {
  if (device == Device::kCuda) return from(shape, values).to(device);
  Tensor y(shape, dtype_of<T>, device);
  check(static_cast<std::int64_t>(values.size()) == y.numel(), "tensor", "shape ", shape, " needs ",
        y.numel(), " values, got ", values.size());
  if (!values.empty()) std::memcpy(y.data<T>(), values.data(), y.bytes());
  return y;
}

template <class T>
std::vector<T> Tensor::values() const {
  if (device_ == Device::kCuda) return to(Device::kCpu).values<T>();
  const T* p = data<const T>();
  return std::vector<T>(p, p + numel());
}

}  // namespace clearcut
