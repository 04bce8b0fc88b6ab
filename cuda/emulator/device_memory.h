// Memory of the emulated device, watched: what lies behind a buffer, who touches it when.
#pragma once

#include <string>

namespace clearcut::emulator {

/// While one lives, device memory can be reached although Settings::protect is on.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

void protect_buffers(bool on);
/// "" or the first buffer with damage in the few bytes between its end and its guard page.
std::string damaged_buffer();
/// "byte 260 of a buffer of 256 bytes", or the bare address.
std::string describe_address(const void* address);
bool is_in_buffer(const void* address);

}  // namespace clearcut::emulator
