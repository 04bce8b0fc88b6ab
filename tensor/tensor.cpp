#include "tensor/tensor.h"

#include <algorithm>

#include "tensor/convert.h"

namespace clearcut {

namespace kernels {

template <class From, class To>
void convert(Reference, Flat<const From> x, Flat<To> y) {
  std::transform(x.data, x.data + x.n, y.data, [](From v) { return static_cast<To>(v); });
}

template <class T>
void fill(Reference, T value, Flat<T> y) {
  std::fill_n(y.data, y.n, value);
}

}  // namespace kernels

namespace {

void copy_bytes(void* to, Device to_device, const void* from, Device from_device, std::size_t bytes) {
  const bool to_cuda = to_device == Device::kCuda, from_cuda = from_device == Device::kCuda;
  if (!to_cuda && !from_cuda)
    std::memmove(to, from, bytes);
  else
    cuda_copy(to, from, bytes,
              !from_cuda ? CudaCopy::kToDevice
              : to_cuda  ? CudaCopy::kOnDevice
                         : CudaCopy::kToHost);
}

}  // namespace

Storage::Storage(std::size_t bytes, Device device) {
  if (device == Device::kCuda)
    cuda.emplace(bytes);
  else
    host.emplace(bytes);
}

Tensor::Tensor(Shape shape, DType dtype, Device device)
    : shape_(shape),
      dtype_(dtype),
      device_(device),
      storage_(std::make_shared<Storage>(static_cast<std::size_t>(shape.numel()) * size_of(dtype), device)) {}

Tensor Tensor::zeros(Shape shape, DType dtype, Device device) {
  Tensor y(shape, dtype, device);
  if (device == Device::kCuda)
    cuda_fill(y.write_address(), 0, y.bytes());
  else
    std::memset(y.write_address(), 0, y.bytes());
  return y;
}

Tensor Tensor::full(Shape shape, double value, DType dtype, Device device) {
  Tensor y(shape, dtype, device);
  on<Numbers>("full", device, dtype,
              [&]<class T>(auto tag) { kernels::fill(tag, static_cast<T>(value), flat<T>(y)); });
  return y;
}

void* Tensor::write_address() const {
  storage_->version.fetch_add(1, std::memory_order_relaxed);
  storage_->last_writer.store("a direct write", std::memory_order_relaxed);
  return static_cast<char*>(storage_->data()) + offset_;
}

const void* Tensor::read_address() const { return static_cast<const char*>(storage_->data()) + offset_; }

void Tensor::written_by(const char* op) const { storage_->last_writer.store(op, std::memory_order_relaxed); }

double Tensor::item() const {
  check(defined() && numel() == 1, "item", "needs exactly one element; shape is ", shape_);
  if (device_ == Device::kCuda) return to(Device::kCpu).item();
  double value = 0;
  on_host<Numbers>("item", device_, dtype_,
                   [&]<class T>(auto) { value = static_cast<double>(*data<const T>()); });
  return value;
}

Tensor Tensor::reshape(const std::vector<std::int64_t>& sizes) const {
  std::vector<std::int64_t> filled = sizes;
  const auto open = std::find(filled.begin(), filled.end(), -1);
  if (open != filled.end()) {
    *open = 1;
    const std::int64_t rest = Shape(filled).numel();
    check(rest > 0 && numel() % rest == 0, "reshape", "cannot work out -1: ", numel(),
          " elements are not a multiple of ", rest, "; from ", shape_);
    *open = numel() / rest;
  }
  const Shape target(filled);
  check(target.numel() == numel(), "reshape", "the number of elements must stay ", numel(), "; from ", shape_,
        " to ", target);
  Tensor view = *this;
  view.shape_ = target;
  return view;
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t end) const {
  check(rank() > 0 && 0 <= begin && begin <= end && end <= dim(0), "slice",
        "rows must satisfy 0 <= begin <= end <= ", rank() > 0 ? dim(0) : 0, "; got ", begin, " to ", end,
        " of ", shape_);
  Tensor view = *this;
  view.shape_ = shape_.with(0, end - begin);
  const std::size_t row_bytes = static_cast<std::size_t>(shape_.without_leading().numel()) * size_of(dtype_);
  view.offset_ = offset_ + static_cast<std::size_t>(begin) * row_bytes;
  return view;
}

Tensor Tensor::operator[](std::int64_t i) const {
  Tensor row = slice(i, i + 1);
  row.shape_ = row.shape_.without_leading();
  return row;
}

Tensor Tensor::clone() const {
  Tensor y(shape_, dtype_, device_);
  copy_bytes(y.write_address(), device_, read_address(), device_, bytes());
  return y;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == dtype_) return *this;
  Tensor y(shape_, dtype, device_);
  on<Numbers>("to", device_, dtype_, [&]<class From>(auto) {
    on<Numbers>("to", device_, dtype,
                [&]<class To>(auto tag) { kernels::convert(tag, flat<const From>(*this), flat<To>(y)); });
  });
  return y;
}

Tensor Tensor::to(Device device) const {
  if ((device == Device::kCuda) != (device_ == Device::kCuda)) {
    const Tensor copy(shape_, dtype_, device);
    copy_bytes(copy.write_address(), device, read_address(), device_, bytes());
    return copy;
  }
  Tensor y = *this;
  y.device_ = device;
  return y;
}

void Tensor::copy_from(const Tensor& source, const char* writer) const {
  check(shape_ == source.shape_ && dtype_ == source.dtype_, "copy_from", "shape and dtype must be ", shape_,
        " ", dtype_, "; got ", source.shape_, " ", source.dtype_);
  copy_bytes(write_address(), device_, source.read_address(), source.device_, bytes());
  written_by(writer);
}

Tensor empty_like(const Tensor& x) { return Tensor(x.shape(), x.dtype(), x.device()); }
Tensor zeros_like(const Tensor& x) { return Tensor::zeros(x.shape(), x.dtype(), x.device()); }

void check_same_kind(const char* op, const Tensor& a, const Tensor& b) {
  check(a.defined() && b.defined(), op, "an input tensor is undefined");
  check(a.dtype() == b.dtype(), op, "dtypes differ: ", a.dtype(), " and ", b.dtype(),
        "; convert one with .to(dtype)");
  check(a.device() == b.device(), op, "devices differ: ", a.device(), " and ", b.device(),
        "; convert one with .to(device)");
}

void check_rank(const char* op, const char* name, const Tensor& x, int rank, const char* dims) {
  check(x.defined(), op, name, " is undefined");
  check(x.rank() == rank, op, name, " must be ", dims, ", got ", x.shape());
}

}  // namespace clearcut
