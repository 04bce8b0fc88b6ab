// A report in one HTML file: pictures inside it, charts as SVG, nothing from the network.
#pragma once

#include <string>
#include <vector>

#include "data/label_png.h"
#include "tensor/tensor.h"

namespace clearcut {

/// One cell of a row of pictures.
struct ReportPicture {
  Tensor picture;       // uint8 [H, W, 3]; undefined: a dash
  std::string caption;  // below the picture; may be empty
};
struct PictureRow {
  std::string title;
  std::vector<ReportPicture> cells;
};

struct ReportTable {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  int highlight = -1;  // this row stands out
};

/// Sections are added from top to bottom. All texts are escaped.
///
///   Report report("Drawn pictures", "from image labels to a segmentation model");
///   report.section("Pseudo labels");
///   report.table({.head = {"member", "mIoU"}, .rows = {{"cam", "61.2"}}});
///   report.write("runs/demo/report/index.html");
class Report {
 public:
  Report(const std::string& title, const std::string& subtitle);

  void section(const std::string& title);
  void text(const std::string& paragraph);
  void table(const ReportTable& table);
  /// Large figures at the top of a section: {"52.1", "mIoU of the fused labels"}.
  void facts(const std::vector<std::pair<std::string, std::string>>& facts);
  /// `svg` comes from line_chart() or bar_chart(); charts in one call stand side by side if there is room.
  void charts(const std::vector<std::string>& svg);
  /// Class names with their colours.
  void legend(const std::vector<std::string>& names, const std::vector<Rgb>& colours);
  /// A grid: one column per name, one line per row. Pictures are shown `side` pixels wide, never smoothed.
  /// Throws Error if a row has another number of cells than there are columns.
  void pictures(const std::vector<std::string>& columns, const std::vector<PictureRow>& rows, int side = 100);

  std::string html() const;
  /// To a temporary name, then renamed.
  void write(const std::string& path) const;

 private:
  std::string title_, subtitle_, body_;
  std::vector<std::string> sections_;
};

/// "data:image/png;base64,..." of a picture uint8 [H, W, 3].
std::string data_uri(const Tensor& picture);
/// RFC 4648 with padding.
std::string base64(const std::vector<std::uint8_t>& bytes);

}  // namespace clearcut
