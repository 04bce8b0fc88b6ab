// The part of cuDNN 9's C interface that is used here: legacy convolutions, and the graph back end. Declared
// so that no header of NVIDIA's is needed to build (tests/gpu/vendor_headers.cpp compares it with them).
// Names and numbers are the library's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace clearcut::cuda {

namespace dnn {
enum DataType : int { kFloat32 = 0, kFloat64 = 1 };
enum Format : int { kNchw = 0 };
enum Mode : int { kCrossCorrelation = 1 };
enum Math : int { kTf32Allowed = 0, kConversionAllowed = 2, kExact = 3 };
constexpr int kDeterministic = 1;

/// What a heuristic says about an algorithm, the best first.
struct Suggestion {
  int algorithm, status;
  float milliseconds;
  std::size_t workspace;
  int deterministic, math;
  int reserved[3];
};

enum DescriptorType : int {
  kConvolution = 1,
  kEngine = 2,
  kEngineConfig = 3,
  kHeuristic = 4,
  kPlan = 5,
  kForward = 10,
  kBackwardWeight = 11,
  kBackwardInput = 12,
  kGraph = 15,
  kVariantPack = 16,
  kTensor = 17
};
enum AttributeType : int {
  kHandleType = 0,
  kDataTypeType = 1,
  kInt64 = 3,
  kFloat = 4,
  kDouble = 5,
  kPointer = 6,
  kModeType = 7,
  kHeuristicModeType = 8,
  kNoteType = 11,
  kDescriptor = 15
};
enum Attribute : int {
  kConvolutionCompute = 100,
  kConvolutionMode = 101,
  kDilations = 102,
  kStrides = 103,
  kPostPaddings = 104,
  kPrePaddings = 105,
  kSpatialDims = 106,
  kHeuristicMode = 200,
  kHeuristicGraph = 201,
  kHeuristicResults = 202,
  kConfigEngine = 300,
  kPlanHandle = 400,
  kPlanConfig = 401,
  kPlanWorkspace = 402,
  kForwardAlpha = 700,
  kBackwardInputAlpha = 706,
  kBackwardWeightAlpha = 712,
  kGraphHandle = 800,
  kGraphOperations = 801,
  kTensorAlignment = 900,
  kTensorDataType = 901,
  kTensorDims = 902,
  kTensorStrides = 903,
  kTensorId = 906,
  kPackIds = 1000,
  kPackPointers = 1001,
  kPackWorkspace = 1003,
  kEngineNotes = 1303
};
/// Notes of an engine.
enum Note : int { kTensorCore = 0, kDownConverts = 1, kReducedPrecision = 2, kNondeterministic = 4 };
enum HeuristicMode : int { kFallback = 2, kModeA = 3 };
}  // namespace dnn

/// Its functions; each returns 0 or an error that error_text() explains. Handles and descriptors are
/// pointers.
struct Cudnn {
  std::size_t (*version)();
  const char* (*error_text)(int status);
  void (*last_error)(char* text, std::size_t bytes);  // more about the last error
  int (*create)(void** handle);

  // Legacy: descriptors by position.
  int (*tensor_create)(void** tensor);
  int (*tensor_set)(void* tensor, dnn::Format format, dnn::DataType type, int N, int C, int H, int W);
  int (*tensor_destroy)(void* tensor);
  int (*filter_create)(void** filter);
  int (*filter_set)(void* filter, dnn::DataType type, dnn::Format format, int K, int C, int R, int S);
  int (*filter_destroy)(void* filter);
  int (*conv_create)(void** conv);
  int (*conv_set)(void* conv, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h,
                  int dilation_w, dnn::Mode mode, dnn::DataType compute);
  int (*conv_set_groups)(void* conv, int groups);
  int (*conv_set_math)(void* conv, dnn::Math math);
  int (*conv_destroy)(void* conv);
  int (*output_shape)(void* conv, void* x, void* w, int* N, int* K, int* P, int* Q);
  int (*forward_suggest)(void* handle, void* x, void* w, void* conv, void* y, int wanted, int* found,
                         dnn::Suggestion* results);
  int (*forward)(void* handle, const void* alpha, void* x, const void* x_data, void* w, const void* w_data,
                 void* conv, int algorithm, void* workspace, std::size_t bytes, const void* beta, void* y,
                 void* y_data);
  int (*backward_input_suggest)(void* handle, void* w, void* dy, void* conv, void* dx, int wanted, int* found,
                                dnn::Suggestion* results);
  int (*backward_input)(void* handle, const void* alpha, void* w, const void* w_data, void* dy,
                        const void* dy_data, void* conv, int algorithm, void* workspace, std::size_t bytes,
                        const void* beta, void* dx, void* dx_data);
  int (*backward_weight_suggest)(void* handle, void* x, void* dy, void* conv, void* dw, int wanted,
                                 int* found, dnn::Suggestion* results);
  int (*backward_weight)(void* handle, const void* alpha, void* x, const void* x_data, void* dy,
                         const void* dy_data, void* conv, int algorithm, void* workspace, std::size_t bytes,
                         const void* beta, void* dw, void* dw_data);

  // Graph back end: descriptors by attribute.
  int (*make)(dnn::DescriptorType type, void** descriptor);
  int (*destroy)(void* descriptor);
  int (*set)(void* descriptor, dnn::Attribute attribute, dnn::AttributeType type, std::int64_t count,
             const void* values);
  int (*get)(void* descriptor, dnn::Attribute attribute, dnn::AttributeType type, std::int64_t wanted,
             std::int64_t* count, void* values);
  int (*finalize)(void* descriptor);
  int (*execute)(void* handle, void* plan, void* variant_pack);

  std::string place;  // the file that it came from
};

/// Opens the library at the first call. Throws Error if it is not there.
const Cudnn& cudnn();
/// Its handle for this machine's GPU, opened at the first call. Throws Error if there is none.
void* cudnn_handle();
/// Whether there are a driver and a handle, or a stand-in. Looked up once.
bool cudnn_works();
/// Tests put functions of their own in its place; null: the library again. The next handle is opened anew.
void replace_cudnn(const Cudnn* functions);

/// Throws Error "cuDNN: what: its text" unless the status is 0.
void check_cudnn(int status, const char* what);

}  // namespace clearcut::cuda
