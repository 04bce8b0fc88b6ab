// Stands in for libcudart: memory, streams, events, devices, errors. Work is done when it is asked for:
// streams and events have nothing to wait for.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cuda/ptxsim/cudart/cudart.h"
#include "cuda/ptxsim/device_memory.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

namespace {

cudaError_t last = cudaSuccess;
cudaError_t last_text_of = cudaSuccess;
std::string& last_text() {
  static auto& text = *new std::string;
  return text;
}

cudaError_t allocate(void** pointer, std::size_t bytes) {
  const std::lock_guard lock(cudart_lock());
  *pointer = bytes == 0 ? nullptr : device_memory().allocate(bytes);
  if (bytes == 0 || *pointer != nullptr) return cudaSuccess;
  return set_error(cudaErrorMemoryAllocation, cat("no ", bytes, " bytes left"));
}

cudaError_t release(void* pointer) {
  const std::lock_guard lock(cudart_lock());
  if (pointer == nullptr || device_memory().release(pointer)) return cudaSuccess;
  return set_error(cudaErrorInvalidValue, "free: not the start of a buffer");
}

cudaError_t outside(const char* what, const void* pointer, std::size_t bytes) {
  const Buffer* buffer = device_memory().find(reinterpret_cast<std::uint64_t>(pointer));
  if (buffer == nullptr) return set_error(cudaErrorInvalidValue, cat(what, ": the address is in no buffer"));
  return set_error(cudaErrorInvalidValue, cat(what, ": ", bytes, " bytes from byte ",
                                              static_cast<const std::byte*>(pointer) - buffer->data,
                                              " of a buffer of ", buffer->bytes, " bytes"));
}

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const std::lock_guard lock(cudart_lock());
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (to_device && !device_memory().holds(to, bytes)) return outside("copy", to, bytes);
  if (from_device && !device_memory().holds(from, bytes)) return outside("copy", from, bytes);
  std::memmove(to, from, bytes);
  if (to_device) device_memory().copy_written(to, from, bytes);
  return cudaSuccess;
}

cudaError_t fill(void* pointer, int value, std::size_t bytes) {
  const std::lock_guard lock(cudart_lock());
  if (!device_memory().holds(pointer, bytes)) return outside("fill", pointer, bytes);
  std::memset(pointer, value, bytes);
  device_memory().mark_written(pointer, bytes);
  return cudaSuccess;
}

// Streams and events are addresses that differ.
template <class T>
cudaError_t make(T* handle) {
  *handle = reinterpret_cast<T>(new char);
  return cudaSuccess;
}
template <class T>
cudaError_t destroy(T handle) {
  delete reinterpret_cast<char*>(handle);
  return cudaSuccess;
}

}  // namespace

std::recursive_mutex& cudart_lock() {
  static auto& mutex = *new std::recursive_mutex;
  return mutex;
}

cudaError_t set_error(cudaError_t error, const std::string& text) {
  const std::lock_guard lock(cudart_lock());
  last = last_text_of = error;
  last_text() = text;
  return error;
}

}  // namespace clearcut::ptxsim

using namespace clearcut::ptxsim;

extern "C" {

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) { return allocate(pointer, bytes); }
cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t) {
  return allocate(pointer, bytes);
}
cudaError_t cudaFree(void* pointer) { return release(pointer); }
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t) { return release(pointer); }

// Host memory that copies run from and to: plain memory here.
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  *pointer = std::malloc(bytes);
  return *pointer != nullptr || bytes == 0 ? cudaSuccess
                                           : set_error(cudaErrorMemoryAllocation, "no memory left");
}
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return cudaMallocHost(pointer, bytes);
}
cudaError_t cudaFreeHost(void* pointer) {
  std::free(pointer);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return copy(to, from, bytes, kind);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t) {
  return copy(to, from, bytes, kind);
}
cudaError_t cudaMemset(void* pointer, int value, std::size_t bytes) { return fill(pointer, value, bytes); }
cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t) {
  return fill(pointer, value, bytes);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return make(stream); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return make(stream); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return destroy(stream); }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
cudaError_t cudaStreamQuery(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventCreate(cudaEvent_t* event) { return make(event); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return make(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return destroy(event); }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 0;  // there is none
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "PTX interpreter");
  properties->major = 8;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : set_error(cudaErrorInvalidDevice, "there is one device, number 0");
}

cudaError_t cudaGetLastError() {
  const std::lock_guard lock(cudart_lock());
  return std::exchange(last, cudaSuccess);
}
cudaError_t cudaPeekAtLastError() { return last; }
const char* cudaGetErrorString(cudaError_t error) {
  if (error == cudaSuccess) return "no error";
  return error == last_text_of ? last_text().c_str() : "an error of the CUDA runtime";
}
const char* cudaGetErrorName(cudaError_t error) { return error == cudaSuccess ? "cudaSuccess" : "cudaError"; }

}  // extern "C"
