// In lazy mode work sits in its stream until something waits for it: what was never waited for never
// happened, so a missing wait shows as a wrong result.
#include "cuda/emulator/stream.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "cuda/emulator/device_memory.h"
#include "cuda/emulator/settings.h"

namespace clearcut::emulator {

struct Stream {
  std::deque<std::function<void()>> work;
  std::uint64_t pushed = 0, done = 0;
};

/// The work that was in a stream when the event was recorded.
struct Event {
  Stream* stream = nullptr;
  std::uint64_t upto = 0;
};

namespace {

struct Device {
  std::recursive_mutex mutex;  // work of one stream may wait for another
  Stream default_stream;
  std::vector<Stream*> streams;
  Settings settings;
  cudaError_t error = cudaSuccess;
  std::string error_text;
};
Device& device() {
  static Device* instance = new Device;
  return *instance;
}

Stream& known(cudaStream_t stream) { return stream ? *stream : device().default_stream; }

void finish(Stream& stream, std::uint64_t upto) {
  const std::lock_guard lock(device().mutex);
  while (stream.done < upto && !stream.work.empty()) {
    const auto work = std::exchange(stream.work.front(), nullptr);
    stream.work.pop_front();
    work();
    ++stream.done;
  }
}

}  // namespace

const Settings& settings() { return device().settings; }

void set_settings(const Settings& wanted) {
  finish_all_streams();
  device().settings = wanted;
  protect_buffers(wanted.protect);
}

void enqueue(cudaStream_t stream, std::function<void()> work) {
  if (!settings().lazy) return work();
  const std::lock_guard lock(device().mutex);
  known(stream).work.push_back(std::move(work));
  ++known(stream).pushed;
}

// The youngest stream first: an order that programs are least likely to expect.
void finish_all_streams() {
  const std::lock_guard lock(device().mutex);
  const std::vector<Stream*> streams = device().streams;
  std::for_each(streams.rbegin(), streams.rend(), [](Stream* stream) { finish(*stream, stream->pushed); });
  finish(device().default_stream, device().default_stream.pushed);
}

void set_error(cudaError_t code, const std::string& text) {
  const std::lock_guard lock(device().mutex);
  if (device().error != cudaSuccess) return;
  device().error = code;
  device().error_text = text;
}

cudaError_t take_error() {
  const std::lock_guard lock(device().mutex);
  return std::exchange(device().error, cudaSuccess);
}

}  // namespace clearcut::emulator

namespace emulator = clearcut::emulator;

cudaError_t cudaGetLastError() { return emulator::take_error(); }
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaSuccess ? "no error" : emulator::device().error_text.c_str();
}

cudaError_t cudaDeviceSynchronize() {
  emulator::finish_all_streams();
  return emulator::take_error();
}

// The default stream never waits for others by itself, so only streams that need not be waited for exist.
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (flags != cudaStreamNonBlocking) {
    emulator::set_error(cudaErrorInvalidValue,
                        "a stream must be cudaStreamNonBlocking: the default stream waits for none");
    return emulator::take_error();
  }
  const std::lock_guard lock(emulator::device().mutex);
  *stream = new emulator::Stream;
  emulator::device().streams.push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  emulator::finish(*stream, stream->pushed);
  const std::lock_guard lock(emulator::device().mutex);
  std::erase(emulator::device().streams, stream);
  delete stream;
  return emulator::take_error();
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  emulator::finish(emulator::known(stream), emulator::known(stream).pushed);
  return emulator::take_error();
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  emulator::enqueue(stream, [recorded = *event] {
    if (recorded.stream != nullptr) emulator::finish(*recorded.stream, recorded.upto);
  });
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new emulator::Event;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  emulator::Stream& recorded = emulator::known(stream);
  *event = {.stream = &recorded, .upto = recorded.pushed};
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->stream != nullptr) emulator::finish(*event->stream, event->upto);
  return emulator::take_error();
}
