#include "explain/superpixels.h"

#include <charconv>
#include <functional>
#include <sstream>
#include <vector>

namespace clearcut {

namespace {

// One setting of a method: its name and how it is read and written.
struct Knob {
  std::string name;
  std::function<void(SuperpixelOptions&, const std::string& word)> read;
  std::function<std::string(const SuperpixelOptions&)> write;
};

struct Method {
  std::string name;
  Tensor (*run)(const Tensor& picture, const SuperpixelOptions&);
  std::vector<Knob> knobs;
};

template <class Part, class T>
Knob knob(const char* name, Part SuperpixelOptions::*part, T Part::*member) {
  return {.name = name,
          .read =
              [=](SuperpixelOptions& o, const std::string& word) {
                const char* end = word.data() + word.size();
                const auto [stop, error] = std::from_chars(word.data(), end, o.*part.*member);
                check(error == std::errc{} && stop == end, "superpixels", name, " must be a ",
                      std::is_integral_v<T> ? "whole number" : "number", "; got '", word, "'");
              },
          .write = [=](const SuperpixelOptions& o) { return cat(o.*part.*member); }};
}

const std::vector<Method>& methods() {
  using O = SuperpixelOptions;
  static const std::vector<Method> all = {
      {.name = "slic",
       .run = [](const Tensor& picture, const O& o) { return slic(picture, o.slic); },
       .knobs = {knob("segments", &O::slic, &SlicOptions::segments),
                 knob("compactness", &O::slic, &SlicOptions::compactness),
                 knob("iterations", &O::slic, &SlicOptions::iterations),
                 knob("sigma", &O::slic, &SlicOptions::sigma)}},
      {.name = "quickshift",
       .run = [](const Tensor& picture, const O& o) { return quickshift(picture, o.quickshift); },
       .knobs = {knob("ratio", &O::quickshift, &QuickshiftOptions::ratio),
                 knob("kernel_size", &O::quickshift, &QuickshiftOptions::kernel_size),
                 knob("max_dist", &O::quickshift, &QuickshiftOptions::max_dist),
                 knob("sigma", &O::quickshift, &QuickshiftOptions::sigma)}},
      {.name = "felzenszwalb",
       .run = [](const Tensor& picture, const O& o) { return felzenszwalb(picture, o.felzenszwalb); },
       .knobs = {knob("scale", &O::felzenszwalb, &FelzenszwalbOptions::scale),
                 knob("sigma", &O::felzenszwalb, &FelzenszwalbOptions::sigma),
                 knob("min_size", &O::felzenszwalb, &FelzenszwalbOptions::min_size)}}};
  return all;
}

// The entry of that name; an Error that lists all names if there is none.
template <class Entry>
const Entry& entry_of(const std::vector<Entry>& entries, const std::string& name,
                      const std::string& of_what) {
  std::string known;
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  fail("superpixels", of_what, known, "; got '", name, "'");
}

const Method& method_of(const std::string& name) { return entry_of(methods(), name, "there are "); }

}  // namespace

Tensor superpixels(const Tensor& picture, const SuperpixelOptions& options) {
  return method_of(options.method).run(picture, options);
}

SuperpixelOptions parse_superpixels(const std::string& text) {
  SuperpixelOptions options;
  std::istringstream parts(text);
  std::string part;
  std::getline(parts, options.method, '/');
  const Method& method = method_of(options.method);
  while (std::getline(parts, part, '/')) {
    const std::size_t equals = part.find('=');
    check(equals != std::string::npos, "superpixels", "settings read name=value; got '", part, "' in '", text,
          "'");
    entry_of(method.knobs, part.substr(0, equals), method.name + " has the settings ")
        .read(options, part.substr(equals + 1));
  }
  superpixels(Tensor::zeros({1, 1, 3}, DType::kUInt8), options);  // the method's own checks speak now
  return options;
}

std::string describe(const SuperpixelOptions& options) {
  const Method& method = method_of(options.method);
  std::string text = method.name;
  for (const Knob& knob : method.knobs) text += "/" + knob.name + "=" + knob.write(options);
  return text;
}

}  // namespace clearcut
