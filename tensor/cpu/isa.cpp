#include "tensor/cpu/isa.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "tensor/cpu/arch/arch.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

// "baseline, avx2 or avx512"
std::string known_names() {
  const auto all = isas_of_architecture();
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i)
    text += cat(i == 0 ? "" : i + 1 == all.size() ? " or " : ", ", all[i].table.name);
  return text;
}

const IsaTable& table_of(std::string_view name) {
  for (const auto& [table, supported] : isas_of_architecture()) {
    if (table.name != name) continue;
    check(supported(), "CLEARCUT_ISA", "the instruction set must be one that this processor runs; '", name,
          "' is not; the best here is '", supported_isas().back(), "'");
    return table;
  }
  fail("CLEARCUT_ISA", "the instruction set must be ", known_names(), "; got '", name, "'");
}

const IsaTable& first_choice() {
  const char* name = std::getenv("CLEARCUT_ISA");
  return table_of(name && *name ? std::string_view(name) : supported_isas().back());
}

std::atomic<const IsaTable*> current{nullptr};

}  // namespace

const IsaTable& isa_table() {
  const IsaTable* table = current.load(std::memory_order_acquire);
  if (table == nullptr) {
    table = &first_choice();
    current.store(table, std::memory_order_release);
  }
  return *table;
}

void set_isa(std::string_view name) { current.store(name.empty() ? &first_choice() : &table_of(name)); }

std::vector<std::string_view> supported_isas() {
  std::vector<std::string_view> names;
  for (const auto& [table, supported] : isas_of_architecture())
    if (supported()) names.push_back(table.name);
  return names;
}

}  // namespace clearcut
