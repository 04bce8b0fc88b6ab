// Streams of the emulated device, and its last error.
#pragma once

#include <functional>
#include <string>

#include "cuda/emulator/runtime_api.h"

namespace clearcut::emulator {

/// Runs `work` after what the stream has: at once, or (Settings::lazy) when something waits for it.
void enqueue(cudaStream_t stream, std::function<void()> work);
void finish_all_streams();

void set_error(cudaError_t code, const std::string& text);
/// The error since the last call, which forgets it.
cudaError_t take_error();

}  // namespace clearcut::emulator
