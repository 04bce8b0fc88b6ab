// Pipeline stages from classifiers to pseudo labels and their scores, and the report at the end.
#pragma once

#include "train/pipeline.h"

namespace clearcut {

/// label: pseudo labels for every picture of a data set (explain/fuse.h). Resumes picture by picture.
///   data     a data set with image labels
///   keys of read_ensemble_config()
///   rule     "value:0.4", "rank:0.9", ... (explain/pssl.h);  refine: none | grabcut | crf:PRESET
///   keep_maps      u8:56 | f16:56: also the maps of all members, small (explain/kept_maps.h)
///   pixel_weights  agreement: also how sure members are of each pixel
///   layout   png | pssl;  flatten: true | false (pssl: of several classes keep the largest)
///   unlabelled: skip | background;  exif: true turns pictures upright
StagePlan read_label_stage(const Config& config);

/// relabel: labels that keep less of those of a label stage, as controls: what training gains from the rest
/// is the difference.
///   data     the data set of the label stage
///   labels   its folder
///   how      box: a centred box of the picture's proportions and of the mean size of all objects;
///            shuffle: the label of another picture with the same image labels, drawn by the seed
StagePlan read_relabel_stage(const Config& config);

/// Of a folder of labels, for the results file: pictures, labelled (of them), coverage (mean share of pixels
/// that are an object; absent where the manifest does not say).
std::vector<JsonObject> label_findings(const std::string& folder);

/// score: pseudo labels of single members, of ensembles and of baselines against true masks. Fusion, measure
/// and threshold of each (and the size of the box) are chosen on one data set and applied unchanged to
/// another. Writes scores.json; interrupted, it goes on with the pictures that were not counted yet.
///   choose, score   data sets with image labels and masks
///   keys of read_ensemble_config()
///   fusions         tried for each ensemble: [minmax, regions:downweight]; default minmax alone
///   subsets         members, explainers (one explainer, all classifiers), classifiers (one classifier, all
///                   explainers), all; or explainers or classifiers joined by '+'
///   measures        rank, value, max, votes
///   thresholds      "0:1:0.02"
///   baselines       background, box, colour
StagePlan read_score_stage(const Config& config);

/// report: summary.json in the run's folder and report/index.html, from what earlier stages left.
///   title, subtitle
///   scores       folders of score stages; the first has the pictures that best labels are named from
///   labels       folder of a label stage: how its classifiers stand to their consensus
///   classifiers  folder of a train stage;  pretrain: the same;  finetune: the same
///   image_labels_only  folder of an evaluate stage
///   rows         pictures to show: data, limit, keys of read_ensemble_config(), rule, model
StagePlan read_report_stage(const Config& config);

}  // namespace clearcut
