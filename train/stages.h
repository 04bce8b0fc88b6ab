// The kinds of pipeline stages. `name`, `kind` and `needs` are keys of every stage; here are the others.
#pragma once

#include "train/pipeline.h"

namespace clearcut {

/// draw: the drawn data set (data/drawn.h).       size, train, val (numbers of pictures), seed
StagePlan read_draw_stage(const Config& config);

/// check: `clearcut data check` of what the other stages take. Writes report.json and report.txt.
///   data       a data set (see DatasetConfig)
///   val        validation data, checked too and held against the others; may be absent
///   on_errors  stop (default): the run ends there | go_on: they are written down and said in short
StagePlan read_check_stage(const Config& config);

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
///   until     share of the steps after which the runs stop, with the rates of the whole; 1
///   after     folder of a train stage that stopped so: its runs go on, to the same bits as in one stage
///   begins    until of that stage, for the estimate of the time; 0
StagePlan read_train_stage(const Config& config);

/// rescore: the runs of a train stage, their last weights scored again on their own validation data. Writes
/// for each run what an evaluation writes, and jobs.json as the train stage does.
///   runs      folder of a train stage of segmentation networks
///   with      {eval: keys merged over those of the runs}
///   pictures  how many are scored in all, for the estimate of the time; 0: unknown
StagePlan read_rescore_stage(const Config& config);

/// predict: label PNGs and overlays.
///   model, inputs (files and folders), limit, the keys of read_predict_options() (resize_short: as the
///   network was scored in training), exif
StagePlan read_predict_stage(const Config& config);

/// evaluate: eval.json, eval.csv, confusion.csv of a model.
///   model, data (a data set with masks), and the keys of read_evaluate_options() (resize_short: as above)
StagePlan read_evaluate_stage(const Config& config);

}  // namespace clearcut
