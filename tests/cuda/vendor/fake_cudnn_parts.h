// What the two halves of the stand-in for cuDNN share.
#pragma once

#include "tensor/cpu/conv/kernel.h"
#include "tests/cuda/vendor/fake_cudnn.h"

namespace clearcut::test {

constexpr int kBadParameter = 2000, kNotSupported = 3000;  // CUDNN_STATUS_...

extern FakeCudnn* fake_cudnn;  // the living one; the address of this pointer is the handle

struct FakeConvolution {
  Nchw<float> x, w, y;
  ConvOptions options;
};
/// By the reference loops, into x, w or y; a status.
int convolve(const FakeConvolution& c, conv::Direction direction);

namespace fake_backend {
int make(cuda::dnn::DescriptorType type, void** out);
int destroy(void* made);
int set(void* made, cuda::dnn::Attribute attribute, cuda::dnn::AttributeType type, std::int64_t count,
        const void* values);
int get(void* made, cuda::dnn::Attribute attribute, cuda::dnn::AttributeType type, std::int64_t wanted,
        std::int64_t* count, void* values);
int finalize(void* made);
int execute(void* handle, void* plan, void* pack);
}  // namespace fake_backend

}  // namespace clearcut::test
