// The viewer as a site: which address answers what, from a server or as files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "train/view/folder.h"
#include "train/view/http.h"

namespace clearcut {

/// Addresses, relative to the site's root:
///
///   ""               the page: one HTML file with its style and script in it
///   data/about.js    take("about", {about() of the folder, "title", "items", "block", "ramp", "reports"})
///   data/list-B.js   take("list-B", {"rows": [...]}): items B * block and on
///   data/item-I.js   take("item-I", {...}); of an item that cannot be read "name" and "problem" alone
///   files/PATH       a report, chart or table of the folder: .html .svg .json .jsonl .csv .txt .yaml
///   metrics.html     of a folder with metrics.jsonl: its curves and its last scores
///
/// Nothing is loaded from anywhere else: the page's policy allows its own script, and pictures that stand in
/// the data. Data are scripts because pages that are opened from a disk may not fetch.
class ViewSite {
 public:
  /// As open_view(); also throws Error for a folder with neither items nor reports.
  explicit ViewSite(const ViewOptions& options);

  /// `path` is decoded. 404 if there is nothing.
  HttpAnswer answer(const std::string& path) const;
  /// The same as files, the page as index.html, last; `out` must not be the folder itself or lie in it.
  /// Throws Interrupted between two files after Ctrl-C.
  void write(const std::string& out, const std::function<void(std::int64_t items)>& progress = {}) const;
  std::int64_t items() const { return folder_->size(); }

 private:
  std::string about() const;
  std::string block(std::int64_t number) const;
  std::string item(std::int64_t number) const;
  HttpAnswer file(const std::string& path) const;

  ViewOptions options_;
  std::unique_ptr<ViewFolder> folder_;
  std::vector<std::string> reports_;  // addresses of pages beside this one
};

/// The page. Its script runs, and its style counts, because both carry `nonce`.
std::string view_page(const std::string& title, const std::string& nonce);
/// Content-Security-Policy of the page: nothing from anywhere but scripts that its own script loads, and data
/// URIs as pictures.
std::string view_policy(const std::string& nonce);

/// 32 hexadecimal digits that nobody can guess.
std::string random_word();

}  // namespace clearcut
