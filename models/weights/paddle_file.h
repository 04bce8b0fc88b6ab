// Paddle's .pdparams: a pickle of names and NumPy arrays.
#pragma once

#include "models/weights/collect.h"

namespace clearcut {

/// Reads what paddle.save(layer.state_dict(), FILE) wrote with Paddle 2.x: protocols 2 to 4, arrays alone or
/// as (name, array), arrays that were cut into pieces because protocol 2 ends at 4 GiB. Nothing is run: of
/// the pickle only the names that build NumPy arrays are known. Types become ours as read_stored() says, but
/// for uint16, which is how Paddle stores bfloat16.
///
/// Throws Error that names the file and the byte or key for another opcode or name in the pickle, arrays of
/// Python objects, and arrays that do not fit their bytes. Memory: the tensors, at most 8 times the file.
CollectedWeights read_paddle(ByteView file, const std::string& where);

}  // namespace clearcut
