#include "models/weights/weights_file.h"

#include <algorithm>
#include <filesystem>

#include "models/card.h"
#include "models/onnx_proto.h"
#include "models/weights/paddle_file.h"
#include "models/weights/torch_file.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"

namespace clearcut {

namespace {

bool starts_with(ByteView bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

WeightsFile from_pickle(const char* format, const CollectedWeights& weights) {
  WeightsFile file{format, weights.tensors};
  for (const std::string& key : weights.inside) file.notes.push_back(cat("the weights under '", key, "'"));
  if (!weights.others.empty())
    file.notes.push_back(
        cat("left out, no tensors: ", weights.others.size(), ", the first is '", weights.others[0], "'"));
  return file;
}

WeightsFile from_onnx(ByteView bytes, const std::string& name) {
  const std::filesystem::path folder = std::filesystem::path(name).parent_path();
  const onnx::Model model = onnx::parse_model(bytes, name, folder.empty() ? "." : folder.string());
  WeightsFile file{"ONNX", {}};
  std::size_t others = 0;
  for (const std::string& tensor : model.graph.initializer_order) {
    const Tensor& value = model.graph.initializers.at(tensor);
    const bool real = value.dtype() == DType::kFloat32 || value.dtype() == DType::kFloat64;
    if (real && value.rank() > 0)
      file.tensors.emplace_back(tensor, value);
    else
      ++others;
  }
  if (others > 0) file.notes.push_back(cat("left out, sizes and single numbers: ", others));
  check(!file.tensors.empty(), "weights", name, ": the graph has no initialisers");
  return file;
}

}  // namespace

WeightsFile decode_weights(ByteView bytes, const std::string& name) {
  const std::string ending = std::filesystem::path(name).extension().string();
  if (ending == ".onnx") return from_onnx(bytes, name);
  if (ending == ".npz") return {"NumPy", decode_npz(bytes, name)};
  if (ending == ".safetensors") return {"safetensors", decode_safetensors(bytes, name).tensors};
  if (starts_with(bytes, "PK")) return from_pickle("PyTorch", read_torch(bytes, name));
  check(!is_old_torch(bytes), "weights", name,
        ": written by torch.save before PyTorch 1.6; convert it: python3 -c \"import torch; "
        "torch.save(torch.load('OLD.pth', map_location='cpu'), 'NEW.pth')\"");
  if (starts_with(bytes, "\x80")) return from_pickle("Paddle", read_paddle(bytes, name));
  fail("weights", name, ": no file of weights that is known: .safetensors, .pth or .pt (PyTorch), .pdparams ",
       "(Paddle), .onnx or .npz");
}

WeightsFile read_weights(const std::string& path) {
  const std::string file = find_weights(path);
  return decode_weights(read_file(file, std::size_t{1} << 40), file);
}

}  // namespace clearcut
