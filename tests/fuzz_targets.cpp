#include "tests/fuzz_targets.h"

#include <filesystem>
#include <stdexcept>

#include "data/file_names.h"
#include "data/label_png.h"
#include "data/labels/formats.h"
#include "data/mat_file.h"
#include "data/picture.h"
#include "models/onnx_proto.h"
#include "models/weights/key_map.h"
#include "models/weights/paddle_file.h"
#include "models/weights/torch_file.h"
#include "tensor/npy.h"
#include "tensor/safetensors.h"
#include "tests/onnx_writer.h"
#include "train/config.h"
#include "train/view/http.h"

namespace clearcut::test {
namespace {

constexpr std::size_t kLimit = std::size_t{1} << 24;       // bytes of a decoded file
constexpr std::size_t kLabelLimit = std::size_t{1} << 20;  // of one label: a file may name many pictures
constexpr std::size_t kMostDeflated = 1032;                // bytes that deflate packs into one

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
std::string text_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// The JPEG and PNG files of the picture tests that PIL could read too.
std::vector<Bytes> golden_pictures() {
  const NamedTensors arrays = read_npz("tests/golden/data/pictures.npz");
  std::vector<Bytes> files;
  for (const auto& [name, decoded] : arrays)
    if (name.starts_with("rgb:"))
      files.push_back(find_array(arrays, "file:" + name.substr(4), "pictures.npz").values<std::uint8_t>());
  return files;
}

std::vector<Bytes> label_pngs() {
  const Tensor labels = Tensor::from<std::int32_t>(Shape{2, 3}, {0, 1, 2, 3, 4, 5});
  return {encode_label_png(labels, {.format = LabelFormat::kGray8}),
          encode_label_png(labels, {.format = LabelFormat::kGray16}),
          encode_label_png(labels, {.palette = voc_palette(8)})};
}

Bytes safetensors_seed() {
  const std::string path = "build/fuzz_seed.safetensors";
  write_safetensors(
      path, {.tensors = {{"a", Tensor::zeros(Shape{2, 3})}, {"b", Tensor::zeros(Shape{4}, DType::kInt64)}},
             .metadata = {{"k", "v"}}});
  return read_file(path);
}

Bytes label_file(const std::string& name) {
  return find_array(read_npz("tests/golden/data/labels.npz"), "file:" + name, "labels.npz")
      .values<std::uint8_t>();
}

Bytes mat_file(const std::string& name) {
  return find_array(read_npz("tests/golden/data/mats.npz"), "file:" + name, "mats.npz")
      .values<std::uint8_t>();
}

/// A reader of labels in one file.
FuzzTarget label_target(const std::string& name, const std::string& format, const std::string& file,
                        const std::vector<std::string>& seeds) {
  const auto read = [=](ByteView bytes) {
    LabelLegend legend{.names = {"background", "cat", "dog", "a <b> & \"c\""},
                       .folders = {"background", "n1", "n2", "n3"}};
    legend.names.resize(301, "more");  // the largest id of ImageNet-S here is 300
    const FileSource source(file, Bytes(bytes.begin(), bytes.end()));
    label_file_format(format).read(source, legend, {.max_bytes = kLabelLimit},
                                   [](const std::string&, const std::string&, const auto& take) { take(); });
  };
  std::vector<Bytes> files;
  for (const std::string& seed : seeds) files.push_back(label_file(seed));
  return {name, files, read, 4 * kMostDeflated, 8 * kLabelLimit};
}

std::vector<FuzzTarget> label_targets() {
  return {
      {"tar",
       {label_file("ustar.tar"), label_file("gnu.tar"), label_file("pax.tar")},
       [](ByteView b) { tar_members(b, "f"); }},
      label_target("coco", "coco-rle", "annotations.json", {"coco.json"}),
      label_target("labelme", "labelme", "a.json", {"labelme.json"}),
      label_target("cvat", "cvat", "annotations.xml", {"cvat.xml"}),
      label_target("imagenet_s", "imagenet-s", "a.png", {"imagenet_s.png"}),
      label_target("pssl_npz", "pssl-npz", "n1/a.JPEG_eiseg.npz", {"pssl_int8.npz", "pssl_bool.npz"}),
  };
}

std::string onnx_seed() {
  return onnx_model({.nodes = {onnx_node("Relu", {"x"}, {"y"})},
                     .tensors = {onnx_floats("w", {2, 2}, {1, 2, 3, 4})},
                     .inputs = {onnx_value("x", {-1, 3, 6, 6})},
                     .outputs = {onnx_value("y", {-1, 3, 6, 6})}});
}

std::vector<FuzzTarget> targets_of_weights_and_pictures() {
  static const Tensor array = Tensor::from<float>(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  return {
      {"picture", golden_pictures(), [](ByteView b) { decode_picture(b, "f", {.max_bytes = kLimit}); }, 0,
       4 * kLimit},
      {"picture_header", golden_pictures(), [](ByteView b) { picture_info(b, "f"); }},
      {"label_png", label_pngs(), [](ByteView b) { decode_label_png(b, "f", kLimit); }, 0, 4 * kLimit},
      {"npy", {encode_npy(array)}, [](ByteView b) { decode_npy(b, "f"); }},
      {"npz",
       {encode_npz({{"arr_0", array}, {"b", array}})},
       [](ByteView b) { decode_npz(b, "f", kLimit); },
       4 * kMostDeflated},
      {"mat",
       {mat_file("plain"), mat_file("packed")},
       [](ByteView b) { decode_mat_array(b, "f", "GTcls.Segmentation"); },
       8 * kMostDeflated},
      {"safetensors", {safetensors_seed()}, [](ByteView b) { decode_safetensors(b, "f"); }},
      {"pth",
       {read_file("tests/golden/weights/state.pth"), read_file("tests/golden/weights/checkpoint.pth")},
       [](ByteView b) { read_torch(b, "f"); }},
      {"pdparams",
       {read_file("tests/golden/weights/paddle2.pdparams"),
        read_file("tests/golden/weights/paddle4.pdparams"), read_file("tests/golden/weights/pairs.pdparams")},
       [](ByteView b) { read_paddle(b, "f"); }},
      {"key_map",
       {bytes_of("; rules\n*._mean -> $1.running_mean\nl#.* -> l$1-1.$2\nfc.weight -> fc.weight transpose\nx "
                 "-> drop\n")},
       [](ByteView b) {
         rename_keys({{"a._mean", {}}, {"l1.w", {}}}, parse_key_map(text_of(b), "f"));
       }},
      {"onnx",
       {bytes_of(onnx_seed()), read_file("tests/golden/onnx/mixed_op17.onnx")},
       [](ByteView b) { onnx::parse_model(b, "f"); }},
      {"yaml",
       {bytes_of("a: 1\nb: [1, {c: ~}]\nd: {e: x, f: \"${a}\"}\n")},
       [](ByteView b) { Config::parse(text_of(b), "f").leaves(); }},
  };
}

/// What the viewer does with a request: no path may lead out of its folder.
FuzzTarget request_target() {
  return {"http_request",
          {bytes_of("GET /sub/%2e%2E/a%20b.json?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nAccept: */*\r\n\r\n"),
           bytes_of("HEAD / HTTP/1.0\r\n\r\n")},
          [](ByteView request) {
            const auto file = file_inside("tests/golden", parse_http_request(request).path.substr(1));
            const std::string root = std::filesystem::canonical("tests/golden").string() + "/";
            if (file && !file->starts_with(root)) throw std::logic_error("left its folder: " + *file);
          }};
}

}  // namespace

const std::vector<FuzzTarget>& fuzz_targets() {
  static const std::vector<FuzzTarget> targets = [] {
    std::vector<FuzzTarget> all = targets_of_weights_and_pictures();
    for (const FuzzTarget& target : label_targets()) all.push_back(target);
    all.push_back(request_target());
    return all;
  }();
  return targets;
}

}  // namespace clearcut::test
