// Labelling many pictures in one process: does its memory stay flat?
//   usage: soak COUNT FOLDER
//
// Draws a tenth as many pictures (sides 48 to 640 pixels, one of a thousand cut short), labels each ten times
// under other names with 2 small classifiers x 2 explainers, so that every tenth of the run does the same
// work and the peak of one can be held against another's. Writes to FOLDER
//
//   pictures/      18 MB for each hundred; deleted at the end
//   memory.jsonl   {"done", "resident_bytes", "peak_bytes", "seconds"} after each chunk; the peak is that of
//                  the chunk, where the system can start it anew
//   memory.svg     the peaks over the pictures
//   labels/        what `clearcut label fuse` would have written
//
// Exit code 0 if the peak of the last tenth of the pictures is at most 1 % above that of the second tenth.
// `make soak COUNT=100000` runs it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "data/drawn.h"
#include "data/jsonl.h"
#include "data/picture.h"
#include "data/resize.h"
#include "explain/fuse.h"
#include "models/build.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "train/progress.h"
#include "train/svg.h"

using namespace clearcut;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kChunk = 16, kSide = 64;

/// Picture `i` as bytes of a PNG file; every thousandth one is cut short.
Bytes draw(std::int64_t i) {
  const auto index = static_cast<std::uint64_t>(i);
  const RandomStream stream(7, "soak sides", index);
  const DrawnPicture drawn = draw_picture(index, {.seed = 7, .size = kSide});
  Bytes bytes = encode_png(resize_picture(drawn.image, 48 + stream.below(0, 593), 48 + stream.below(1, 593)));
  if (i % 1000 == 500) bytes.resize(bytes.size() / 2);
  return bytes;
}

std::string path_of(std::int64_t i) {
  char name[64];
  std::snprintf(name, sizeof name, "%03lld/%06lld.png", static_cast<long long>(i / 1000),
                static_cast<long long>(i));
  return name;
}

Dataset list_pictures(const std::string& folder, std::int64_t count) {
  Dataset data;
  data.root = folder;
  for (std::size_t c = 1; c < kDrawnClasses; ++c) data.class_names.push_back(drawn_class_names()[c]);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string name = path_of(i);
    data.items.push_back({.id = hash_name(name),
                          .name = name,
                          .image = folder + "/" + path_of(i % (count / 10)),
                          .mask = "",
                          .classes = {static_cast<int>(i % (kDrawnClasses - 1))}});
  }
  return data;
}

void draw_pictures(const Dataset& data) {
  const auto count = static_cast<std::int64_t>(data.items.size()) / 10;
  Progress progress("draw", count, progress_style("auto"));
  for (std::int64_t first = 0; first < count; first += kChunk) {
    const std::int64_t last = std::min(count, first + kChunk);
    parallel_for(last - first, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = first + begin; i < first + end; ++i)
        write_file(data.items[static_cast<std::size_t>(i)].image, draw(i));
    });
    progress.update(last, "");
  }
}

Ensemble small_ensemble(const Dataset& data) {
  std::vector<std::unique_ptr<Classifier>> nets;
  for (const char* name : {"small_resnet", "small_vgg"}) {
    nets.push_back(
        make_classifier({.name = name,
                         .classes = kDrawnClasses - 1,
                         .width = 0.5,
                         .class_names = data.class_names,
                         .preprocess = {.height = kSide, .width = kSide, .pixels = {}, .any_size = true}}));
    nets.back()->registry().require_grad(false);
  }
  EnsembleOptions options;
  options.explainers = {parse_explainer("gradcam"), parse_explainer("smoothgrad:samples=4")};
  return {std::move(nets), options, data.class_names, {0, 1, 2, 3, 4, 5}};
}

/// A number of /proc/self/status, in bytes.
std::int64_t status_bytes(const std::string& name) {
  std::ifstream in("/proc/self/status");
  for (std::string word; in >> word;)
    if (word == name + ":") {
      std::int64_t kib = 0;
      in >> kib;
      return kib * 1024;
    }
  return 0;
}

