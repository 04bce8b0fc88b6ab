// The configurations of the paper's pairs: their effective values against a table typed from PaddleSeg's
// configurations (spec sections 3.2 and 4), where their comments stand, and two steps of each on drawn data.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <regex>

#include "data/drawn.h"
#include "tensor/file.h"
#include "tests/train/folder.h"
#include "train/job.h"
#include "train/pipeline.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

using Numbers = std::vector<double>;
using Values = std::map<std::string, Numbers>;

struct Network {
  std::string name, model;
  double output_stride;  // 0: it has one only
};
const Network kNetworks[] = {{"pspnet", "pspnet_resnet50_vd", 8},
                             {"deeplabv3", "deeplabv3_resnet50_vd", 8},
                             {"ocrnet", "ocrnet_hrnet_w18", 0}};

Values joined(Values more, const Values& base) {
  more.insert(base.begin(), base.end());
  return more;
}

Values distort(double range) {
  return {{"augment.distort.brightness", {range}},
          {"augment.distort.contrast", {range}},
          {"augment.distort.saturation", {range}}};
}

// Of every recipe, unless its row says otherwise.
const Values kEverywhere = {{"augment.scale.min", {0.5}},
                            {"augment.scale.max", {2}},
                            {"augment.flip", {0.5}},
                            {"augment.distort.hue", {18}},
                            {"normalise.mean", {0.5, 0.5, 0.5}},
                            {"normalise.deviation", {0.5, 0.5, 0.5}},
                            {"optimiser.rate", {0.01}},
                            {"optimiser.momentum", {0.9}},
                            {"optimiser.weight_decay", {4e-5}},
                            {"optimiser.power", {0.9}},
                            {"optimiser.warmup", {0}},
                            {"optimiser.end", {0}}};

// Section 4: optimiser, flip, normalisation, scale and loss are the same everywhere.
const Values kFineTuning = joined(
    {{"augment.scale.step", {0.25}}, {"optimiser.rate_batch", {0}}, {"eval.pad", {0, 0}}}, kEverywhere);

struct DataRow {
  std::string name, format, train_split;
  Values values;
  std::map<std::string, Numbers> coefficients =
      {};  // by network; {1, 0.4} and, with one output, {1} otherwise
};

// The rows of section 4. Crops are height x width here, width x height there.
std::vector<DataRow> fine_tuning() {
  return {
      {"cityscapes", "cityscapes", "train",
       joined({{"augment.crop", {512, 1024}}, {"train.batch", {2}}, {"train.steps", {80000}}}, distort(0.4))},
      {"voc_aug",
       "voc2012",
       "trainaug",
       joined({{"augment.crop", {512, 512}},
               {"train.batch", {4}},
               {"train.steps", {40000}},
               {"eval.pad", {512, 512}}},
              distort(0.4)),
       {{"ocrnet", {1, 1}}}},
      {"pascal_context", "pascal-context", "train",
       joined({{"augment.crop", {520, 520}},
               {"train.batch", {4}},
               {"train.steps", {40000}},
               {"optimiser.rate", {0.001}},
               {"eval.pad", {520, 520}}},
              distort(0.4))},
      {"ade20k", "ade20k", "train",
       joined({{"augment.crop", {512, 512}}, {"train.batch", {4}}, {"train.steps", {80000}}}, distort(0.4))},
      {"camvid", "camvid", "train",
       joined({{"augment.crop", {720, 960}},
               {"augment.scale.max", {2.5}},
               {"train.batch", {6}},
               {"train.steps", {10000}},
               {"optimiser.weight_decay", {5e-4}},
               {"optimiser.rate_batch", {24}},  // 4 devices
               {"optimiser.warmup", {200}},
               {"optimiser.warmup_start", {1e-5}}},
              distort(0.5))}};
}

// The STDC column of section 3.2, with the recommended default for the paper's networks below it.
const Values kPretraining = joined({{"augment.resize_short", {256}},
                                    {"augment.scale.step", {0}},
                                    {"augment.crop", {256, 256}},
                                    {"optimiser.rate_batch", {96}},
                                    {"optimiser.rates.backbone.*", {0.1}},
                                    {"train.batch", {12}},
                                    {"train.epochs", {10}}},
                                   joined(distort(0.2), kEverywhere));

Numbers usual_coefficients(const std::string& network) {
  return network == "deeplabv3" ? Numbers{1} : Numbers{1, 0.4};
}

TrainJob load(const std::string& file, const std::vector<std::string>& overrides) {
  return read_train_job(Config::load("configs/" + file + ".yaml", overrides));
}

// All of `keys` but the last part are sections; a pattern such as backbone.* is one key.
Numbers effective(const Config& config, const std::string& key) {
  const std::string rates = "optimiser.rates.";
  if (key.starts_with(rates))
    return config.section("optimiser").section("rates").numbers(key.substr(rates.size()));
  const auto dot = key.find('.');
  return dot == std::string::npos ? config.numbers(key)
                                  : effective(config.section(key.substr(0, dot)), key.substr(dot + 1));
}

void expect_values(const TrainJob& job, const Network& network, const Values& expected,
                   const Numbers& coefficients) {
  EXPECT_EQ(job.model.name, network.model);
  EXPECT_EQ(job.model.output_stride, network.output_stride);
  EXPECT_EQ(job.model.width, 1);
  EXPECT_EQ(job.loop.schedule.decay, Decay::kPoly);
  EXPECT_EQ(job.coefficients, coefficients);
  for (const auto& [key, numbers] : expected) EXPECT_EQ(effective(job.config, key), numbers) << key;
}

