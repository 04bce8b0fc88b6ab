// Pictures in, label PNGs and overlays out.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "data/file_names.h"
#include "data/visual.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/npy.h"
#include "tensor/ops/softmax.h"
#include "train/legend.h"
#include "train/logit_views.h"
#include "train/predict.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLegend = "legend";

/// Name of its outputs -> file. No file that is written may be one that is read, or belong to another
/// picture.
std::map<std::string, std::string> output_names(const PredictFiles& job) {
  std::set<std::string> inputs;
  for (const std::string& path : job.pictures) inputs.insert(fs::weakly_canonical(path).string());
  std::map<std::string, std::string> by_name;
  for (const std::string& path : job.pictures) {
    const std::string name = fs::path(path).stem().string();
    const auto [other, fresh] = by_name.emplace(name, path);
    check(fresh, "predict", path, " and ", other->second, " would write the same files ", name,
          ".png; predict them into two folders");
    check(name != kLegend, "predict", path, ": ", kLegend,
          ".png is the legend of all pictures; give the picture another name");
    for (const char* ending : {".png", ".overlay.png"}) {
      const std::string written = (fs::path(job.out) / (name + ending)).string();
      check(!inputs.contains(fs::weakly_canonical(written).string()), "predict", "the labels of ", path,
            " would be written over the picture ", written, "; name another folder with -o");
    }
  }
  for (const auto& [name, path] : by_name)
    check(!by_name.contains(name + ".overlay"), "predict", by_name.at(name), " and ",
          by_name.contains(name + ".overlay") ? by_name.at(name + ".overlay") : "",
          " would write the same files ", name, ".overlay.png; predict them into two folders");
  return by_name;
}

void predict_one(TrainedSegmenter& trained, const PredictFiles& job, const std::string& path,
                 const std::string& stem) {
  const ModelCard& card = trained.card;
  const Tensor picture = read_picture(path, {.apply_exif = job.apply_exif});
  const LogitViews views(*trained.model, picture, normalize_of(card.spec.preprocess.pixels), job.options);
  const Tensor labels = views.labels(job.options.memory);
  const std::string base = job.out + "/" + stem;
  if (job.probabilities) {
    const Tensor logits = views.rows(0, picture.dim(0));
    const Tensor p = ops::softmax(logits.reshape(Shape{1, logits.dim(0), logits.dim(1), logits.dim(2)}), 1);
    write_npz(base + ".npz", {{"probabilities", p.reshape(logits.shape())}});
  }
  if (job.overlay) {
    const Tensor shown = overlay(picture, labels, card.colours, {.background = card.background});
    const Tensor legend =
        legend_picture(card.spec.class_names, card.colours, std::max<std::int64_t>(picture.dim(1), 160));
    write_png(base + ".overlay.png", stack_pictures(shown, legend));
  }
  // Last: its existence says that the picture is done.
  write_label_png(base + ".png", labels,
                  {.palette = card.spec.classes <= 256 ? card.colours : std::vector<Rgb>{}});
}

/// All that was asked for is there.
bool is_done(const PredictFiles& job, const std::string& stem) {
  const auto there = [&](const char* end) { return fs::exists(job.out + "/" + stem + end); };
  return there(".png") && (!job.probabilities || there(".npz")) && (!job.overlay || there(".overlay.png"));
}

void write_legend(const ModelCard& card, const std::string& out) {
  write_png(cat(out, "/", kLegend, ".png"), legend_picture(card.spec.class_names, card.colours, 400));
  std::string text;
  for (std::size_t c = 0; c < card.spec.class_names.size(); ++c) {
    const Rgb& colour = card.colours[c];
    text += cat(c, " ", card.spec.class_names[c], " ", int{colour.r}, " ", int{colour.g}, " ", int{colour.b},
                "\n");
  }
  write_file(out + "/classes.txt", text);
}

}  // namespace

std::vector<std::string> find_pictures(const std::vector<std::string>& inputs, const std::string& out) {
  std::set<std::string> found;
  for (const std::string& input : inputs) {
    if (!fs::is_directory(input)) {
      check(fs::exists(input), "predict", "no such file or folder: ", input);
      found.insert(input);
      continue;
    }
    for (const fs::path& picture : pictures_below(input, out)) found.insert(picture.string());
  }
  return {found.begin(), found.end()};
}

std::vector<Failure> predict_files(TrainedSegmenter& trained, const PredictFiles& job) {
  check(trained.card.colours.size() == trained.card.spec.class_names.size(), "predict", "the model card has ",
        trained.card.colours.size(), " colours for ", trained.card.spec.class_names.size(), " classes");
  std::vector<Failure> failures;
  const auto names = output_names(job);
  fs::create_directories(job.out);
  write_legend(trained.card, job.out);
  Progress progress("predict", static_cast<std::int64_t>(names.size()), job.progress);
  for (const auto& [stem, path] : names) {
    stop_if_interrupted("predict");
    try {
      if (job.overwrite || !is_done(job, stem)) predict_one(trained, job, path, stem);
    } catch (const Error& error) {
      failures.push_back({path, "predict", error.what()});
      if (job.max_failures >= 0 && static_cast<std::int64_t>(failures.size()) > job.max_failures) {
        write_failures(job.out + "/failures.jsonl", failures);
        fail("predict", failures.size(),
             " pictures failed, more than --max-failures; the last: ", error.what());
      }
    }
    progress.advance();
  }
  write_failures(job.out + "/failures.jsonl", failures);
  return failures;
}

}  // namespace clearcut
