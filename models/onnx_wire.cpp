#include "models/onnx_wire.h"

#include <bit>
#include <cstring>

namespace clearcut::onnx {

static_assert(std::endian::native == std::endian::little, "numbers of the wire format are little-endian");

namespace {
constexpr std::size_t kMaxText = 64 << 10;
}

std::uint64_t WireReader::raw_varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at_ == end_) broken("ends inside a number; the file is truncated or damaged");
    const std::uint8_t byte = *at_++;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  broken("a number has more than 10 bytes; the file is damaged");
}

template <class T>
T WireReader::raw() {
  if (left() < sizeof(T)) broken("ends inside a number; the file is truncated or damaged");
  T value;
  std::memcpy(&value, at_, sizeof(T));
  at_ += sizeof(T);
  return value;
}
template float WireReader::raw<float>();
template double WireReader::raw<double>();

bool WireReader::next() {
  if (pending_) skip();
  if (at_ == end_) return false;
  const std::uint64_t key = raw_varint();
  const std::uint64_t number = key >> 3, type = key & 7;
  if (number == 0 || number > 0x1fffffff)
    broken("field number ", number, " does not exist; not an ONNX file");
  if (type != 0 && type != 1 && type != 2 && type != 5)
    broken("field ", number, " has wire type ", type, "; not an ONNX file, or damaged");
  field_ = static_cast<int>(number);
  type_ = static_cast<Type>(type);
  pending_ = true;
  return true;
}

void WireReader::want(Type type) const {
  if (type_ != type)
    broken("field ", field_, " has wire type ", static_cast<int>(type_), ", expected ",
           static_cast<int>(type), "; not an ONNX file, or damaged");
}

std::int64_t WireReader::varint() {
  want(Type::kVarint);
  pending_ = false;
  return static_cast<std::int64_t>(raw_varint());
}

float WireReader::fixed32() {
  want(Type::kFixed32);
  pending_ = false;
  return raw<float>();
}

double WireReader::fixed64() {
  want(Type::kFixed64);
  pending_ = false;
  return raw<double>();
}

std::span<const std::uint8_t> WireReader::bytes() {
  want(Type::kBytes);
  pending_ = false;
  const std::uint64_t size = raw_varint();
  if (size > left())
    broken("field ", field_, " says ", size, " bytes, ", left(),
           " are left; the file is truncated or damaged");
  const std::span<const std::uint8_t> view(at_, static_cast<std::size_t>(size));
  at_ += size;
  return view;
}

std::string WireReader::text() {
  const auto view = bytes();
  if (view.size() > kMaxText)
    broken("field ", field_, " is a text of ", view.size(), " bytes; at most 65536");
  std::string text(view.begin(), view.end());
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

WireReader WireReader::message(std::string_view name) { return {bytes(), file_, name}; }

void WireReader::skip() {
  switch (type_) {
    case Type::kVarint:
      varint();
      break;
    case Type::kFixed32:
      fixed32();
      break;
    case Type::kFixed64:
      fixed64();
      break;
    case Type::kBytes:
      bytes();
      break;
  }
}

}  // namespace clearcut::onnx
