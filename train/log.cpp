#include "train/log.h"

#include <cmath>
#include <filesystem>
#include <fstream>

#include "data/picture.h"
#include "tensor/cpu/isa.h"
#include "tensor/cuda_device.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "train/program.h"
#include "train/view/metrics_page.h"

namespace clearcut {

namespace {

constexpr const char* kHeader = "step,epoch,rate,loss,score\n";

std::string number_text(double value) {
  std::ostringstream text;
  text.precision(9);
  text << value;
  return text.str();
}

/// Place of a record in a run: the evaluation of a step follows its losses.
struct Place {
  std::int64_t step = 0;
  bool evaluation = false;
  auto operator<=>(const Place&) const = default;
};

/// Lines of a file whose place, as `place_of` reads it, is at most `last`.
template <class PlaceOf>
std::string keep_until(const std::string& path, const Place& last, const PlaceOf& place_of) {
  std::string kept;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);)
    if (!lines.eof() && place_of(line) <= last) kept += line + "\n";  // a torn last line is left out
  return kept;
}

constexpr std::chrono::seconds kBetweenDrawings{5};
constexpr int kReloadSeconds = 5;

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

TensorboardEvent event_of(const JsonObject& record) {
  TensorboardEvent event{.wall_time = record.number("time"), .step = record.integer("step"), .scalars = {}};
  if (record.text("kind") == "eval") {
    event.scalars.emplace_back("eval/" + record.text("metric"), record.number("score"));
    return event;
  }
  for (const char* name : {"loss", "rate", "gradient_norm", "items_per_second"})
    event.scalars.emplace_back(cat("train/", name), record.number(name));
  const std::vector<double> losses = record.numbers("losses");
  for (std::size_t i = 0; i < losses.size(); ++i)
    event.scalars.emplace_back(cat("train/loss_", i), losses[i]);
  return event;
}

Place row_place(const std::string& row) {  // the header's is before all
  if (std::isdigit(static_cast<unsigned char>(row.c_str()[0])) == 0) return {-1, false};
  return {std::stoll(row), row.find(",,,") != std::string::npos};
}

void cut_files(const std::string& metrics, const std::string& history, const Place& last) {
  if (std::filesystem::exists(metrics))
    write_file(metrics, keep_until(metrics, last, [&](const std::string& line) -> Place {
                 const JsonObject record = JsonObject::parse(line, metrics);
                 return {record.integer("step"), record.text("kind") == "eval"};
               }));
  if (std::filesystem::exists(history)) write_file(history, keep_until(history, last, row_place));
}

}  // namespace

JsonObject environment(Device device, std::uint64_t seed) {
  JsonObject json;
  json.set("clearcut", program_version())
      .set("commit", program_commit())
      .set("compiler", "g++ " __VERSION__)
      .set("instruction_set", std::string(isa_table().name))
      .set("decoders", picture_decoder())
      .set("device", described(device))
      .set("threads", threads())
      .set("seed", seed);
  return json;
}

RunLog::RunLog(const std::string& work_dir, std::int64_t steps_done, bool evaluation_due)
    : folder_(work_dir), history_path_(work_dir + "/history.csv") {
  const std::string metrics = work_dir + "/metrics.jsonl";
  if (steps_done > 0) cut_files(metrics, history_path_, {steps_done, !evaluation_due});
  metrics_ = std::make_unique<JsonlWriter>(
      metrics, steps_done > 0 ? JsonlWriter::Mode::kAppend : JsonlWriter::Mode::kFresh);
  if (steps_done == 0 || !std::filesystem::exists(history_path_)) write_file(history_path_, kHeader);
  const std::vector<JsonObject> before = read_jsonl(metrics);
  const double start = before.empty() ? seconds_since_1970() : before.front().number("time");
  events_ = std::make_unique<TensorboardWriter>(work_dir + "/events.out.tfevents.clearcut", start);
  for (const JsonObject& record : before) events_->write(event_of(record));
}

RunLog::~RunLog() {
  try {
    draw(false);
  } catch (const std::exception&) {  // a full disk has stopped the run already
  }
}

void RunLog::add(const JsonObject& record) {
  metrics_->write(record);
  events_->write(event_of(record));
  if (std::chrono::steady_clock::now() - drawn_ > kBetweenDrawings) draw(true);
}

void RunLog::draw(bool running) {
  write_file(folder_ + "/progress.html", metrics_page(folder_, running ? kReloadSeconds : 0));
  write_file(folder_ + "/curves.svg", metrics_curves(folder_));
  drawn_ =
      std::chrono::steady_clock::now();  // behind the work: long runs spend no more than their share on it
}

void RunLog::row(const std::string& text) {
  std::ofstream out(history_path_, std::ios::app);
  out << text << "\n" << std::flush;
  check(out.good(), "log", "cannot write ", history_path_, "; is the disk full?");
}

void RunLog::train(const Train& record) {
  JsonObject json;
  json.set("kind", "train")
      .set("step", record.step)
      .set("epoch", record.epoch)
      .set("rate", record.rate)
      .set("loss", record.loss)
      .set("losses", record.losses)
      .set("gradient_norm", record.gradient_norm)
      .set("seconds", record.seconds)
      .set("waited", record.waited)
      .set("items_per_second", record.items_per_second)
      .set("time", seconds_since_1970());
  add(json);
  row(cat(record.step, ",", record.epoch, ",", number_text(record.rate), ",", number_text(record.loss), ","));
}

void RunLog::evaluation(std::int64_t step, std::int64_t epoch, const std::string& metric, double score,
                        const JsonObject& numbers) {
  JsonObject json;
  json.set("kind", "eval")
      .set("step", step)
      .set("epoch", epoch)
      .set("metric", metric)
      .set("score", score)
      .set("numbers", numbers)
      .set("time", seconds_since_1970());
  add(json);
  row(cat(step, ",", epoch, ",,,", std::isnan(score) ? "" : number_text(score)));
}

std::vector<JsonObject> read_metrics(const std::string& work_dir, const std::string& kind) {
  std::vector<JsonObject> found;
  const std::string path = work_dir + "/metrics.jsonl";
  if (!std::filesystem::exists(path)) return found;
  for (const JsonObject& record : read_jsonl(path))
    if (record.text("kind") == kind) found.push_back(record);
  return found;
}

}  // namespace clearcut
