#include "train/share.h"

#include <charconv>
#include <cstring>
#include <initializer_list>
#include <optional>

#include "tensor/error.h"
#include "train/config.h"

namespace clearcut {

namespace {

std::optional<std::int64_t> whole_number(const char* text) {
  std::int64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// Reads "auto" from an environment.
class Launcher {
 public:
  explicit Launcher(const Environment& environment) : environment_(environment) {}

  Share shard() const {
    if (const auto slurm = array()) return *slurm;
    if (const auto rank = ranks()) return *rank;
    if (const auto rank = number("RANK")) return {*rank, size("RANK", {"WORLD_SIZE"})};
    throw ConfigError(
        "--shard auto: nothing says which part this is: none of SLURM_ARRAY_TASK_ID, OMPI_COMM_WORLD_RANK, "
        "PMI_RANK, PMIX_RANK, SLURM_STEP_ID, RANK is set; write --shard i/n");
  }

  /// Of the processes that one launcher started together.
  std::optional<Share> ranks() const {
    if (const auto rank = number("OMPI_COMM_WORLD_RANK"))
      return Share{*rank, size("OMPI_COMM_WORLD_RANK", {"OMPI_COMM_WORLD_SIZE"})};
    if (const auto rank = number("PMI_RANK")) return Share{*rank, size("PMI_RANK", {"PMI_SIZE"})};
    if (const auto rank = number("PMIX_RANK"))
      return Share{*rank, size("PMIX_RANK", {"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "WORLD_SIZE"})};
    return steps();
  }

 private:
  std::optional<std::int64_t> number(const char* name) const {
    const char* text = environment_(name);
    if (text == nullptr) return std::nullopt;
    const auto value = whole_number(text);
    if (!value) throw ConfigError(cat("--shard auto: ", name, " must be a whole number; it is '", text, "'"));
    return value;
  }

  std::int64_t size(const char* rank, std::initializer_list<const char*> names) const {
    for (const char* name : names)
      if (const auto value = number(name)) return *value;
    throw ConfigError(cat("--shard auto: ", rank, " is set but not how many there are (", *names.begin(),
                          "); write --shard $", rank, "/n"));
  }

  std::optional<Share> steps() const {
    const auto rank = number("SLURM_PROCID");
    if (!rank || environment_("SLURM_STEP_ID") == nullptr) return std::nullopt;
    return Share{*rank, size("SLURM_PROCID", {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"})};
  }

  std::optional<Share> array() const {
    const auto id = number("SLURM_ARRAY_TASK_ID");
    if (!id) return std::nullopt;
    const std::int64_t count = size("SLURM_ARRAY_TASK_ID", {"SLURM_ARRAY_TASK_COUNT"});
    const std::int64_t first = number("SLURM_ARRAY_TASK_MIN").value_or(0);
    const std::int64_t step = number("SLURM_ARRAY_TASK_STEP").value_or(1);
    const std::int64_t last = number("SLURM_ARRAY_TASK_MAX").value_or(first + (count - 1) * step);
    if (step < 1 || last - first != (count - 1) * step || (*id - first) % step != 0)
      throw ConfigError(cat("--shard auto: the array has ", count, " tasks from ", first, " to ", last,
                            ": some are left out, so their places are not known; write --shard "
                            "$SLURM_ARRAY_TASK_ID/n with the n of the whole job"));
    const Share element{(*id - first) / step, count};
    const auto inside = ranks();
    if (!inside) return element;
    return Share{element.index * inside->count + inside->index, element.count * inside->count};
  }

  const Environment& environment_;
};

Share written(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const auto index = whole_number(text.substr(0, slash).c_str());
    const auto count = whole_number(text.substr(slash + 1).c_str());
    if (index && count) return {*index, *count};
  }
  throw ConfigError(cat("--shard: must be i/n, as 0/4, or auto; got '", text, "'"));
}

}  // namespace

std::optional<Share> launched_ranks(const Environment& environment) { return Launcher(environment).ranks(); }

Share parse_share(const std::string& text, const Environment& environment) {
  const Share shard = text == "auto" ? Launcher(environment).shard() : written(text);
  if (shard.count < 1 || shard.index < 0 || shard.index >= shard.count)
    throw ConfigError(cat("--shard: the index counts from 0 to n - 1; got ", shard.index, "/", shard.count,
                          shard.index == shard.count ? "; the last part is " : "",
                          shard.index == shard.count ? cat(shard.count - 1, "/", shard.count) : ""));
  return shard;
}

}  // namespace clearcut
