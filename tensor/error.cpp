#include "tensor/error.h"

namespace clearcut {

namespace {
thread_local const std::string* current_path = nullptr;
}

ErrorScope::ErrorScope(const std::string& path) : outer_(current_path) { current_path = &path; }
ErrorScope::~ErrorScope() { current_path = outer_; }

void throw_error(std::string_view op, const std::string& text) {
  const bool named = current_path != nullptr && !current_path->empty();
  throw Error(cat(named ? *current_path + ": " : "", op, ": ", text));
}

}  // namespace clearcut
