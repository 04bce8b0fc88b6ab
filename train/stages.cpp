#include "train/stages.h"

#include "train/label_stages.h"

namespace clearcut {

const std::map<std::string, ReadStage>& stage_kinds() {
  static const std::map<std::string, ReadStage> kinds = {
      {"draw", read_draw_stage},       {"split", read_split_stage},       {"train", read_train_stage},
      {"predict", read_predict_stage}, {"evaluate", read_evaluate_stage}, {"label", read_label_stage},
      {"score", read_score_stage},     {"report", read_report_stage},     {"relabel", read_relabel_stage},
      {"check", read_check_stage},     {"rescore", read_rescore_stage},
  };
  return kinds;
}

}  // namespace clearcut
