// The protobuf wire format, as far as ONNX files use it: a reader that believes nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tensor/error.h"

namespace clearcut::onnx {

/// Reads the fields of one message one after the other:
///   while (reader.next()) if (reader.field() == 7) graph(reader.message("graph"));
/// A field that nobody asked for is skipped. Every length is compared with the bytes that are left before it
/// is used, so a damaged file costs no memory. Errors name the file and the message.
/// Source: https://protobuf.dev/programming-guides/encoding.
class WireReader {
 public:
  enum class Type : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  WireReader(std::span<const std::uint8_t> bytes, std::string_view file, std::string_view message)
      : at_(bytes.data()), end_(at_ + bytes.size()), file_(file), message_(message) {}

  /// Goes to the next field; false at the end of the message.
  bool next();
  int field() const { return field_; }
  Type type() const { return type_; }

  std::int64_t varint();  // int32, int64, bool, enum
  float fixed32();        // float
  double fixed64();       // double
  /// The raw bytes of a length-delimited field; the view lives as long as the file's bytes.
  std::span<const std::uint8_t> bytes();
  /// UTF-8 text of at most 64 KiB; control characters are replaced by '?', so that it can be printed.
  std::string text();
  WireReader message(std::string_view name);

  /// A repeated number, packed or not: calls take(value) for each one in this field.
  template <class Take>
  void varints(const Take& take) {
    if (type_ != Type::kBytes) return take(varint());
    WireReader packed = message(message_);
    while (packed.at_ != packed.end_) take(packed.raw_varint());
  }
  template <class Take>
  void floats(const Take& take) {
    if (type_ != Type::kBytes) return take(fixed32());
    WireReader packed = message(message_);
    while (packed.at_ != packed.end_) take(packed.raw<float>());
  }
  template <class Take>
  void doubles(const Take& take) {
    if (type_ != Type::kBytes) return take(fixed64());
    WireReader packed = message(message_);
    while (packed.at_ != packed.end_) take(packed.raw<double>());
  }

  /// Throws Error "onnx: FILE: MESSAGE: parts...".
  template <class... Part>
  [[noreturn]] void broken(const Part&... parts) const {
    clearcut::fail("onnx", file_, ": ", message_, ": ", parts...);
  }

 private:
  std::uint64_t raw_varint();
  template <class T>
  T raw();
  void skip();
  void want(Type type) const;
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::string_view file_;
  std::string_view message_;
  int field_ = 0;
  Type type_ = Type::kVarint;
  bool pending_ = false;  // the field's value was not read yet
};

}  // namespace clearcut::onnx
