// Configuration files: YAML with inheritance, overrides, and errors that name file, line and key.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/error.h"

namespace clearcut {

/// A mistake in a configuration or on the command line (exit code 2).
class ConfigError : public Error {
 public:
  using Error::Error;
};

struct ConfigNode;

/// Bounds of a number, both included.
struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// One mapping of a configuration. Copies share the tree.
///
/// Reading a key through a getter makes it known: check_all_read() then reports every key that nobody asked
/// for, with its line and the nearest known key. A getter with a fallback writes the fallback into the tree,
/// so that effective() shows every knob of the run with its value.
///
/// Rules of the files:
///   _base_: FILE or [FILE, ...]  is read first, relative to the file that names it; mappings are merged key
///                                by key, everything else is replaced; `key: ~` goes back to the default
///   ${a.b}                       inside a text stands for the value of another key; alone, also for a list
///                                or mapping
///   each: {word: [VALUES], ...}  in a mapping that stands in a list: one copy of it per combination of the
///                                values, the last word fastest, with <word> replaced in keys and texts
///                                (before references are); with do: [ENTRIES] beside it copies of those stand
///                                there
///   booleans are true and false only; a key may come once; one document of at most 1 MiB, 32 levels deep
class Config {
 public:
  Config() = default;  // no tree; only assignment is allowed
  /// Reads a file and applies overrides "a.b=c" in order; c is YAML (`[1, 2]`, `text`, `0.1`), list entries
  /// are numbers (stages.0.kind=label). Throws ConfigError.
  static Config load(const std::string& path, const std::vector<std::string>& overrides = {});
  /// The same from text; `name` stands for the file in errors, and `_base_` is relative to its folder.
  static Config parse(const std::string& text, const std::string& name,
                      const std::vector<std::string>& overrides = {});

  /// A file as it is: ${...} stays, so nothing is missing. For looking at a key before values are known.
  static Config without_references(const std::string& path);

  bool has(std::string_view key) const;              // present, and not ~
  std::vector<std::string> keys() const;             // in the order of the file
  const std::string& path() const { return path_; }  // "train.optimiser"; "" at the root

  std::string text(std::string_view key) const;
  std::string text_or(std::string_view key, std::string_view fallback) const;
  /// One of `choices`; the error lists them and names the nearest.
  std::string choice(std::string_view key, const std::vector<std::string>& choices) const;
  std::string choice_or(std::string_view key, const std::vector<std::string>& choices,
                        std::string_view fallback) const;
  std::int64_t integer(std::string_view key, Bounds bounds = {}) const;
  std::int64_t integer_or(std::string_view key, std::int64_t fallback, Bounds bounds = {}) const;
  double number(std::string_view key, Bounds bounds = {}) const;
  double number_or(std::string_view key, double fallback, Bounds bounds = {}) const;
  bool flag_or(std::string_view key, bool fallback) const;
  /// Lists; a single value stands for a list of one.
  std::vector<std::string> texts(std::string_view key) const;
  std::vector<std::string> texts_or(std::string_view key, const std::vector<std::string>& fallback) const;
  std::vector<double> numbers(std::string_view key, Bounds bounds = {}) const;
  std::vector<double> numbers_or(std::string_view key, const std::vector<double>& fallback,
                                 Bounds bounds = {}) const;

  /// A nested mapping; an empty one if the key is absent.
  Config section(std::string_view key) const;
  /// A list of mappings; empty if the key is absent.
  std::vector<Config> sections(std::string_view key) const;

  /// A copy of a nested mapping as a tree of its own, for somebody else to read and to check; here all of it
  /// counts as read. Empty if the key is absent.
  Config take(std::string_view key) const;
  /// A file name, relative to the file that holds the key (an override: to the current folder).
  std::string file(std::string_view key) const;
  /// The file at `path` ("" for none) with `layers` merged over it one after another, as by `_base_`, and
  /// then the overrides.
  static Config layered(const std::string& path, const std::vector<Config>& layers,
                        const std::vector<std::string>& overrides = {});

  /// Throws ConfigError "file:line: section.key: ...".
  [[noreturn]] void fail(std::string_view key, const std::string& what) const;
  /// Throws one ConfigError that lists all keys nobody read. Call it on the root after reading.
  void check_all_read() const;

  /// The tree as YAML, with the fallbacks of all getters called so far and without `_base_`. On the root,
  /// once keys were read, also without values that only ${...} asked for: it can be loaded in place of the
  /// file.
  std::string effective() const;
  /// effective() with those values: what the recipe of a stage is hashed over.
  std::string recipe() const;
  /// "a.b.c" and value of every leaf, in order.
  std::vector<std::pair<std::string, std::string>> leaves() const;

 private:
  Config(std::shared_ptr<ConfigNode> node, std::string path)
      : node_(std::move(node)), path_(std::move(path)) {}
  std::shared_ptr<ConfigNode> find(std::string_view key) const;  // null if absent
  ConfigNode& need(std::string_view key) const;
  std::string key_path(std::string_view key) const;
  void remember(std::string_view key, const std::vector<std::string>& values, bool is_list) const;

  std::shared_ptr<ConfigNode> node_;
  std::string path_;
};

/// read(), where an Error about the value of `key` becomes this configuration's mistake, with its line.
template <class Read>
auto parsed(const Config& config, std::string_view key, const Read& read) {
  try {
    return read();
  } catch (const ConfigError&) {
    throw;
  } catch (const Error& error) {
    config.fail(key, error.what());
  }
}

}  // namespace clearcut
