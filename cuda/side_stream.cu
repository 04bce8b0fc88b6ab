#include "cuda/side_stream.h"

#include "cuda/gpu.cuh"

namespace clearcut::cuda {

// Without cudaStreamNonBlocking the stream of the kernels, the default one, would wait for it at each launch.
struct SideStream::Streams {
  Streams() {
    check_call(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a second stream");
    check_call(cudaEventCreate(&event), "an event");
  }
  ~Streams() {
    cudaStreamSynchronize(stream);
    cudaEventDestroy(event);
    cudaStreamDestroy(stream);
  }
  void after(cudaStream_t later, cudaStream_t earlier) const {
    check_call(cudaEventRecord(event, earlier), "an event");
    check_call(cudaStreamWaitEvent(later, event, 0), "waiting for an event");
  }
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
};

SideStream::SideStream() : streams_(std::make_unique<Streams>()) {}
SideStream::~SideStream() = default;
void SideStream::wait_for_kernels() { streams_->after(streams_->stream, nullptr); }
void SideStream::let_kernels_wait() { streams_->after(nullptr, streams_->stream); }
void* SideStream::handle() const { return streams_->stream; }

}  // namespace clearcut::cuda
