#include "train/bench/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "tensor/memory.h"
#include "tensor/parallel.h"
#include "tensor/process.h"
#include "train/program.h"

namespace clearcut {

namespace {

[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

std::string seconds_text(double s) {
  return s >= 1 ? print("%.3f s", s) : s >= 1e-3 ? print("%.2f ms", 1e3 * s) : print("%.1f us", 1e6 * s);
}

double mebibytes(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

JsonObject to_json(const Bandwidth& b) {
  return JsonObject()
      .set("working_set", static_cast<std::int64_t>(b.bytes))
      .set("read", b.read)
      .set("copy", b.copy)
      .set("triad", b.triad);
}

}  // namespace

BenchResult measure(const Workload& work, const SampleOptions& options) {
  BenchResult result{.work = work, .timing = {}, .machine = measure_machine(threads())};
  {
    const PinnedThreads pinned;
    release_idle_memory();  // what counting the arithmetic left
    reset_memory_peak();
    reset_resident_peak();
    std::int64_t before = 0;
    result.timing = timing_of(take_samples(options, [&] {
      before = memory_stats().system_allocations;
      work.run();
    }));
    result.system_allocations = memory_stats().system_allocations - before;
    result.peak_bytes = memory_stats().peak;
    result.resident_bytes = resident_peak();
  }
  result.machine.flops = std::max(result.machine.flops, measure_flops(threads()));
  return result;
}

JsonObject to_json(const MachineLimits& m) {
  return JsonObject()
      .set("isa", m.isa)
      .set("threads", m.threads)
      .set("flops", m.flops)
      .set("l2", to_json(m.l2))
      .set("l3", to_json(m.l3))
      .set("memory", to_json(m.memory));
}

std::string to_text(const MachineLimits& m) {
  const auto rates = [](const Bandwidth& b) {
    return print("%.0f / %.0f / %.0f", 1e-9 * b.read, 1e-9 * b.copy, 1e-9 * b.triad);
  };
  return print(
      "machine: %s, %d %s, %.1f GFLOP/s of multiply-adds; read / copy / triad in GB/s: L2 %s, L3 %s, "
      "memory %s\n",
      m.isa.c_str(), m.threads, m.threads == 1 ? "thread" : "threads", 1e-9 * m.flops, rates(m.l2).c_str(),
      rates(m.l3).c_str(), rates(m.memory).c_str());
}

JsonObject to_json(const BenchResult& r) {
  const Workload& w = r.work;
  JsonObject json;
  json.set("work", w.work).set("model", w.model);
  if (!w.detail.empty()) json.set("detail", w.detail);
  return json.set("batch", w.batch)
      .set("height", w.height)
      .set("width", w.width)
      .set("threads", r.machine.threads)
      .set("isa", r.machine.isa)
      .set("parameters", w.parameters)
      .set("forward_multiply_adds", w.forward_multiply_adds)
      .set("operations", w.operations)
      .set("samples", r.timing.samples)
      .set("clean_samples", r.timing.clean)
      .set("clean_only", r.timing.clean_only)
      .set("seconds", JsonObject()
                          .set("min", r.timing.min)
                          .set("lower_quartile", r.timing.lower_quartile)
                          .set("median", r.timing.median)
                          .set("upper_quartile", r.timing.upper_quartile)
                          .set("least_cpu", r.timing.least_cpu))
      .set(w.item + "s_per_second", r.items_per_second())
      .set("flops", r.flops())
      .set("share_of_peak", r.share_of_peak())
      .set("peak_bytes", static_cast<std::int64_t>(r.peak_bytes))
      .set("resident_bytes", static_cast<std::int64_t>(r.resident_bytes))
      .set("system_allocations", r.system_allocations)
      .set("machine", to_json(r.machine))
      .set("version", program_version())
      .set("commit", program_commit());
}

std::string to_text(const BenchResult& r) {
  const Workload& w = r.work;
  const Timing& t = r.timing;
  std::string text = cat(w.work, " ", w.model, w.detail.empty() ? "" : " " + w.detail, ": batch ", w.batch,
                         ", ", w.height, " x ", w.width, ", ", r.machine.threads,
                         r.machine.threads == 1 ? " thread" : " threads", ", ", r.machine.isa, "\n");
  text +=
      cat("  median ", seconds_text(t.median), " (min ", seconds_text(t.min), ", quartiles ",
          seconds_text(t.lower_quartile), " and ", seconds_text(t.upper_quartile), "; processor time from ",
          seconds_text(t.least_cpu), "), ", print("%.4g", r.items_per_second()), " ", w.item, "s/s\n");
  text += cat("  ", t.samples, t.samples == 1 ? " sample, " : " samples, ", t.clean,
              " in which no thread waited for a processor",
              t.clean_only ? "" : ": too few, so all count; the machine is busy, trust the minimum", "\n");
  if (w.operations > 0)  // not known of every explainer
    text += print("  %.4g GFLOP a run: %.4g GFLOP/s, %.3g %% of the machine's multiply-add peak\n",
                  1e-9 * w.operations, 1e-9 * r.flops(), 100 * r.share_of_peak());
  text += print(
      "  %.2f million parameters, tensors %.1f MiB at most, process %.1f MiB; the last run asked the system "
      "for "
      "%lld blocks\n",
      1e-6 * static_cast<double>(w.parameters), mebibytes(r.peak_bytes), mebibytes(r.resident_bytes),
      static_cast<long long>(r.system_allocations));
  return text + to_text(r.machine);
}

}  // namespace clearcut
