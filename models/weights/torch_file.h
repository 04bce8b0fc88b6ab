// PyTorch's files: a zip of one pickle and the numbers of each storage.
#pragma once

#include "models/weights/collect.h"

namespace clearcut {

/// Reads what torch.save(model.state_dict(), FILE) wrote since PyTorch 1.6 (.pth, .pt), or a checkpoint that
/// has the weights inside (see collect_weights). Nothing is run: of the pickle only these names are known,
/// torch._utils._rebuild_tensor_v2, torch._utils._rebuild_parameter, collections.OrderedDict and torch's
/// storage types. Types become ours as read_stored() says; views with strides become dense.
///
/// Throws Error that names the file and the byte or key for: another opcode or name in the pickle, compressed
/// or damaged entries, a storage of another size than the pickle says, a view that leaves its storage, files
/// of the time before 1.6 and TorchScript programs (with how to convert them), big-endian files. Memory: the
/// tensors, at most 8 times the file; the file itself while it is read.
CollectedWeights read_torch(ByteView file, const std::string& where);

/// True for the first bytes of a file that torch.save wrote before PyTorch 1.6.
bool is_old_torch(ByteView file);

}  // namespace clearcut
