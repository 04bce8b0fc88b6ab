// clearcut label export | import
#include <CLI/CLI.hpp>

#include <iostream>
#include <optional>

#include "apps/explain_options.h"
#include "apps/failed_items.h"
#include "data/labels/export.h"
#include "explain/label_import.h"

namespace clearcut::apps {

namespace {

// One line per format, for --help.
std::string format_lines() {
  std::string text = "Formats:\n";
  for (const LabelFileFormat& format : label_file_formats())
    text += "  " + format.name + ": " + format.files + ". Keeps " + format.keeps + "\n";
  return text;
}

// ---- export

struct ExportWords {
  DataWords data;
  std::string select, shard_size;
  LabelExportOptions options;
};

int export_verb(ExportWords& w, const CommonOptions& common) {
  w.data.spec.limit = common.limit;
  w.options.minus_one = w.data.spec.pssl_minus_one_ignored;  // written as it is read
  if (!w.shard_size.empty())
    w.options.shard_bytes =
        static_cast<std::int64_t>(from_option("--shard-size", [&] { return parse_bytes(w.shard_size); }));
  const Dataset data = open_data(w.data, w.select);
  Progress progress("label export", static_cast<std::int64_t>(data.items.size()), progress_of(common));
  w.options.progress = [&](std::int64_t done) { progress.update(done); };
  const LabelExportCounts counts = export_labels(data, w.options);
  std::cout << counts.written << " labels written, " << counts.failures.size() << " failed; in "
            << w.options.folder << "\n";
  return print_failures(counts.failures);
}

void add_export(CLI::App& label, Session& session) {
  auto* verb = label.add_subcommand("export", "write labels in another format, for other tools");
  auto w = std::make_shared<ExportWords>();
  add_data_words(*verb, w->data);
  w->data.spec.format = "labels";
  verb->get_option("--format")->capture_default_str();
  verb->add_option("--select", w->select, "file of item names: only these, in this order")
      ->check(CLI::ExistingFile);
  verb->add_option("--to", w->options.format, "format to write")
      ->required()
      ->check(CLI::IsMember(label_file_format_names()));
  verb->add_option("-o,--out", w->options.folder, "folder to write, new or empty")->required();
  verb->add_option("--shard-size", w->shard_size, "pack the files into tar shards of this size, as 512MiB");
  verb->add_flag("--flatten", w->options.flatten,
                 "pssl: keep the largest class, the rest becomes background");
  verb->add_option("--limit", session.common.limit, "only the first N items; 0: all")
      ->check(CLI::NonNegativeNumber);
  verb->footer(format_lines());
  add_common(*verb, session, kProgress);
  on_run(*verb, session, [w, &session] { return export_verb(*w, session.common); });
}

// ---- import

int import_verb(LabelImportOptions& options, const CommonOptions& common) {
  std::optional<Progress> progress;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (!progress) progress.emplace("label import", total, progress_of(common));
    progress->update(done);
  };
  const LabelImportCounts counts = import_labels(options);
  progress.reset();
  std::cout << counts.corrected << " labels corrected, " << counts.unchanged << " unchanged, " << counts.added
            << " added, " << counts.failures.size() << " failed; in " << options.folder << "\n";
  return print_failures(counts.failures);
}

void add_import(CLI::App& label, Session& session) {
  auto* verb = label.add_subcommand(
      "import", "read labels that people corrected into a folder of labels, and note who made them");
  auto w = std::make_shared<LabelImportOptions>();
  LabelImportOptions& o = *w;
  verb->add_option("source", o.source, "file or folder to read; .zip and .tar too")->required();
  verb->add_option("--from", o.format, "its format")
      ->required()
      ->check(CLI::IsMember(label_file_format_names()));
  verb->add_option("--into", o.folder, "folder that `label fuse` wrote, or a new one")->required();
  verb->add_option("--by", o.by, "who made the corrections; stands in the manifest")->required();
  verb->add_option("--when", o.when, "when they were made; default: when each file was last changed");
  verb->add_option("--classes", o.classes, "new folder: its class file")->check(CLI::ExistingFile);
  verb->add_option("--images", o.images, "new folder: of the pictures, to find the endings of their names")
      ->check(CLI::ExistingDirectory);
  add_minus_one(*verb, o.read.minus_one_ignored);
  verb->add_option("--level", o.read.level, "pssl-levels: the object from this level on")
      ->check(CLI::Range(1, 9))
      ->capture_default_str();
  verb->footer(format_lines());
  add_common(*verb, session, kProgress);
  on_run(*verb, session, [w, &session] { return import_verb(*w, session.common); });
}

}  // namespace

void add_label_exchange(CLI::App& label, Session& session) {
  add_export(label, session);
  add_import(label, session);
}

}  // namespace clearcut::apps
