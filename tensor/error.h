// The one error form of the project: "op: the rule with its numbers; what came; hint".
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace clearcut {

/// The only exception type that clearcut throws on bad input.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Joins its arguments as text: cat("x has ", 3, " channels").
template <class... Part>
std::string cat(const Part&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

/// Names the module that runs on this thread. Errors thrown while it lives start with that path:
/// "backbone.layer3.5.conv2: conv2d: x has 3 channels but ...". Scopes nest; the innermost wins.
class ErrorScope {
 public:
  explicit ErrorScope(const std::string& path);  // must outlive the scope
  explicit ErrorScope(std::string&&) = delete;
  ~ErrorScope();
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;

 private:
  const std::string* outer_;
};

[[noreturn]] void throw_error(std::string_view op, const std::string& text);

/// Throws Error "op: parts...".
template <class... Part>
[[noreturn]] void fail(std::string_view op, const Part&... parts) {
  throw_error(op, cat(parts...));
}

/// Throws Error "op: parts..." unless ok. The text is only built on failure.
template <class... Part>
void check(bool ok, std::string_view op, const Part&... parts) {
  if (!ok) [[unlikely]]
    fail(op, parts...);
}

}  // namespace clearcut
