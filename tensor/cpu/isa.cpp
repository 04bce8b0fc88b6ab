#include "tensor/cpu/isa.h"

#include <array>
#include <atomic>
#include <cstdlib>

#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::array kTables = {
    IsaTable{"baseline", &isa::baseline::gemm_kernels, &isa::baseline::depthwise_kernels,
             &isa::baseline::row_kernels, &isa::baseline::pointwise_kernels, &isa::baseline::reduce_kernels,
             &isa::baseline::random_kernels, &isa::baseline::norm_kernels, &isa::baseline::map_kernels},
    IsaTable{"avx2", &isa::avx2::gemm_kernels, &isa::avx2::depthwise_kernels, &isa::avx2::row_kernels,
             &isa::avx2::pointwise_kernels, &isa::avx2::reduce_kernels, &isa::avx2::random_kernels,
             &isa::avx2::norm_kernels, &isa::avx2::map_kernels},
    IsaTable{"avx512", &isa::avx512::gemm_kernels, &isa::avx512::depthwise_kernels, &isa::avx512::row_kernels,
             &isa::avx512::pointwise_kernels, &isa::avx512::reduce_kernels, &isa::avx512::random_kernels,
             &isa::avx512::norm_kernels, &isa::avx512::map_kernels},
};

bool supported(const IsaTable& table) {
  if (table.name == "avx512")
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
  if (table.name == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return true;
}

const IsaTable& table_of(std::string_view name) {
  for (const IsaTable& table : kTables) {
    if (table.name != name) continue;
    check(supported(table), "CLEARCUT_ISA", "the instruction set must be one that this processor runs; '",
          name, "' is not; the best here is '", supported_isas().back(), "'");
    return table;
  }
  fail("CLEARCUT_ISA", "the instruction set must be baseline, avx2 or avx512; got '", name, "'");
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
  for (const IsaTable& table : kTables)
    if (supported(table)) names.push_back(table.name);
  return names;
}

}  // namespace clearcut
