#include "models/onnx_external.h"

#include <algorithm>
#include <filesystem>

#include "tensor/error.h"

namespace clearcut::onnx {

namespace {

namespace fs = std::filesystem;

// True if `inner` lies in `outer`, both without links and dots.
bool is_inside(const fs::path& inner, const fs::path& outer) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

}  // namespace

const Bytes& ExternalFiles::file(const std::string& location) {
  const auto known = files_.find(location);
  if (known != files_.end()) return known->second;
  const fs::path relative(location);
  const bool climbs = std::find(relative.begin(), relative.end(), "..") != relative.end();
  check(!location.empty() && relative.is_relative() && !climbs, "onnx", "external data '", location,
        "' must be a file in the model's folder");
  const fs::path path = fs::path(folder_) / relative;
  std::error_code error;
  const fs::path real = fs::canonical(path, error), home = fs::canonical(folder_, error);
  check(!error && fs::is_regular_file(real), "onnx", "external data '", location,
        "' is missing beside the model");
  check(is_inside(real, home), "onnx", "external data '", location, "' leads out of the model's folder");
  return files_[location] = read_file(real.string(), std::size_t{1} << 40);
}

std::span<const std::uint8_t> ExternalFiles::at(const ExternalPlace& place) {
  check(!folder_.empty(), "onnx", "the weights lie in a second file, '", place.location,
        "'; read the model from its folder, or save it as one file");
  const Bytes& bytes = file(place.location);
  check(place.offset <= bytes.size() && (!place.has_length || place.length <= bytes.size() - place.offset),
        "onnx", "external data '", place.location, "' has ", bytes.size(), " bytes; ", place.length, " at ",
        place.offset, " are asked for; truncated?");
  const std::span<const std::uint8_t> rest = std::span(bytes).subspan(place.offset);
  const std::span<const std::uint8_t> part = place.has_length ? rest.first(place.length) : rest;
  std::uint64_t& handed_out = handed_out_[place.location];
  check(part.size() <= bytes.size() - handed_out, "onnx", "external data '", place.location,
        "': the tensors together are larger than the file");
  handed_out += part.size();
  return part;
}

}  // namespace clearcut::onnx
