// What can be said of pseudo labels without a truth: how much they cover, in how many pieces, whether their
// borders lie where the picture has edges, and whether their makers agreed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/jsonl.h"
#include "explain/label_folder.h"

namespace clearcut {

/// One label. NaN where a number has no meaning.
struct LabelFigures {
  std::string name;
  std::int64_t line = 0;               // of the manifest, from 0
  std::vector<int> classes = {};       // values in the label, without background and ignored
  double foreground = 0, ignored = 0;  // shares of the pixels
  std::int64_t components = 0;         // pieces of one class, connected over sides and corners
  double largest = 0;                  // share of the foreground in its largest piece; NaN without any
  double alignment = 0;                // see border_alignment()
  double agreement = 0;                // of the members, mean over the classes about which some speak
  double iou = 0;                      // mIoU of this picture against its true mask; NaN without one
};

/// Pieces of equal value in labels int32 [H, W], and the share of their pixels in the largest one (NaN
/// without a piece); background and ignored pixels belong to none. Neighbours share a side or a corner.
struct LabelPieces {
  std::int64_t count = 0;
  double largest = 0;
};
LabelPieces label_pieces(const Tensor& labels, const LabelSpace& space);

/// The chance that a pixel on a border of the label lies on a stronger edge of the picture than one off the
/// borders does (the area under the ROC curve): 1/2 where borders know nothing of the picture, 1 where they
/// take its strongest edges. An edge is the length of Sobel's gradient of the luminance (Rec. 709), the
/// picture's outer pixels repeated; a pixel is on a border if one of its four neighbours has another label.
/// Ignored pixels do not count, nor does the border to them. NaN for a label without a border.
///
/// picture uint8 [H, W, 3], labels int32 [H, W].
double border_alignment(const Tensor& picture, const Tensor& labels, const LabelSpace& space);

struct LabelStatsOptions {
  std::string masks = {};   // folder of true masks, label PNGs named as the pictures; empty: none
  std::int64_t chunk = 64;  // pictures in memory at a time
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
};
struct LabelStats {
  std::vector<LabelFigures> labels;  // in the order of the manifest
  std::int64_t without = 0;          // pictures that got no label
  std::vector<Failure> failures;     // labels or pictures that could not be read
};
/// Looks at every label of the folder, on all threads. Throws Interrupted between chunks after Ctrl-C.
LabelStats label_stats(const LabelFolder& folder, const LabelStatsOptions& options);

}  // namespace clearcut
