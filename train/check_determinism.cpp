#include <filesystem>

#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "train/check.h"

namespace clearcut {

namespace {

std::string hash_files(const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) {
    const Bytes bytes = read_file(path);
    all += cat(bytes.size(), " ");
    all.append(bytes.begin(), bytes.end());
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash_name(all)));
  return text;
}

/// Stops twice as after Ctrl-C, each time after one step, then goes on to the end.
void train_in_pieces(const TrainJob& job, TrainRun run) {
  run.resume = true;
  for (int piece = 0; piece < 2; ++piece) {
    set_interrupted(true);
    try {
      train(job, run);
    } catch (const Interrupted&) {
      // wanted
    } catch (...) {
      set_interrupted(false);
      throw;
    }
    set_interrupted(false);
  }
  train(job, run);
}

}  // namespace

std::vector<Repetition> check_training(const TrainJob& job, Device device, const std::string& folder) {
  struct Way {
    std::string how;
    int threads, decoders;
    bool pieces;
  };
  const std::vector<Way> ways = {{"1 thread", 1, 1, false},
                                 {"3 threads", 3, 2, false},
                                 {"2 threads, decoding in the main thread", 2, 0, false},
                                 {"2 threads, stopped twice and resumed", 2, 2, true}};
  const int before = threads();
  std::vector<Repetition> repetitions;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const std::string work_dir = cat(folder, "/way_", i);
    std::filesystem::remove_all(work_dir);
    TrainJob mine = job;
    mine.threads = ways[i].decoders;
    set_threads(ways[i].threads);
    const TrainRun run = {.work_dir = work_dir, .device = device};
    if (ways[i].pieces)
      train_in_pieces(mine, run);
    else
      train(mine, run);
    const std::string last = work_dir + "/checkpoints/last";
    repetitions.push_back({ways[i].how, hash_files({last + "/model.safetensors", last + "/optim.safetensors",
                                                    work_dir + "/history.csv"})});
  }
  set_threads(before);
  return repetitions;
}

}  // namespace clearcut
