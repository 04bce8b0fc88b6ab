// JPEG and PNG by stb_image.
#include "data/codec/codec.h"

#include <cstring>
#include <limits>
#include <memory>

#include "tensor/error.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#include <stb/stb_image.h>

namespace clearcut::codec {

namespace {

Tensor decode(const char* op, ByteView bytes, const std::string& name) {
  check(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), op, name,
        ": files of 2 GiB and more are not read");
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> pixels(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &channels, 3),
      &std::free);
  check(pixels != nullptr, op, name, ": ", stbi_failure_reason(), "; the file is damaged or truncated");
  Tensor picture({height, width, 3}, DType::kUInt8);
  std::memcpy(picture.data<std::uint8_t>(), pixels.get(), picture.bytes());
  return picture;
}

}  // namespace

Tensor decode_jpeg(ByteView bytes, const std::string& name) { return decode("jpeg", bytes, name); }
Tensor decode_png(ByteView bytes, const std::string& name) { return decode("png", bytes, name); }
std::string decoder_names() { return "stb_image"; }

}  // namespace clearcut::codec
