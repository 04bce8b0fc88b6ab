// clearcut data convert | pack | split | voc-aug: those that write data sets.
#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>

#include "apps/data_options.h"
#include "apps/failed_items.h"
#include "data/hold_out.h"
#include "data/voc_aug.h"
#include "data/write_data.h"
#include "tensor/file.h"

namespace clearcut::apps {

namespace {

// ---- convert and pack

struct WriteWords {
  DatasetSpec spec;
  std::string map, names, shard_size = "512MiB";
  bool colours = false;
  WriteDataOptions options;
};

int write(WriteWords& w, const char* verb, const Session& session) {
  w.spec.pixel_weights = true;  // those that are there are carried
  Dataset data = open_dataset(w.spec);
  if (w.colours) data = with_colour_masks(std::move(data));
  if (!w.map.empty())
    w.options.values = from_option("--map", [&] { return parse_value_map(w.map, data.ignore); });
  if (!w.names.empty()) w.options.names = read_class_file(w.names).names;
  Progress progress(verb, static_cast<std::int64_t>(data.items.size()), progress_of(session.common));
  w.options.progress = [&](std::int64_t done) { progress.update(done); };
  const std::vector<Failure> failures = write_data(data, w.options);
  std::cout << data.items.size() - failures.size() << " items written, " << failures.size() << " failed; in "
            << w.options.folder << "\n";
  return print_failures(failures);
}

void add_writing_options(CLI::App& verb, WriteWords& w) {
  add_dataset_options(verb, w.spec);
  verb.add_option("-o,--out", w.options.folder, "folder to write, new or empty")->required();
  verb.add_option("--list-name", w.options.list, "name of the list that is written")->capture_default_str();
  verb.add_option("--map", w.map, "label values to change, as 255:1,0:0 or 7:ignore");
  verb.add_option("--names", w.names, "class file of what is written; default: the same classes")
      ->check(CLI::ExistingFile);
  verb.add_flag("--colours", w.colours, "masks are colour pictures in the colours of the class file");
  verb.add_option("--longest", w.options.longest,
                  "scale so that the longest side is at most this; 0: as it is")
      ->check(CLI::NonNegativeNumber);
}

void add_convert(CLI::App& data, Session& session) {
  auto* verb = data.add_subcommand("convert", "write a data set as plain pictures, label PNGs and a list");
  auto w = std::make_shared<WriteWords>();
  add_writing_options(*verb, *w);
  add_common(*verb, session, kProgress | kThreads);
  on_run(*verb, session, [w, &session] { return write(*w, "data convert", session); });
}

void add_pack(CLI::App& data, Session& session) {
  auto* verb = data.add_subcommand("pack", "pack a data set into tar shards that train as they lie");
  auto w = std::make_shared<WriteWords>();
  add_writing_options(*verb, *w);
  verb->add_option("--shard-size", w->shard_size, "size of a shard")->capture_default_str();
  add_common(*verb, session, kProgress | kThreads);
  on_run(*verb, session, [w, &session] {
    w->options.shard_bytes =
        static_cast<std::int64_t>(from_option("--shard-size", [&] { return parse_bytes(w->shard_size); }));
    if (w->options.shard_bytes == 0)
      throw ConfigError("--shard-size: must not be 0; `clearcut data convert` writes plain files");
    return write(*w, "data pack", session);
  });
}

// ---- split

struct SplitWords {
  DatasetSpec spec;
  HoldOutOptions options;
  std::string out;
};

// A line that the same format reads back: IMAGE MASK [WEIGHTS], IMAGE CLASS, or the name (for `select`).
std::string line_of(const Item& item, const DatasetSpec& spec) {
  const auto below = [&](const std::string& path) {
    return std::filesystem::path(path).lexically_relative(spec.root).generic_string();
  };
  if (spec.format == "list" && !item.mask.empty())
    return item.name + "\t" + below(item.mask) + (item.weights.empty() ? "" : "\t" + below(item.weights));
  if (spec.format == "classes") return item.name + "\t" + std::to_string(item.classes.front());
  return item.name;
}

int split(SplitWords& w, const Session& session) {
  w.spec.pixel_weights = true;  // those that are there are carried
  const Dataset data = open_dataset(w.spec);
  w.options.seed = session.common.seed;
  const std::vector<Part> parts = hold_out(data, w.options);
  const char* names[] = {"train.txt", "val.txt", "test.txt"};
  std::string lines[3];
  std::int64_t sizes[3] = {};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto part = static_cast<std::size_t>(parts[i]);
    lines[part] += line_of(data.items[i], w.spec) + "\n";
    ++sizes[part];
  }
  for (std::size_t part = 0; part < 3; ++part) {
    if (sizes[part] == 0) continue;
    const std::string path = (std::filesystem::path(w.out) / names[part]).string();
    check(!std::filesystem::exists(path), "split", path, " exists already; name another folder");
    write_file(path, lines[part]);
    std::cout << path << ": " << sizes[part] << " items\n";
  }
  return kDone;
}

void add_split(CLI::App& data, Session& session) {
  auto* verb = data.add_subcommand("split", "draw which items are for training, validation and testing");
  auto w = std::make_shared<SplitWords>();
  add_dataset_options(*verb, w->spec);
  verb->add_option("-o,--out", w->out, "folder for train.txt, val.txt and test.txt")->required();
  verb->add_option("--val", w->options.val, "share of validation")->capture_default_str();
  verb->add_option("--test", w->options.test, "share of testing")->capture_default_str();
  verb->add_flag("--whole-folders", w->options.whole_folders,
                 "keep the pictures of a folder (a film, a patient, a city) together");
  add_common(*verb, session, kSeed);
  on_run(*verb, session, [w, &session] { return split(*w, session); });
}

// ---- voc-aug

void add_voc_aug(CLI::App& data, Session& session) {
  struct Folders {
    std::string voc, sbd;
  };
  auto* verb = data.add_subcommand("voc-aug", "add the masks of SBD (.mat) to PASCAL VOC 2012");
  auto f = std::make_shared<Folders>();
  verb->add_option("--root,root", f->voc, "folder VOC2012, with JPEGImages in it")
      ->required()
      ->check(CLI::ExistingDirectory);
  verb->add_option("--sbd", f->sbd, "folder benchmark_RELEASE of SBD, with dataset/cls in it")
      ->required()
      ->check(CLI::ExistingDirectory);
  add_common(*verb, session, kProgress | kThreads);
  on_run(*verb, session, [f, &session] {
    std::unique_ptr<Progress> progress;
    const VocAugCounts counts = merge_sbd(f->voc, f->sbd, [&](std::int64_t done, std::int64_t all) {
      if (!progress) progress = std::make_unique<Progress>("data voc-aug", all, progress_of(session.common));
      progress->update(done);
    });
    progress.reset();
    std::cout << counts.train << " pictures of VOC and " << counts.added
              << " of SBD: " << counts.train + counts.added << " in trainaug.txt (" << counts.in_val
              << " of SBD are left out, VOC validates with them)\n";
    return kDone;
  });
}

}  // namespace

void add_data_write(CLI::App& data, Session& session) {
  add_convert(data, session);
  add_split(data, session);
  add_pack(data, session);
  add_voc_aug(data, session);
}

}  // namespace clearcut::apps
