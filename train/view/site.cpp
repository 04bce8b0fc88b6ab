#include "train/view/site.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>

#include "data/file_names.h"
#include "data/visual.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "train/view/metrics_page.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBlock = 200;                      // items in one part of the list
constexpr std::size_t kMostFile = std::size_t{64} << 20;  // bytes of a report

const std::map<std::string, std::string> kTypes = {
    {".html", "text/html; charset=utf-8"},  {".svg", "image/svg+xml"},
    {".json", "text/plain; charset=utf-8"}, {".jsonl", "text/plain; charset=utf-8"},
    {".csv", "text/plain; charset=utf-8"},  {".txt", "text/plain; charset=utf-8"},
    {".yaml", "text/plain; charset=utf-8"},
};
// Reports carry their style and pictures, and no script.
constexpr const char* kReportPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

std::string title_of(const std::string& folder) {
  const fs::path path = fs::weakly_canonical(folder);
  return path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
}

// "data/PREFIX-12.js" -> 12.
std::optional<std::int64_t> number_in(const std::string& path, const std::string& prefix) {
  if (!path.starts_with(prefix) || !path.ends_with(".js")) return std::nullopt;
  const char *begin = path.data() + prefix.size(), *end = path.data() + path.size() - 3;
  std::int64_t number = -1;
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc{} || stop != end || number < 0) return std::nullopt;
  return number;
}

std::string taken(const std::string& name, const JsonObject& value) {
  return cat("take(\"", name, "\", ", value.line(), ");\n");
}

HttpAnswer script(const std::string& text) {
  return {.type = "text/javascript; charset=utf-8", .body = text};
}

HttpAnswer nothing_here() { return {.status = 404, .body = "there is nothing at this address\n"}; }

// Pages in the folder itself and in report/.
std::vector<std::string> find_reports(const std::string& folder) {
  std::vector<std::string> reports;
  for (const std::string below : {"", "report"}) {
    if (!fs::is_directory(fs::path(folder) / below)) continue;
    for (const auto& entry : fs::directory_iterator(fs::path(folder) / below))
      if (entry.path().extension() == ".html")
        reports.push_back("files/" + entry.path().lexically_relative(folder).generic_string());
  }
  std::sort(reports.begin(), reports.end());
  if (fs::is_regular_file(fs::path(folder) / "metrics.jsonl"))
    reports.insert(reports.begin(), "metrics.html");
  return reports;
}

}  // namespace

std::string view_policy(const std::string& nonce) {
  return cat("default-src 'none'; script-src 'nonce-", nonce, "' 'strict-dynamic'; style-src 'nonce-", nonce,
             "'; img-src data:; base-uri 'none'; form-action 'none'");
}

std::string random_word() {
  std::array<std::uint8_t, 16> bytes{};
  check(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "view",
        "the system gives no random bytes");
  std::string word;
  for (const std::uint8_t byte : bytes)
    for (const int digit : {byte >> 4, byte & 15}) word += "0123456789abcdef"[digit];
  return word;
}

ViewSite::ViewSite(const ViewOptions& options)
    : options_(options), folder_(open_view(options)), reports_(find_reports(options.folder)) {
  check(folder_->size() > 0 || !reports_.empty(), "view", options.folder,
        " holds nothing to show: no pictures (manifest.jsonl of `label fuse`, index.jsonl of `explain`, "
        "classes.txt and legend.png of `predict`), no metrics.jsonl, no report (.html)");
}

std::string ViewSite::about() const {
  JsonObject about = folder_->about();
  std::vector<std::int64_t> ramp;
  for (int i = 0; i < 256; ++i) {
    const Rgb colour = heat_colour(i / 255.0);
    ramp.insert(ramp.end(), {colour.r, colour.g, colour.b});
  }
  about.set("title", title_of(options_.folder)).set("items", folder_->size()).set("block", kBlock);
  return taken("about", about.set("ramp", ramp).set("reports", reports_));
}

std::string ViewSite::block(std::int64_t number) const {
  std::vector<JsonObject> rows;
  for (std::int64_t i = number * kBlock; i < std::min(folder_->size(), (number + 1) * kBlock); ++i)
    rows.push_back(folder_->row(i));
  JsonObject list;
  return taken(cat("list-", number), list.set("rows", rows));
}

// A page cannot read an error's text where a script was to come: what is damaged says so in its place, and an
// export goes on.
std::string ViewSite::item(std::int64_t number) const {
  JsonObject item;
  try {
    item = folder_->item(number);
  } catch (const Error& error) {
    const std::vector<JsonObject> none;
    item.set("name", folder_->row(number).text("name")).set("problem", error.what());
    item.set("facts", none).set("layers", none);
  }
  return taken(cat("item-", number), item);
}

HttpAnswer ViewSite::file(const std::string& path) const {
  const auto type = kTypes.find(fs::path(path).extension().string());
  if (type == kTypes.end()) return nothing_here();
  const auto file = file_inside(options_.folder, path);
  if (!file) return nothing_here();
  const Bytes bytes = read_file(*file, kMostFile);
  return {.type = type->second, .body = {bytes.begin(), bytes.end()}, .policy = kReportPolicy};
}

HttpAnswer ViewSite::answer(const std::string& path) const {
  if (path.empty()) {
    const std::string nonce = random_word();
    return {.type = "text/html; charset=utf-8",
            .body = view_page(title_of(options_.folder), nonce),
            .policy = view_policy(nonce) + "; frame-ancestors 'none'"};
  }
  if (path == "data/about.js") return script(about());
  if (const auto number = number_in(path, "data/list-"); number && *number <= folder_->size() / kBlock)
    return script(block(*number));
  if (const auto number = number_in(path, "data/item-"); number && *number < folder_->size())
    return script(item(*number));
  if (path.starts_with("files/")) return file(path.substr(6));
  if (path == "metrics.html" && !reports_.empty() && reports_[0] == path)
    return {
        .type = "text/html; charset=utf-8", .body = metrics_page(options_.folder), .policy = kReportPolicy};
  return nothing_here();
}

void ViewSite::write(const std::string& out, const std::function<void(std::int64_t items)>& progress) const {
  const fs::path from = fs::weakly_canonical(options_.folder), to = fs::weakly_canonical(out);
  const auto [end, below] = std::mismatch(from.begin(), from.end(), to.begin(), to.end());
  check(end != from.end(), "view", out, " lies in the folder that is shown; export to another one");
  std::vector<std::string> paths = {"data/about.js"};
  for (std::int64_t b = 0; b * kBlock < folder_->size(); ++b) paths.push_back(cat("data/list-", b, ".js"));
  paths.insert(paths.end(), reports_.begin(), reports_.end());
  for (const std::string& path : paths) write_file(out + "/" + path, answer(path).body);
  for (std::int64_t i = 0; i < folder_->size(); ++i) {
    stop_if_interrupted("view", "run the same command again");
    write_file(cat(out, "/data/item-", i, ".js"), item(i));
    if (progress) progress(i + 1);
  }
  // The same bytes each time: nobody else writes into this page.
  write_file(out + "/index.html", view_page(title_of(options_.folder), "clearcut"));
}

}  // namespace clearcut
