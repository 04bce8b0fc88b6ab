// What data/codec/full (libjpeg-turbo, libspng) and data/codec/minimal (stb_image) both provide. The caller
// has read the header, so sizes are known and within the byte limit.
#pragma once

#include <string>

#include "tensor/deflate.h"
#include "tensor/tensor.h"

namespace clearcut::codec {

/// uint8 [H, W, 3]. Throw Error that names the file on damaged or truncated data.
Tensor decode_jpeg(ByteView bytes, const std::string& name);
Tensor decode_png(ByteView bytes, const std::string& name);
std::string decoder_names();

}  // namespace clearcut::codec
