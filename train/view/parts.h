// What the kinds of folders share.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/json.h"
#include "tensor/tensor.h"
#include "train/view/folder.h"

namespace clearcut {

/// A list of {"name", "value"}.
class Facts {
 public:
  void add(const std::string& name, const std::string& value);
  void add_share(const std::string& name, double share);  // "12.3 %"; "-" if not finite
  const std::vector<JsonObject>& list() const { return list_; }

 private:
  std::vector<JsonObject> list_;
};

JsonObject labels_layer(const std::string& name, const Tensor& labels);  // int32 [H, W]
/// map float32 [H, W]: low becomes 0 and high 255; all 0 where they are the same.
JsonObject map_layer(const std::string& name, const Tensor& map, float low, float high);
/// The same over the map's own range.
JsonObject map_layer(const std::string& name, const Tensor& map);

/// "picture", "width", "height", or "problem". A JPEG or PNG file goes as it is. Browsers turn pictures as
/// their EXIF orientation says; "upright" is true where the labels are of the turned size, else they must
/// not.
void add_picture(const std::string& path, const Tensor& labels, JsonObject& item);

/// "classes", "colours"; missing colours are those of VOC.
void add_classes(const ClassFile& classes, JsonObject& about);

std::unique_ptr<ViewFolder> open_labels_view(const ViewOptions& options);
std::unique_ptr<ViewFolder> open_explanations_view(const ViewOptions& options);
std::unique_ptr<ViewFolder> open_predictions_view(const ViewOptions& options);

}  // namespace clearcut
