#include "train/stages.h"

namespace clearcut {

const std::map<std::string, ReadStage>& stage_kinds() {
  static const std::map<std::string, ReadStage> kinds = {
      {"draw", read_draw_stage},       {"split", read_split_stage},       {"train", read_train_stage},
      {"predict", read_predict_stage}, {"evaluate", read_evaluate_stage},
  };
  return kinds;
}

}  // namespace clearcut
