// The protobuf wire format, writing; onnx_wire.h reads it.
#pragma once

#include <cstdint>
#include <string>

namespace clearcut::onnx {

/// One message under construction: fields are put behind each other and return the message.
/// Source: https://protobuf.dev/programming-guides/encoding.
struct Message {
  std::string bytes;

  Message& raw_varint(std::uint64_t v) {
    for (; v >= 128; v >>= 7) bytes += static_cast<char>(v | 128);
    bytes += static_cast<char>(v);
    return *this;
  }
  Message& key(int field, int type) {
    return raw_varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type));
  }
  Message& number(int field, std::int64_t v) {
    return key(field, 0).raw_varint(static_cast<std::uint64_t>(v));
  }
  Message& real(int field, float v) {
    key(field, 5);
    bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
    return *this;
  }
  /// Text or raw bytes.
  Message& text(int field, const std::string& s) {
    key(field, 2).raw_varint(s.size());
    bytes += s;
    return *this;
  }
  Message& part(int field, const Message& m) { return text(field, m.bytes); }
};

}  // namespace clearcut::onnx
