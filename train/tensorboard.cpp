#include "train/tensorboard.h"

#include <array>
#include <bit>
#include <cstring>
#include <fstream>

#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bits reversed

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit) table[i] = table[i] >> 1 ^ ((table[i] & 1) != 0 ? kPolynomial : 0);
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = crc_table();

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Kinds of fields on the wire.
constexpr int kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;
void put_key(std::string& out, int field, int kind) {
  put_varint(out, static_cast<std::uint64_t>(field << 3 | kind));
}
void put_text(std::string& out, int field, const std::string& text) {
  put_key(out, field, kBytes);
  put_varint(out, text.size());
  out += text;
}

std::uint32_t masked(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8U; }

Bytes framed(const std::string& message) {
  std::string record;
  put(record, static_cast<std::uint64_t>(message.size()));
  put(record, masked(record));
  record += message;
  put(record, masked(message));
  return {record.begin(), record.end()};
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<std::uint8_t>(c)) & 0xff] ^ crc >> 8;
  return ~crc;
}

Bytes tensorboard_head(double wall_time) {
  std::string event;
  put_key(event, 1, kFixed64);
  put(event, wall_time);
  put_text(event, 3, "brain.Event:2");
  return framed(event);
}

Bytes tensorboard_record(const TensorboardEvent& e) {
  std::string event, summary;
  put_key(event, 1, kFixed64);
  put(event, e.wall_time);
  put_key(event, 2, kVarint);
  put_varint(event, static_cast<std::uint64_t>(e.step));
  for (const auto& [tag, number] : e.scalars) {
    std::string value;
    put_text(value, 1, tag);
    put_key(value, 2, kFixed32);
    put(value, static_cast<float>(number));
    put_text(summary, 1, value);
  }
  put_text(event, 5, summary);
  return framed(event);
}

TensorboardWriter::TensorboardWriter(std::string path, double wall_time) : path_(std::move(path)) {
  append(tensorboard_head(wall_time), true);
}

void TensorboardWriter::write(const TensorboardEvent& event) { append(tensorboard_record(event), false); }

void TensorboardWriter::append(const Bytes& record, bool fresh) {
  std::ofstream out(path_, std::ios::binary | (fresh ? std::ios::trunc : std::ios::app));
  out.write(reinterpret_cast<const char*>(record.data()), static_cast<std::streamsize>(record.size()));
  out.flush();
  check(out.good(), "tensorboard", "cannot write ", path_, "; is the disk full?");
}

}  // namespace clearcut
