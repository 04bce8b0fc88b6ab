// Writes small ONNX files field by field, damaged ones too, for tests of the reader.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "models/onnx_message.h"

namespace clearcut::test {

using onnx::Message;

/// TensorProto with raw_data. type: 1 float, 6 int32, 7 int64, 10 float16, 11 double, 16 bfloat16.
template <class T>
Message onnx_tensor(const std::string& name, const std::vector<std::int64_t>& sizes,
                    const std::vector<T>& values, int type) {
  Message m;
  for (const std::int64_t size : sizes) m.number(1, size);
  m.number(2, type).text(8, name);
  std::string raw(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(raw.data(), values.data(), raw.size());
  return m.text(9, raw);
}
inline Message onnx_floats(const std::string& name, const std::vector<std::int64_t>& sizes,
                           const std::vector<float>& values) {
  return onnx_tensor(name, sizes, values, 1);
}
inline Message onnx_ints(const std::string& name, const std::vector<std::int64_t>& values) {
  return onnx_tensor(name, {static_cast<std::int64_t>(values.size())}, values, 7);
}

/// AttributeProto of each kind.
inline Message onnx_attribute(const std::string& name, std::int64_t v) {
  return Message().text(1, name).number(3, v).number(20, 2);
}
inline Message onnx_attribute(const std::string& name, float v) {
  return Message().text(1, name).real(2, v).number(20, 1);
}
inline Message onnx_attribute(const std::string& name, const char* v) {
  return Message().text(1, name).text(4, v).number(20, 3);
}
inline Message onnx_attribute(const std::string& name, const std::vector<std::int64_t>& v) {
  Message m;
  m.text(1, name);
  for (const std::int64_t i : v) m.number(8, i);
  return m.number(20, 7);
}
inline Message onnx_attribute(const std::string& name, const Message& tensor) {
  return Message().text(1, name).part(5, tensor).number(20, 4);
}

inline Message onnx_node(const std::string& op, const std::vector<std::string>& inputs,
                         const std::vector<std::string>& outputs, const std::vector<Message>& attributes = {},
                         const std::string& name = "") {
  Message m;
  for (const std::string& s : inputs) m.text(1, s);
  for (const std::string& s : outputs) m.text(2, s);
  if (!name.empty()) m.text(3, name);
  m.text(4, op);
  for (const Message& a : attributes) m.part(5, a);
  return m;
}

/// ValueInfoProto of a float tensor; -1 is written as the open size "N".
inline Message onnx_value(const std::string& name, const std::vector<std::int64_t>& sizes) {
  Message shape;
  for (const std::int64_t size : sizes)
    shape.part(1, size < 0 ? Message().text(2, "N") : Message().number(1, size));
  return Message().text(1, name).part(2, Message().part(1, Message().number(1, 1).part(2, shape)));
}

struct OnnxParts {
  std::vector<Message> nodes;
  std::vector<Message> tensors = {};
  std::vector<Message> inputs = {};
  std::vector<Message> outputs = {};
  std::int64_t opset = 13;
};

/// The bytes of a ModelProto.
inline std::string onnx_model(const OnnxParts& parts) {
  Message graph;
  for (const Message& m : parts.nodes) graph.part(1, m);
  graph.text(2, "g");
  for (const Message& m : parts.tensors) graph.part(5, m);
  for (const Message& m : parts.inputs) graph.part(11, m);
  for (const Message& m : parts.outputs) graph.part(12, m);
  return Message()
      .number(1, 7)
      .text(2, "test")
      .part(7, graph)
      .part(8, Message().number(2, parts.opset))
      .bytes;
}

}  // namespace clearcut::test
