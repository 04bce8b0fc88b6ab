// The options of `clearcut data` that say what to open.
#pragma once

#include <string>

#include "apps/verbs.h"
#include "data/dataset.h"

namespace clearcut::apps {

/// --root, --format, --list, --split, --classes, --images, --masks, --labels, --ignore, --minus-one, --limit
void add_dataset_options(CLI::App& verb, DatasetSpec& spec);

}  // namespace clearcut::apps
