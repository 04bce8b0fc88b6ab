#include "cuda/vendor/cudnn.h"

#include <array>

#include "cuda/vendor/library.h"

namespace clearcut::cuda {

namespace {

const Cudnn* replacement = nullptr;
void* open_handle = nullptr;

void find_legacy(const SharedLibrary& library, Cudnn& f) {
  library.find(f.tensor_create, "cudnnCreateTensorDescriptor");
  library.find(f.tensor_set, "cudnnSetTensor4dDescriptor");
  library.find(f.tensor_destroy, "cudnnDestroyTensorDescriptor");
  library.find(f.filter_create, "cudnnCreateFilterDescriptor");
  library.find(f.filter_set, "cudnnSetFilter4dDescriptor");
  library.find(f.filter_destroy, "cudnnDestroyFilterDescriptor");
  library.find(f.conv_create, "cudnnCreateConvolutionDescriptor");
  library.find(f.conv_set, "cudnnSetConvolution2dDescriptor");
  library.find(f.conv_set_groups, "cudnnSetConvolutionGroupCount");
  library.find(f.conv_set_math, "cudnnSetConvolutionMathType");
  library.find(f.conv_destroy, "cudnnDestroyConvolutionDescriptor");
  library.find(f.output_shape, "cudnnGetConvolution2dForwardOutputDim");
  library.find(f.forward_suggest, "cudnnGetConvolutionForwardAlgorithm_v7");
  library.find(f.forward, "cudnnConvolutionForward");
  library.find(f.backward_input_suggest, "cudnnGetConvolutionBackwardDataAlgorithm_v7");
  library.find(f.backward_input, "cudnnConvolutionBackwardData");
  library.find(f.backward_weight_suggest, "cudnnGetConvolutionBackwardFilterAlgorithm_v7");
  library.find(f.backward_weight, "cudnnConvolutionBackwardFilter");
}

Cudnn opened() {
  const SharedLibrary library = open_library("cuDNN", "libcudnn.so.9");
  Cudnn f{};
  library.find(f.version, "cudnnGetVersion");
  library.find(f.error_text, "cudnnGetErrorString");
  library.find(f.last_error, "cudnnGetLastErrorString");
  library.find(f.create, "cudnnCreate");
  find_legacy(library, f);
  library.find(f.make, "cudnnBackendCreateDescriptor");
  library.find(f.destroy, "cudnnBackendDestroyDescriptor");
  library.find(f.set, "cudnnBackendSetAttribute");
  library.find(f.get, "cudnnBackendGetAttribute");
  library.find(f.finalize, "cudnnBackendFinalize");
  library.find(f.execute, "cudnnBackendExecute");
  f.place = library.place();
  return f;
}

}  // namespace

const Cudnn& cudnn() {
  if (replacement != nullptr) return *replacement;
  static const Cudnn functions = opened();
  return functions;
}

void* cudnn_handle() {
  if (open_handle == nullptr) {
    void* handle = nullptr;
    check_cudnn(cudnn().create(&handle), "opening it on this machine's GPU");
    open_handle = handle;
  }
  return open_handle;
}

bool cudnn_works() {
  static const bool works = opens(cudnn_handle);
  return replacement != nullptr || works;
}

void replace_cudnn(const Cudnn* functions) {
  replacement = functions;
  open_handle = nullptr;
}

void check_cudnn(int status, const char* what) {
  if (status == 0) return;
  std::array<char, 512> more{};
  cudnn().last_error(more.data(), more.size());
  fail("cuDNN", what, ": ", cudnn().error_text(status), more[0] != '\0' ? cat(" (", more.data(), ")") : "");
}

}  // namespace clearcut::cuda
