// What cuda/vendor declares of NVIDIA's interfaces, against NVIDIA's headers: that this file compiles is the
// test.
#include <cublasLt.h>
#include <cudnn.h>
#include <nccl.h>

#include <type_traits>

#include "cuda/vendor/cublas_lt.h"
#include "cuda/vendor/cudnn.h"
#include "cuda/vendor/nccl.h"

namespace clearcut {
namespace {

// Parameters are told apart by size and kind alone: our enums stand for theirs, void* for their handles.
template <class Ours, class Theirs>
constexpr bool same_parameter =
    sizeof(Ours) == sizeof(Theirs) && std::is_pointer_v<Ours> ==
                                          std::is_pointer_v<Theirs>&& std::is_floating_point_v<Ours> ==
                                          std::is_floating_point_v<Theirs>;

template <class Ours, class Theirs>
struct Same : std::false_type {};
template <class A, class... Ours, class B, class... Theirs>
requires(sizeof...(Ours) == sizeof...(Theirs)) struct Same<A (*)(Ours...), B (*)(Theirs...)>
    : std::bool_constant<((std::is_void_v<A> && std::is_void_v<B>) ||
                          sizeof(std::conditional_t<std::is_void_v<A>, int, A>) ==
                              sizeof(std::conditional_t<std::is_void_v<B>, char, B>)) &&
                         (same_parameter<Ours, Theirs> && ...)> {
};

#define SAME(api, member, function) \
  static_assert(Same<decltype(cuda::api::member), decltype(&function)>::value, #function)
#define EQUAL(ours, theirs) static_assert(static_cast<int>(ours) == static_cast<int>(theirs), #theirs)

SAME(CublasLt, version, cublasLtGetVersion);
SAME(CublasLt, status_text, cublasLtGetStatusString);
SAME(CublasLt, create, cublasLtCreate);
SAME(CublasLt, desc_create, cublasLtMatmulDescCreate);
SAME(CublasLt, desc_set, cublasLtMatmulDescSetAttribute);
SAME(CublasLt, desc_destroy, cublasLtMatmulDescDestroy);
SAME(CublasLt, layout_create, cublasLtMatrixLayoutCreate);
SAME(CublasLt, layout_set, cublasLtMatrixLayoutSetAttribute);
SAME(CublasLt, layout_destroy, cublasLtMatrixLayoutDestroy);
SAME(CublasLt, preference_create, cublasLtMatmulPreferenceCreate);
SAME(CublasLt, preference_set, cublasLtMatmulPreferenceSetAttribute);
SAME(CublasLt, preference_destroy, cublasLtMatmulPreferenceDestroy);
SAME(CublasLt, heuristic, cublasLtMatmulAlgoGetHeuristic);
SAME(CublasLt, matmul, cublasLtMatmul);
static_assert(sizeof(cuda::lt::Heuristic) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(cuda::lt::Heuristic, workspace) ==
              offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(cuda::lt::Heuristic, status) == offsetof(cublasLtMatmulHeuristicResult_t, state));
EQUAL(cuda::lt::kFloat32, CUDA_R_32F);
EQUAL(cuda::lt::kExact32, CUBLAS_COMPUTE_32F);
EQUAL(cuda::lt::kHalf, CUBLAS_COMPUTE_32F_FAST_16F);
EQUAL(cuda::lt::kBf16, CUBLAS_COMPUTE_32F_FAST_16BF);
EQUAL(cuda::lt::kTf32, CUBLAS_COMPUTE_32F_FAST_TF32);
EQUAL(cuda::lt::kTransA, CUBLASLT_MATMUL_DESC_TRANSA);
EQUAL(cuda::lt::kTransB, CUBLASLT_MATMUL_DESC_TRANSB);
EQUAL(cuda::lt::kTransposed, CUBLAS_OP_T);
EQUAL(cuda::lt::kBatchCount, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
EQUAL(cuda::lt::kBatchOffset, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
EQUAL(cuda::lt::kMostWorkspace, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
EQUAL(cuda::lt::kAlignA, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
EQUAL(cuda::lt::kAlignD, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);

SAME(Cudnn, version, cudnnGetVersion);
SAME(Cudnn, error_text, cudnnGetErrorString);
SAME(Cudnn, last_error, cudnnGetLastErrorString);
SAME(Cudnn, create, cudnnCreate);
SAME(Cudnn, tensor_create, cudnnCreateTensorDescriptor);
SAME(Cudnn, tensor_set, cudnnSetTensor4dDescriptor);
SAME(Cudnn, tensor_destroy, cudnnDestroyTensorDescriptor);
SAME(Cudnn, filter_create, cudnnCreateFilterDescriptor);
SAME(Cudnn, filter_set, cudnnSetFilter4dDescriptor);
SAME(Cudnn, filter_destroy, cudnnDestroyFilterDescriptor);
SAME(Cudnn, conv_create, cudnnCreateConvolutionDescriptor);
SAME(Cudnn, conv_set, cudnnSetConvolution2dDescriptor);
SAME(Cudnn, conv_set_groups, cudnnSetConvolutionGroupCount);
SAME(Cudnn, conv_set_math, cudnnSetConvolutionMathType);
SAME(Cudnn, conv_destroy, cudnnDestroyConvolutionDescriptor);
SAME(Cudnn, output_shape, cudnnGetConvolution2dForwardOutputDim);
SAME(Cudnn, forward_suggest, cudnnGetConvolutionForwardAlgorithm_v7);
SAME(Cudnn, forward, cudnnConvolutionForward);
SAME(Cudnn, backward_input_suggest, cudnnGetConvolutionBackwardDataAlgorithm_v7);
SAME(Cudnn, backward_input, cudnnConvolutionBackwardData);
SAME(Cudnn, backward_weight_suggest, cudnnGetConvolutionBackwardFilterAlgorithm_v7);
SAME(Cudnn, backward_weight, cudnnConvolutionBackwardFilter);
SAME(Cudnn, make, cudnnBackendCreateDescriptor);
SAME(Cudnn, destroy, cudnnBackendDestroyDescriptor);
SAME(Cudnn, set, cudnnBackendSetAttribute);
SAME(Cudnn, get, cudnnBackendGetAttribute);
SAME(Cudnn, finalize, cudnnBackendFinalize);
SAME(Cudnn, execute, cudnnBackendExecute);
static_assert(sizeof(cuda::dnn::Suggestion) == sizeof(cudnnConvolutionFwdAlgoPerf_t));
static_assert(sizeof(cuda::dnn::Suggestion) == sizeof(cudnnConvolutionBwdDataAlgoPerf_t));
static_assert(sizeof(cuda::dnn::Suggestion) == sizeof(cudnnConvolutionBwdFilterAlgoPerf_t));
static_assert(offsetof(cuda::dnn::Suggestion, workspace) == offsetof(cudnnConvolutionFwdAlgoPerf_t, memory));
static_assert(offsetof(cuda::dnn::Suggestion, deterministic) ==
              offsetof(cudnnConvolutionFwdAlgoPerf_t, determinism));
EQUAL(cuda::dnn::kFloat32, CUDNN_DATA_FLOAT);
EQUAL(cuda::dnn::kNchw, CUDNN_TENSOR_NCHW);
EQUAL(cuda::dnn::kCrossCorrelation, CUDNN_CROSS_CORRELATION);
EQUAL(cuda::dnn::kTf32Allowed, CUDNN_DEFAULT_MATH);
EQUAL(cuda::dnn::kConversionAllowed, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION);
EQUAL(cuda::dnn::kExact, CUDNN_FMA_MATH);
EQUAL(cuda::dnn::kDeterministic, CUDNN_DETERMINISTIC);
EQUAL(cuda::dnn::kConvolution, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
EQUAL(cuda::dnn::kEngine, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
EQUAL(cuda::dnn::kEngineConfig, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
EQUAL(cuda::dnn::kHeuristic, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
EQUAL(cuda::dnn::kPlan, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
EQUAL(cuda::dnn::kForward, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
EQUAL(cuda::dnn::kBackwardWeight, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
EQUAL(cuda::dnn::kBackwardInput, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);
EQUAL(cuda::dnn::kGraph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
EQUAL(cuda::dnn::kVariantPack, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
EQUAL(cuda::dnn::kTensor, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
EQUAL(cuda::dnn::kHandleType, CUDNN_TYPE_HANDLE);
EQUAL(cuda::dnn::kDataTypeType, CUDNN_TYPE_DATA_TYPE);
EQUAL(cuda::dnn::kInt64, CUDNN_TYPE_INT64);
EQUAL(cuda::dnn::kFloat, CUDNN_TYPE_FLOAT);
EQUAL(cuda::dnn::kPointer, CUDNN_TYPE_VOID_PTR);
EQUAL(cuda::dnn::kModeType, CUDNN_TYPE_CONVOLUTION_MODE);
EQUAL(cuda::dnn::kHeuristicModeType, CUDNN_TYPE_HEUR_MODE);
EQUAL(cuda::dnn::kNoteType, CUDNN_TYPE_NUMERICAL_NOTE);
EQUAL(cuda::dnn::kDescriptor, CUDNN_TYPE_BACKEND_DESCRIPTOR);
EQUAL(cuda::dnn::kConvolutionCompute, CUDNN_ATTR_CONVOLUTION_COMP_TYPE);
EQUAL(cuda::dnn::kConvolutionMode, CUDNN_ATTR_CONVOLUTION_CONV_MODE);
EQUAL(cuda::dnn::kDilations, CUDNN_ATTR_CONVOLUTION_DILATIONS);
EQUAL(cuda::dnn::kStrides, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
EQUAL(cuda::dnn::kPostPaddings, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
EQUAL(cuda::dnn::kPrePaddings, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
EQUAL(cuda::dnn::kSpatialDims, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS);
EQUAL(cuda::dnn::kHeuristicMode, CUDNN_ATTR_ENGINEHEUR_MODE);
EQUAL(cuda::dnn::kHeuristicGraph, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
EQUAL(cuda::dnn::kHeuristicResults, CUDNN_ATTR_ENGINEHEUR_RESULTS);
EQUAL(cuda::dnn::kConfigEngine, CUDNN_ATTR_ENGINECFG_ENGINE);
EQUAL(cuda::dnn::kPlanHandle, CUDNN_ATTR_EXECUTION_PLAN_HANDLE);
EQUAL(cuda::dnn::kPlanConfig, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
EQUAL(cuda::dnn::kPlanWorkspace, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
EQUAL(cuda::dnn::kForwardAlpha, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA);
EQUAL(cuda::dnn::kForwardAlpha + 3, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W);
EQUAL(cuda::dnn::kForwardAlpha + 5, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y);
EQUAL(cuda::dnn::kBackwardInputAlpha + 3, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W);
EQUAL(cuda::dnn::kBackwardInputAlpha + 4, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX);
EQUAL(cuda::dnn::kBackwardWeightAlpha + 3, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW);
EQUAL(cuda::dnn::kBackwardWeightAlpha + 5, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY);
EQUAL(cuda::dnn::kGraphHandle, CUDNN_ATTR_OPERATIONGRAPH_HANDLE);
EQUAL(cuda::dnn::kGraphOperations, CUDNN_ATTR_OPERATIONGRAPH_OPS);
EQUAL(cuda::dnn::kTensorAlignment, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
EQUAL(cuda::dnn::kTensorDataType, CUDNN_ATTR_TENSOR_DATA_TYPE);
EQUAL(cuda::dnn::kTensorDims, CUDNN_ATTR_TENSOR_DIMENSIONS);
EQUAL(cuda::dnn::kTensorStrides, CUDNN_ATTR_TENSOR_STRIDES);
EQUAL(cuda::dnn::kTensorId, CUDNN_ATTR_TENSOR_UNIQUE_ID);
EQUAL(cuda::dnn::kPackIds, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
EQUAL(cuda::dnn::kPackPointers, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
EQUAL(cuda::dnn::kPackWorkspace, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
EQUAL(cuda::dnn::kEngineNotes, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
EQUAL(cuda::dnn::kTensorCore, CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
EQUAL(cuda::dnn::kDownConverts, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS);
EQUAL(cuda::dnn::kReducedPrecision, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION);
EQUAL(cuda::dnn::kNondeterministic, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
EQUAL(cuda::dnn::kFallback, CUDNN_HEUR_MODE_FALLBACK);
EQUAL(cuda::dnn::kModeA, CUDNN_HEUR_MODE_A);

SAME(Nccl, version, ncclGetVersion);
SAME(Nccl, error_text, ncclGetErrorString);
SAME(Nccl, last_error, ncclGetLastError);
SAME(Nccl, draw_ticket, ncclGetUniqueId);
SAME(Nccl, join, ncclCommInitRank);
SAME(Nccl, leave, ncclCommDestroy);
SAME(Nccl, all_reduce, ncclAllReduce);
SAME(Nccl, all_gather, ncclAllGather);
EQUAL(cuda::nccl::kFloat32, ncclFloat32);
EQUAL(cuda::nccl::kFloat64, ncclFloat64);
EQUAL(cuda::nccl::kSum, ncclSum);

}  // namespace
}  // namespace clearcut
