// Copies to the device that the host does not wait for.
#pragma once

#include <cstddef>

namespace clearcut::cuda {

/// Bytes of one staging buffer; there are two.
constexpr std::size_t kStagingBytes = std::size_t{8} << 20;

/// Copies `bytes` to the device, behind all kernels started before. Back when `from` may be changed, which is
/// before the bytes are there: they are copied to page-locked memory first, from which the device fetches
/// them while the host goes on. The host waits only if both buffers are full of bytes that are still to be
/// fetched.
void upload(void* to, const void* from, std::size_t bytes);

}  // namespace clearcut::cuda