struct Sample {
  std::int64_t done = 0, peak = 0;
};

/// Notes the memory after each chunk.
class Soak {
 public:
  explicit Soak(const std::string& folder) : log_(folder + "/memory.jsonl", JsonlWriter::Mode::kFresh) {}

  void after(std::int64_t done) {
    const std::int64_t peak = std::max(status_bytes("VmHWM"), status_bytes("VmRSS"));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    JsonObject line;
    line.set("done", done).set("resident_bytes", status_bytes("VmRSS")).set("peak_bytes", peak);
    log_.write(line.set("seconds", seconds.count()));
    samples_.push_back({done, peak});
    std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM starts anew
  }

  const std::vector<Sample>& samples() const { return samples_; }

 private:
  JsonlWriter log_;
  std::vector<Sample> samples_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::int64_t peak_between(const std::vector<Sample>& samples, std::int64_t first, std::int64_t last) {
  std::int64_t peak = 0;
  for (const Sample& s : samples)
    if (s.done > first && s.done <= last) peak = std::max(peak, s.peak);
  return peak;
}

void draw_chart(const std::vector<Sample>& samples, std::int64_t count, const std::string& path) {
  Curve curve{.name = "peak resident size", .x = {}, .y = {}};
  constexpr std::int64_t kPoints = 200;
  for (std::int64_t p = 0; p < kPoints; ++p) {
    const std::int64_t last = count * (p + 1) / kPoints;
    const std::int64_t peak = peak_between(samples, count * p / kPoints, last);
    if (peak == 0) continue;
    curve.x.push_back(static_cast<double>(last));
    curve.y.push_back(static_cast<double>(peak) / (1 << 20));
  }
  write_file(path, line_chart({curve}, {.title = "Memory while labelling",
                                        .x_label = "pictures",
                                        .y_label = "MiB",
                                        .from_zero = true}));
}

int soak(std::int64_t count, const std::string& folder) {
  const Dataset data = list_pictures(folder + "/pictures", count);
  Ensemble ensemble = small_ensemble(data);
  const LabelPlan plan = plan_labels(data, LabelLayout::kPng);
  LabelStore store({.folder = folder + "/labels",
                    .space = plan.space,
                    .class_names = plan.class_names,
                    .colours = plan.colours,
                    .wnids = {},
                    .job = JsonObject().set("pictures", count)});
  draw_pictures(data);
  Soak soak(folder);
  Progress progress("soak", count, progress_style("auto"));
  FuseOptions options;
  options.rule = parse_rule("rank:0.9");
  options.chunk = kChunk;
  options.progress = [&](std::int64_t done, std::int64_t, const std::string& note) {
    soak.after(done);
    progress.update(done, note);
  };
  const FuseCounts counts = fuse(data, ensemble, store, plan, 0, 1, options);
  fs::remove_all(folder + "/pictures");
  draw_chart(soak.samples(), count, folder + "/memory.svg");
  const std::int64_t second = peak_between(soak.samples(), count / 10, count / 5);
  const std::int64_t last = peak_between(soak.samples(), count - count / 10, count);
  const double growth = static_cast<double>(last) / static_cast<double>(second) - 1;
  std::printf("%lld labels, %lld failed; peak of the second tenth %.1f MiB, of the last %.1f MiB: %+.2f %%\n",
              static_cast<long long>(counts.made), static_cast<long long>(counts.failed),
              static_cast<double>(second) / (1 << 20), static_cast<double>(last) / (1 << 20), 100 * growth);
  return growth <= 0.01 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::int64_t count = argc == 3 ? std::atoll(argv[1]) : 0;
  if (count < 10 * kChunk || count % (10 * kChunk) != 0)
    return std::puts("usage: soak COUNT FOLDER    (COUNT a multiple of 160)"), 2;
  fs::remove_all(std::string(argv[2]) + "/labels");
  return soak(count, argv[2]);
} catch (const std::exception& error) {
  std::fprintf(stderr, "soak: %s\n", error.what());
  return 1;
}
