#include "data/labels/formats.h"

#include "data/labels/one_file_each.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

class OneFileWriter : public LabelWriter {
 public:
  OneFileWriter(const OneFileEach& format, FileSink& sink, LabelLegend legend, LabelWriteOptions options)
      : format_(format), sink_(sink), legend_(std::move(legend)), options_(std::move(options)) {}

  void write(const LabelRecord& record) override {
    const Bytes bytes = format_.encode(record, legend_, options_);
    const std::string file = format_.path(record, legend_, options_);
    sink_.write(file, bytes);
    written_ += file + "\n";
  }
  void finish() override {
    if (format_.finish != nullptr) format_.finish(sink_, legend_, written_);
  }

 private:
  OneFileEach format_;
  FileSink& sink_;
  LabelLegend legend_;
  LabelWriteOptions options_;
  std::string written_;
};

void read_files(const OneFileEach& format, const FileSource& source, const LabelLegend& legend,
                const LabelReadOptions& options, const TakeLabel& take) {
  bool any = false;
  for (const std::string& file : source.names()) {
    const std::optional<std::string> picture = format.picture(file);
    if (!picture) continue;
    any = true;
    const std::string where = source.where(file);
    take(*picture, where, [&] {
      LabelRecord record = format.decode(source.read(file), where, file, legend, options);
      record.picture = *picture;
      return record;
    });
  }
  check(any, "labels", "there is no label of format ", format.name, " (", format.files, ")");
}

}  // namespace

LabelFileFormat one_file_each(const OneFileEach& format) {
  return {
      .name = format.name,
      .files = format.files,
      .keeps = format.keeps,
      .writer = [format](FileSink& sink, const LabelLegend& legend,
                         const LabelWriteOptions& options) -> std::unique_ptr<LabelWriter> {
        return std::make_unique<OneFileWriter>(format, sink, legend, options);
      },
      .read = [format](const FileSource& source, const LabelLegend& legend, const LabelReadOptions& options,
                       const TakeLabel& take) { read_files(format, source, legend, options, take); }};
}

void write_class_list(FileSink& sink, const LabelLegend& legend, const std::string&) {
  std::string text;
  for (std::size_t c = 0; c < legend.names.size(); ++c) text += cat(c, "\t", legend.names[c], "\n");
  sink.write_list("classes.txt", text);
}

const std::vector<LabelFileFormat>& label_file_formats() {
  static const std::vector<LabelFileFormat> formats = [] {
    std::vector<LabelFileFormat> rows;
    for (const auto& group : {array_label_formats(), picture_label_formats(), coco_formats()})
      rows.insert(rows.end(), group.begin(), group.end());
    rows.push_back(labelme_format());
    rows.push_back(cvat_format());
    return rows;
  }();
  return formats;
}

std::vector<std::string> label_file_format_names() {
  std::vector<std::string> names;
  for (const LabelFileFormat& format : label_file_formats()) names.push_back(format.name);
  return names;
}

const LabelFileFormat& label_file_format(const std::string& name) {
  std::string names;
  for (const LabelFileFormat& format : label_file_formats()) {
    if (format.name == name) return format;
    names += (names.empty() ? "" : ", ") + format.name;
  }
  fail("labels", "format '", name, "' is unknown; one of ", names);
}

Tensor blank_label(std::int64_t height, std::int64_t width, const LabelLegend& legend,
                   const LabelReadOptions& options, const std::string& where) {
  const auto most = static_cast<std::int64_t>(options.max_bytes / sizeof(std::int32_t));
  check(height >= 1 && width >= 1, "labels", where, ": a picture of ", height, " x ", width, " pixels");
  check(height <= most && width <= most / height, "labels", where, ": ", height, " x ", width,
        " labels take more than the limit of ", options.max_bytes, " bytes");
  return Tensor::full({height, width}, legend.background >= 0 ? legend.background : legend.ignore,
                      DType::kInt32);
}

int value_named(const LabelLegend& legend, const std::string& name, const std::string& where) {
  const int value = legend.value_named(name);
  if (value >= 0) return value;
  std::string known;
  for (const std::string& one : legend.names) {
    if (known.size() > 200) break;
    known += (known.empty() ? "" : ", ") + one;
  }
  fail("labels", where, ": class '", name, "' is not one of ", known);
}

}  // namespace clearcut
