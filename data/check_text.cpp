// data/check.h's report as text and JSON.
#include <algorithm>
#include <cstdio>

#include "data/check.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

std::string percent(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

std::string padded(const std::string& text, std::size_t width) {
  return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}

std::string padded_right(const std::string& text, std::size_t width) {
  return text.size() >= width ? text : text + std::string(width - text.size(), ' ');
}

// The most frequent entries first: "128x128 (944), ..."
std::string most_frequent(const std::map<std::string, std::int64_t>& counts, std::size_t most) {
  std::vector<std::pair<std::string, std::int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i)
    text += cat(i == 0 ? "" : ", ", sorted[i].first, " (", sorted[i].second, ")");
  if (sorted.size() > most) text += cat(" and ", sorted.size() - most, " more");
  return text;
}

const char* name_of(Severity severity) { return severity == Severity::kError ? "error" : "warning"; }

}  // namespace

std::string describe(const DataReport& report, const Dataset& data, std::size_t examples) {
  std::string text = cat(data.root, ": ", report.items, " items, ", data.class_names.size(), " classes\n");
  return text + describe(report.findings, examples);
}

std::string describe(const std::vector<Finding>& findings, std::size_t examples) {
  if (findings.empty()) return "nothing wrong found\n";
  std::string text;
  for (const Finding& finding : findings) {
    text += cat("\n", name_of(finding.severity), ": ", finding.kind, " (", finding.details.size(),
                ")\n  likely cause: ", finding.cause, "\n  fix: ", finding.fix, "\n");
    for (std::size_t i = 0; i < std::min(examples, finding.details.size()); ++i)
      text += cat("    ", finding.details[i], "\n");
    if (finding.details.size() > examples)
      text += cat("    ... and ", finding.details.size() - examples, " more\n");
  }
  return text;
}

std::string describe_statistics(const DataReport& report, const Dataset& data) {
  std::size_t width = 5;
  for (const std::string& name : data.class_names)
    width = std::max(width, std::min<std::size_t>(name.size(), 40));
  std::string text = padded("class", 6) + "  " + padded_right("name", width) + padded("pixels", 14) +
                     padded("share", 9) + padded("pictures", 10) + "\n";
  const std::int64_t counted = report.pixels - report.ignored_pixels;
  for (std::size_t c = 0; c < data.class_names.size(); ++c)
    text += padded(cat(c), 6) + "  " + padded_right(data.class_names[c].substr(0, 40), width) +
            padded(cat(report.class_pixels[c]), 14) + padded(percent(report.class_pixels[c], counted), 9) +
            padded(cat(report.class_pictures[c]), 10) + "\n";
  text += cat("items ", report.items, ", without any label ", report.unlabelled_pictures, "\n");
  if (report.pixels > 0)
    text += cat("ignored pixels ", report.ignored_pixels, " of ", report.pixels, " (",
                percent(report.ignored_pixels, report.pixels), ")\n");
  text += "sizes " + most_frequent(report.sizes, 5) + "\n";
  return text + "files " + most_frequent(report.formats, 8) + "\n";
}

std::vector<JsonObject> to_json(const std::vector<Finding>& findings) {
  std::vector<JsonObject> list;
  for (const Finding& f : findings)
    list.push_back(JsonObject()
                       .set("kind", f.kind)
                       .set("severity", name_of(f.severity))
                       .set("cause", f.cause)
                       .set("fix", f.fix)
                       .set("items", f.details));
  return list;
}

JsonObject to_json(const DataReport& report, const Dataset& data) {
  std::vector<JsonObject> classes;
  for (std::size_t c = 0; c < data.class_names.size(); ++c)
    classes.push_back(JsonObject()
                          .set("index", static_cast<int>(c))
                          .set("name", data.class_names[c])
                          .set("pixels", report.class_pixels[c])
                          .set("pictures", report.class_pictures[c]));
  JsonObject sizes, formats;
  for (const auto& [name, n] : report.sizes) sizes.set(name, n);
  for (const auto& [name, n] : report.formats) formats.set(name, n);
  return JsonObject()
      .set("root", data.root)
      .set("items", report.items)
      .set("ok", !has_errors(report.findings))
      .set("findings", to_json(report.findings))
      .set("classes", classes)
      .set("pixels", report.pixels)
      .set("ignored_pixels", report.ignored_pixels)
      .set("unlabelled_pictures", report.unlabelled_pictures)
      .set("turned_by_exif", report.turned_by_exif)
      .set("sizes", sizes)
      .set("formats", formats);
}

}  // namespace clearcut
