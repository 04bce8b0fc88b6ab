// Stands in for libcudart: the calls that nvcc's host code makes to register programs and to launch kernels.
#include <map>
#include <memory>
#include <vector>

#include "cuda/ptxsim/cudart/cudart.h"
#include "cuda/ptxsim/cudart/fat_binary.h"
#include "cuda/ptxsim/launch.h"
#include "cuda/ptxsim/parser.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

namespace {

struct Program {
  const void* wrapper;
  std::unique_ptr<Module> module;

  Module& parsed() {
    if (!module) module = parse(ptx_of(wrapper));
    return *module;
  }
};
struct Function {
  Program* program;
  std::string name;
  std::size_t shared_limit = kMaxShared;
};
struct Configuration {
  dim3 grid, threads;
  std::size_t shared;
  cudaStream_t stream;
};

// Never destroyed: programs register before main() and may launch until the end.
std::vector<std::unique_ptr<Program>>& programs() {
  static auto& all = *new std::vector<std::unique_ptr<Program>>;
  return all;
}
std::map<const void*, Function>& functions() {
  static auto& all = *new std::map<const void*, Function>;
  return all;
}
std::vector<Configuration>& configurations() {
  static thread_local std::vector<Configuration> stack;
  return stack;
}

cudaError_t run(Function& function, const Configuration& c, void** arguments) {
  const Module& module = function.program->parsed();
  const auto kernel = module.kernels.find(function.name);
  if (kernel == module.kernels.end())
    return set_error(cudaErrorInvalidDeviceFunction, cat("no kernel ", function.name));
  const Verdict verdict =
      launch(kernel->second, {c.grid.x, c.grid.y, c.grid.z}, {c.threads.x, c.threads.y, c.threads.z},
             c.shared, function.shared_limit, arguments);
  if (verdict.outcome == Outcome::kFine) return cudaSuccess;
  return set_error(
      verdict.outcome == Outcome::kRefused ? cudaErrorInvalidConfiguration : cudaErrorLaunchFailure,
      verdict.text);
}

}  // namespace

std::vector<const Module*> all_modules() {
  const std::lock_guard lock(cudart_lock());
  std::vector<const Module*> modules;
  for (const auto& program : programs()) modules.push_back(&program->parsed());
  return modules;
}

}  // namespace clearcut::ptxsim

using namespace clearcut::ptxsim;

extern "C" {

void** __cudaRegisterFatBinary(void* wrapper) {
  programs().push_back(std::make_unique<Program>(Program{wrapper, nullptr}));
  return reinterpret_cast<void**>(programs().back().get());
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 0; }
void __cudaRegisterFunction(void** program, const char* host, char*, const char* name, int, uint3*, uint3*,
                            dim3*, dim3*, int*) {
  functions()[host] = {reinterpret_cast<Program*>(program), name};
}
void __cudaRegisterVar(void**, char*, char*, const char*, int, std::size_t, int, int) {}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 threads, std::size_t shared,
                                     struct CUstream_st* stream) {
  configurations().push_back({grid, threads, shared, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* threads, std::size_t* shared, void* stream) {
  const Configuration c = configurations().back();
  configurations().pop_back();
  *grid = c.grid;
  *threads = c.threads;
  *shared = c.shared;
  *static_cast<cudaStream_t*>(stream) = c.stream;
  return cudaSuccess;
}

// Kernels run at once, whatever their stream: every order that streams and events allow includes that one.
cudaError_t cudaLaunchKernel(const void* host, dim3 grid, dim3 threads, void** arguments, std::size_t shared,
                             cudaStream_t stream) {
  const std::lock_guard lock(cudart_lock());
  const auto function = functions().find(host);
  if (function == functions().end()) return set_error(cudaErrorInvalidDeviceFunction, "no such kernel");
  try {
    return run(function->second, {grid, threads, shared, stream}, arguments);
  } catch (const clearcut::Error& error) {
    return set_error(cudaErrorInvalidPtx, error.what());
  }
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(host));
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 threads, void** arguments,
                               std::size_t shared, cudaStream_t stream) {
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, threads, arguments, shared, stream);
}

cudaError_t cudaFuncSetAttribute(const void* host, cudaFuncAttribute attribute, int value) {
  const std::lock_guard lock(cudart_lock());
  const auto function = functions().find(host);
  if (function == functions().end()) return set_error(cudaErrorInvalidDeviceFunction, "no such kernel");
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  const auto bytes = static_cast<std::size_t>(value);
  if (value < 0 || bytes > kMaxSharedOptIn)
    return set_error(cudaErrorInvalidValue, clearcut::cat("a block may have ", kMaxSharedOptIn,
                                                          " bytes of shared memory; asked for ", value));
  function->second.shared_limit = std::max(kMaxShared, bytes);
  return cudaSuccess;
}

}  // extern "C"