TEST(Recipes, PretrainingCarriesTheReleasedValues) {
  for (const Network& network : kNetworks) {
    SCOPED_TRACE(network.name);
    const std::string file = network.name == "pspnet" ? "pssl_pretrain" : "pssl_pretrain_" + network.name;
    const TrainJob job = load(file, {"images=I", "labels=L"});
    EXPECT_EQ(job.task, TrainJob::Task::kPretrain);
    EXPECT_EQ(job.train.spec.format, "pssl");
    EXPECT_EQ(job.class_weights, "default=1,background=0.1");
    expect_values(job, network, kPretraining, usual_coefficients(network.name));
  }
}

TEST(Recipes, FineTuningCarriesTheValuesOfItsDataSet) {
  for (const DataRow& data : fine_tuning())
    for (const Network& network : kNetworks) {
      SCOPED_TRACE(data.name + " " + network.name);
      const TrainJob job = load(data.name + "_" + network.name, {"root=R"});
      EXPECT_EQ(job.task, TrainJob::Task::kSegmentation);
      EXPECT_EQ(job.class_weights, "default=1");
      EXPECT_EQ(job.train.spec.format, data.format);
      EXPECT_EQ(job.train.spec.split, data.train_split);
      ASSERT_TRUE(job.val.has_value());
      EXPECT_EQ(job.val->spec.format, data.format);
      EXPECT_EQ(job.val->spec.split, "val");
      EXPECT_EQ(job.train.spec.ignore, 255);
      EXPECT_EQ(job.evaluation.score.absent, Absent::kExclude);
      Values expected = joined(data.values, kFineTuning);
      if (data.name == "cityscapes" && network.name == "pspnet") expected["optimiser.end"] = {1e-5};
      if (data.name == "cityscapes" && network.name == "ocrnet") expected["train.steps"] = {160000};
      const auto own = data.coefficients.find(network.name);
      expect_values(job, network, expected,
                    own == data.coefficients.end() ? usual_coefficients(network.name) : own->second);
    }
}

std::vector<std::string> all_recipes() {
  std::vector<std::string> files = {"pssl_pretrain", "pssl_pretrain_deeplabv3", "pssl_pretrain_ocrnet"};
  for (const DataRow& data : fine_tuning())
    for (const Network& network : kNetworks) files.push_back(data.name + "_" + network.name);
  return files;
}

// Each value of a recipe says in its line whether it is established or our choice; data and how often
// something is written need not.
TEST(Recipes, EachValueSaysWhereItComesFrom) {
  static const std::regex value(R"(^\s*\w+:\s*[^\s#].*$)"),
      free(R"(^(_base_|task|  (train|val): \{format|  on_failure|  (eval|save|log)_every).*$)");
  for (const std::string& file : all_recipes()) {
    std::istringstream lines(read_text("configs/" + file + ".yaml"));
    int tagged = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("#") || !std::regex_match(line, value) || std::regex_match(line, free)) continue;
      const bool says =
          line.find("# established") != std::string::npos || line.find("# choice: ") != std::string::npos;
      EXPECT_TRUE(says) << file << ": " << line;
      ++tagged;
    }
    EXPECT_GE(tagged, 2) << file;
  }
}

TEST(Recipes, EveryConfigurationOfTheFolderLoads) {
  int loaded = 0;
  for (const auto& entry : fs::directory_iterator("configs")) {
    const fs::path& path = entry.path();
    if (path.extension() != ".yaml" || path.stem() == "small") continue;  // small.yaml is a second _base_
    SCOPED_TRACE(path.string());
    const Config raw = Config::without_references(path.string());
    std::vector<std::string> overrides;
    for (const char* key : {"root", "images", "labels", "data"})
      if (read_text(path.string()).find(std::string("--set ") + key + "=") != std::string::npos)
        overrides.push_back(std::string(key) + "=DIR");
    if (overrides.empty()) overrides = {"root=DIR"};
    if (raw.has("stages")) {
      check_pipeline({.file = path.string(),
                      .overrides = path.stem().string().starts_with("demo") && path.stem() != "demo-real"
                                       ? std::vector<std::string>{}
                                       : std::vector<std::string>{"data=DIR"},
                      .work_dir = "WORK"});
    } else {
      read_train_job(Config::load(path.string(), overrides));
    }
    ++loaded;
  }
  EXPECT_GE(loaded, 30);
}

// Narrow, small pictures and two steps; the other values are the files' own.
TEST(Recipes, EachTakesTwoStepsOnDrawnData) {
  const test::Folder folder;
  write_drawn(folder / "drawn", {.train = 6, .val = 6}, {.size = 32});
  const std::string data = "{format: list, root: " + (folder / "drawn") + ", list: ";
  std::vector<std::string> files = all_recipes();
  for (const char* small : {"cityscapes", "voc_aug", "pascal_context", "ade20k", "camvid", "pssl_pretrain"})
    files.push_back(std::string(small) + "_small");
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    std::vector<std::string> overrides = {"data.train=" + data + "train.txt}",
                                          "data.val=~",
                                          "model.width=0.1",
                                          "augment.crop=[32, 32]",
                                          "train.batch=2",
                                          "train.steps=2",
                                          "train.epochs=~",
                                          "train.log_every=1"};
    if (file.starts_with("pssl") || file.ends_with("small"))
      overrides.emplace_back("augment.resize_short=32");
    const TrainSummary summary = train(load(file, overrides), {.work_dir = folder / file});
    EXPECT_EQ(summary.loop.steps, 2);
    EXPECT_TRUE(std::isfinite(summary.loop.loss));
    EXPECT_TRUE(summary.failures.empty());
  }
}

}  // namespace
}  // namespace clearcut
