// The kinds of pipeline stages. `name`, `kind` and `needs` are keys of every stage; here are the others.
#pragma once

#include "train/pipeline.h"

namespace clearcut {

/// draw: the drawn data set (data/drawn.h).       size, train, val (numbers of pictures), seed
StagePlan read_draw_stage(const Config& config);

/// split: image labels in one form, with pictures held out. Writes labels.csv (image,classes,split), images
/// (a link to the pictures), objects.txt (the classes), classes.txt (background first, then the classes), and
/// held_out/ (links to the pictures of split `val`).
///   data    a data set (see DatasetConfig)
///   val     share of the pictures to hold out, drawn by item id and seed; 0.1
StagePlan read_split_stage(const Config& config);

/// train: one training run per variant and seed, below <variant> or <variant>-seed<N>. Writes jobs.json.
///   base      a training configuration, relative to the pipeline's file
///   with      keys merged over it
///   variants  name: keys merged over that
///   seeds     list of numbers; absent: the configuration's own seed
StagePlan read_train_stage(const Config& config);

/// label: explain every picture by every member, fuse, cut, write label files (explain/fuse.h).
///   data, the keys of read_ensemble_config(), rule ("rank:0.9", see parse_rule) or rule_from (choices.json
///   of a sweep: what it chose for the whole ensemble) with band (width of the ignored band below the
///   threshold), snap, unlabelled: skip | background, keep_consensus, layout: png | pssl, flatten
StagePlan read_label_stage(const Config& config);

/// sweep: members and ensembles against true masks. Writes scores.json (one row each, with bootstrap
/// intervals where thresholds were given), choices.json (measure and threshold of each), sweep.csv.
///   data (with image labels and masks), the keys of read_ensemble_config(), subsets (members, explainers,
///   classifiers, all), measures, thresholds, snap, absent, background_in_mean, bootstrap
///   choices_from    choices.json of another sweep: apply its thresholds unchanged
///   threshold_from  what the table says about them: "train:200"
///   choose          data set on which the settings of the baselines are chosen; absent: no baselines
StagePlan read_sweep_stage(const Config& config);

/// predict: label PNGs and overlays.
///   model, inputs (files and folders), limit, flip, scales, resize_short
StagePlan read_predict_stage(const Config& config);

/// evaluate: eval.json, eval.csv, confusion.csv of a model.
///   model, data (a data set with masks), and the keys of read_evaluate_options()
StagePlan read_evaluate_stage(const Config& config);

}  // namespace clearcut
