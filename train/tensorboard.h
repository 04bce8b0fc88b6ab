// TensorBoard's event files, written without TensorBoard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/file.h"

namespace clearcut {

/// Numbers of one step, by tag ("train/loss").
struct TensorboardEvent {
  double wall_time = 0;  // seconds since 1970
  std::int64_t step = 0;
  std::vector<std::pair<std::string, double>> scalars;
};

/// One record: length (uint64), its masked CRC-32C, the Event message, its masked CRC-32C; little-endian.
/// Event {1: double wall_time, 2: int64 step, 5: Summary {1: repeated Value {1: string tag, 2: float
/// simple_value}}}. Source: TensorFlow's record_writer and event.proto (formats).
Bytes tensorboard_record(const TensorboardEvent& event);
/// The first record of a file: Event {wall_time, 3: "brain.Event:2"}.
Bytes tensorboard_head(double wall_time);

/// CRC of RFC 3720 (Castagnoli), of which event files keep rotate right by 15 + 0xa282ead8.
std::uint32_t crc32c(std::string_view bytes);

/// Appends events to a file that it starts anew; each record in one write.
class TensorboardWriter {
 public:
  TensorboardWriter(std::string path, double wall_time);
  /// Throws Error with the path if it cannot be written.
  void write(const TensorboardEvent& event);

 private:
  void append(const Bytes& record, bool fresh);
  std::string path_;
};

}  // namespace clearcut
