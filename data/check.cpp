#include "data/check.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <set>

#include "data/check_causes.h"
#include "data/labels/files.h"
#include "tensor/error.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

// What one item adds to the report.
struct Looked {
  struct Problem {
    std::string kind, cause, fix, detail;
    Severity severity = Severity::kError;
  };
  std::vector<Problem> problems;
  std::string size, picture_format, mask_format;
  std::uint64_t content = 0;  // as in DataReport
  int orientation = 1;
  std::map<std::int32_t, std::int64_t> values;  // of the mask -> pixels
  bool has_mask = false;
};

void add_problem(Looked& seen, const Item& item, Looked::Problem problem) {
  problem.detail = item.name + ": " + problem.detail;
  seen.problems.push_back(std::move(problem));
}

// FNV-1a over words of eight bytes, each mixed downwards; a picture's size counts too.
std::uint64_t content_hash(ByteView bytes, std::int64_t height) {
  std::uint64_t h = hash_name(cat(height, " ", bytes.size()));
  const auto add = [&h](std::uint64_t word) {
    h = (h ^ word) * 0x100000001B3ULL;
    h ^= h >> 32;
  };
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    add(word);
  }
  for (; i < bytes.size(); ++i) add(bytes[i]);
  return h == 0 ? 1 : h;
}

// Height and width; 0 x 0 if the picture cannot be read.
std::pair<std::int64_t, std::int64_t> look_at_picture(Looked& seen, const Item& item,
                                                      const CheckOptions& options) {
  try {
    const Bytes bytes = read_place(item.image);
    const PictureInfo info = picture_info(bytes, item.image);
    seen.size = cat(info.height, "x", info.width);
    seen.picture_format = "picture " + info.format;
    seen.orientation = info.orientation;
    if (!options.decode) {
      seen.content = content_hash(bytes, info.height);
      return {info.height, info.width};
    }
    const Tensor picture = decode_picture(bytes, item.image, options.picture);
    const auto pixels = static_cast<std::size_t>(picture.numel());
    seen.content = content_hash({picture.data<const std::uint8_t>(), pixels}, picture.dim(0));
    return {picture.dim(0), picture.dim(1)};
  } catch (const std::exception& error) {
    const auto [kind, cause, fix] = why_unreadable(item.image, FileRole::kPicture, error.what());
    add_problem(seen, item, {kind, cause, fix, error.what()});
    return {0, 0};
  }
}

// Why a value is not a class: the usual mistakes, the likeliest first.
std::pair<std::string, std::string> explain_values(const Dataset& data,
                                                   const std::map<std::int32_t, std::int64_t>& values) {
  const auto classes = static_cast<std::int32_t>(data.class_names.size());
  if (values.begin()->first < 0)
    return {data.masks == MaskFormat::kColours
                ? "a mask drawn with other colours, or smoothed when it was resized"
                : "numbers that this data set does not have: another format, or "
                  "masks that a tool converted already",
            "check `format`; masks that hold classes already are read with format list"};
  const std::int32_t largest = values.rbegin()->first;
  if (largest == 255 && data.ignore != 255 &&
      (values.size() == 1 || std::prev(values.end(), 2)->first < classes))
    return {"255 usually marks pixels to ignore, but `ignore` is " + cat(data.ignore), "set ignore: 255"};
  if (largest == classes && values.begin()->first >= 1)
    return {"the labels count from 1", "subtract 1 from every label, or add a class 0 to the class file"};
  if (largest == classes)
    return {"the class file lacks one class (often the background), or the last value marks pixels to ignore",
            cat("add the class, or set ignore: ", classes)};
  if (largest > classes && values.size() > static_cast<std::size_t>(classes) + 8)
    return {"the mask holds shades of gray: colours or a resize with smoothing",
            "save class indices, resize masks by nearest"};
  return {"another class list, or colours that were turned to gray", "compare the class file with the masks"};
}

void look_at_values(Looked& seen, const Dataset& data, const Item& item) {
  const auto classes = static_cast<std::int32_t>(data.class_names.size());
  std::map<std::int32_t, std::int64_t> wrong;
  for (const auto& [value, pixels] : seen.values)
    if (classes > 0 && value != data.ignore && (value < 0 || value >= classes)) wrong[value] = pixels;
  if (!wrong.empty()) {
    const auto [cause, fix] = explain_values(data, seen.values);
    std::string text = cat("values outside 0 to ", classes - 1, " (ignore ", data.ignore, "):");
    for (const auto& [value, pixels] : wrong) {
      if (text.size() > 120) break;
      text += cat(" ", label_value_text(data, value), " (", pixels, " pixels)");
    }
    add_problem(seen, item, {"label value outside the classes", cause, fix, text});
  }
  if (seen.values.size() == 1 && seen.values.begin()->first == data.ignore)
    add_problem(seen, item,
                {"mask is ignored everywhere", "an empty mask, or a class index equal to the ignore value",
                 "take the item off the list if it is meant so", "teaches nothing", Severity::kWarning});
}

void look_at_size(Looked& seen, const Dataset& data, const Item& item, const Tensor& labels,
                  std::int64_t height, std::int64_t width) {
  if (height == 0) return;
  const bool turned = labels.dim(0) == width && labels.dim(1) == height && height != width;
  try {
    Dataset sizes_only = {
        .root = {}, .items = {}, .class_names = {}, .wnids = {}, .colours = {}, .masks = data.masks};
    check_mask(sizes_only, item, labels, height, width);
  } catch (const Error& error) {
    add_problem(
        seen, item,
        {"mask of another size",
         turned ? "the picture was turned by its EXIF orientation before the mask was drawn"
                : "the mask belongs to another copy of the picture",
         turned ? "read pictures with EXIF applied (--exif apply)" : "resize one of them (masks by nearest)",
         error.what()});
  }
}

void look_at_mask(Looked& seen, const Dataset& data, const Item& item, std::int64_t height,
                  std::int64_t width) {
  try {
    const auto [labels, stored] = read_stored_mask(data, item);
    seen.mask_format = "mask " + stored;
    seen.has_mask = true;
    const auto* p = labels.data<const std::int32_t>();
    for (std::int64_t i = 0; i < labels.numel();) {  // runs of one value: one look-up each
      std::int64_t stop = i + 1;
      while (stop < labels.numel() && p[stop] == p[i]) ++stop;
      seen.values[p[i]] += stop - i;
      i = stop;
    }
    look_at_size(seen, data, item, labels, height, width);
    look_at_values(seen, data, item);
  } catch (const std::exception& error) {
    const auto [kind, cause, fix] = why_unreadable(item.mask, FileRole::kMask, error.what());
    add_problem(seen, item, {kind, cause, fix, error.what()});
  }
}

void look_at_classes(Looked& seen, const Dataset& data, const Item& item) {
  const auto classes = static_cast<int>(data.class_names.size());
  for (const int c : item.classes)
    if (c < 0 || c >= classes)
      add_problem(
          seen, item,
          {"image label outside the classes", "another class list", "compare the list with the class file",
           cat("class ", c, " is outside 0 to ", classes - 1)});
}

Looked look_at(const Dataset& data, const Item& item, const CheckOptions& options) {
  Looked seen;
  const auto [height, width] = look_at_picture(seen, item, options);
  look_at_classes(seen, data, item);
  if (data.masks != MaskFormat::kNone && !item.mask.empty()) look_at_mask(seen, data, item, height, width);
  return seen;
}

// Problems of one kind with one cause become one finding.
class Findings {
 public:
  explicit Findings(std::vector<Finding>& list) : list_(list) {}
  void add(const Looked::Problem& problem) {
    const auto [it, fresh] = index_.try_emplace(problem.kind + "\n" + problem.cause, list_.size());
    if (fresh) list_.push_back({problem.kind, problem.severity, problem.cause, problem.fix, {}});
    list_[it->second].details.push_back(problem.detail);
  }

 private:
  std::vector<Finding>& list_;
  std::map<std::string, std::size_t> index_;
};

void count(DataReport& report, const Dataset& data, const Item& item, const Looked& seen) {
  if (!seen.size.empty()) ++report.sizes[seen.size];
  if (!seen.picture_format.empty()) ++report.formats[seen.picture_format];
  if (!seen.mask_format.empty()) ++report.formats[seen.mask_format];
  report.turned_by_exif += seen.orientation != 1 ? 1 : 0;
  report.unlabelled_pictures += item.mask.empty() && item.classes.empty() ? 1 : 0;
  const auto classes = static_cast<std::int32_t>(report.class_pixels.size());
  for (const auto& [value, pixels] : seen.values) {
    report.pixels += pixels;
    if (value == data.ignore) {
      report.ignored_pixels += pixels;
    } else if (value >= 0 && value < classes) {
      report.class_pixels[static_cast<std::size_t>(value)] += pixels;
      ++report.class_pictures[static_cast<std::size_t>(value)];
    }
  }
  if (seen.has_mask) return;
  for (const int c : item.classes)
    if (c >= 0 && c < classes) ++report.class_pictures[static_cast<std::size_t>(c)];
}

// A picture stands beside the mask of another one: two lists were sorted differently.
void look_at_pairs(Findings& findings, const Dataset& data) {
  const auto stem = [](const std::string& path) { return std::filesystem::path(path).stem().string(); };
  std::map<std::string, std::string> picture_of;  // stem -> item
  std::map<std::string, std::string> used;        // mask -> item
  for (const Item& item : data.items) picture_of[stem(item.image)] = item.name;
  for (const Item& item : data.items) {
    if (item.mask.empty()) continue;
    const auto other = picture_of.find(stem(item.mask));
    if (other != picture_of.end() && other->second != item.name && stem(item.mask) != stem(item.image))
      findings.add({"mask of another picture", "lists in different orders were put side by side",
                    "pair pictures and masks by name",
                    cat(item.name, ": has the mask ", item.mask, ", which belongs to ", other->second)});
    const auto [it, fresh] = used.try_emplace(item.mask, item.name);
    if (!fresh)
      findings.add({"one mask for several pictures", "a mistake in the list",
                    "pair pictures and masks by name", cat(item.name, ": has the mask of ", it->second)});
  }
}

// Masks of black and white, and masks that lost their values.
void look_at_all_values(Findings& findings, const DataReport& report, const Dataset& data,
                        const std::vector<Looked>& seen) {
  std::map<std::int32_t, std::int64_t> values;
  std::size_t masks = 0;
  for (const Looked& one : seen) {
    masks += one.has_mask ? 1 : 0;
    for (const auto& [value, pixels] : one.values) values[value] += pixels;
  }
  if (masks == 0) return;
  if (data.class_names.empty())
    findings.add({"classes are not known", "there is no class file, so label values cannot be checked",
                  "write classes.txt: INDEX NAME per line",
                  cat("values ", values.begin()->first, " to ", values.rbegin()->first), Severity::kWarning});
  const std::int64_t white = values.count(255) == 1 ? values.at(255) : 0;
  if (data.class_names.size() == 2 && data.ignore == 255 && white > 0 && white + values[0] == report.pixels)
    findings.add({"masks of 0 and 255",
                  "black and white masks: white is 255, which means ignored, not class 1",
                  "`clearcut data convert --map 255:1` writes them anew",
                  cat("all ", masks, " masks; class 1 has no pixel")});
  else if (data.class_names.size() > 1 && masks > 1 && values.size() == 1 &&
           values.begin()->first != data.ignore)
    findings.add({"all masks hold one value", "values were lost when the masks were converted or resized",
                  "make the masks again from the original labels",
                  cat("value ", label_value_text(data, values.begin()->first), " in all ", masks, " masks")});
}

// What only shows in the whole set.
void look_at_all(Findings& findings, const DataReport& report, const Dataset& data) {
  for (std::size_t c = 0; c < report.class_pictures.size(); ++c) {
    const bool background_of_labels = static_cast<int>(c) == data.background && report.pixels == 0;
    if (report.class_pictures[c] == 0 && !background_of_labels)
      findings.add({"class that no item has", "a split that is too small, or another class list",
                    "it cannot be learned or scored here; see the absent-class policy of eval",
                    cat(c, " ", data.class_names[c]), Severity::kWarning});
  }
  if (report.ignored_pixels * 2 > report.pixels)
    findings.add({"most pixels are ignored", "the ignore value is one of the classes", "check `ignore`",
                  cat(report.ignored_pixels, " of ", report.pixels, " pixels"), Severity::kWarning});
  if (report.turned_by_exif > 0)
    findings.add({"pictures that EXIF would turn",
                  "taken with a turned camera; ignored by default, as ImageNet tools do",
                  "read with --exif apply if masks or labels were made on upright pictures",
                  cat(report.turned_by_exif, " pictures"), Severity::kWarning});
  std::map<std::uint64_t, std::size_t> first;
  for (std::size_t i = 0; i < report.contents.size(); ++i) {
    if (report.contents[i] == 0) continue;
    const auto [it, fresh] = first.try_emplace(report.contents[i], i);
    if (!fresh)
      findings.add({"equal pictures under two names", "copies",
                    "keep one, above all across training and validation (--val)",
                    data.items[it->second].name + " = " + data.items[i].name, Severity::kWarning});
  }
}

void sort_findings(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    if (a.severity != b.severity) return a.severity == Severity::kError;
    return a.details.size() > b.details.size();
  });
}

}  // namespace

bool has_errors(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& f) { return f.severity == Severity::kError; });
}

DataReport check_data(const Dataset& data, const CheckOptions& options) {
  std::vector<Looked> seen(data.items.size());
  std::mutex mutex;
  std::int64_t done = 0;
  parallel_for(static_cast<std::int64_t>(seen.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      stop_if_interrupted("data check", "nothing is kept; start it again");
      seen[static_cast<std::size_t>(i)] = look_at(data, data.items[static_cast<std::size_t>(i)], options);
      const std::scoped_lock lock(mutex);
      if (options.progress) options.progress(++done);
    }
  });
  DataReport report;
  report.items = static_cast<std::int64_t>(seen.size());
  report.class_pixels.assign(data.class_names.size(), 0);
  report.class_pictures.assign(data.class_names.size(), 0);
  Findings findings(report.findings);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    report.contents.push_back(seen[i].content);
    count(report, data, data.items[i], seen[i]);
    for (const Looked::Problem& problem : seen[i].problems) findings.add(problem);
  }
  look_at_pairs(findings, data);
  look_at_all_values(findings, report, data, seen);
  look_at_all(findings, report, data);
  sort_findings(report.findings);
  return report;
}

namespace {

// Training has what validation has not, or the other way round.
void look_at_classes(Findings& findings, const Dataset& train, const DataReport& of_train,
                     const DataReport& of_val) {
  for (std::size_t c = 0; c < train.class_names.size(); ++c) {
    const bool learned = of_train.class_pictures[c] > 0, scored = of_val.class_pictures[c] > 0;
    if (learned == scored) continue;
    const std::string name = cat(c, " ", train.class_names[c]);
    if (learned)
      findings.add(
          {"class that only training has", "a small validation split, or one film or folder alone",
           "it is not scored: draw the splits anew (`clearcut data split`), and see --absent of eval",
           cat(name, ": ", of_train.class_pictures[c], " pictures of training"), Severity::kWarning});
    else
      findings.add({"class that only validation has", "a small training split, or one film or folder alone",
                    "it cannot be learned and scores 0: draw the splits anew (`clearcut data split`)",
                    cat(name, ": ", of_val.class_pictures[c], " pictures of validation"),
                    Severity::kWarning});
  }
}

}  // namespace

std::vector<Finding> compare_splits(const Dataset& train, const DataReport& of_train, const Dataset& val,
                                    const DataReport& of_val) {
  std::vector<Finding> list;
  Findings findings(list);
  std::map<std::uint64_t, std::size_t> trained;
  for (std::size_t i = 0; i < of_train.contents.size(); ++i) trained.try_emplace(of_train.contents[i], i);
  trained.erase(0);
  for (std::size_t i = 0; i < of_val.contents.size(); ++i)
    if (const auto it = trained.find(of_val.contents[i]); it != trained.end())
      findings.add({"same picture in training and validation",
                    "copies under other names, or lists that were drawn from one another",
                    "take it off one list: what was learned by heart makes the score too good",
                    cat(train.items[it->second].name, " = ", val.items[i].name)});
  if (train.class_names == val.class_names)
    look_at_classes(findings, train, of_train, of_val);
  else
    findings.add(
        {"class lists that differ", "each split has a class file, or folders, of its own",
         "give both the same class file (--classes); names and order must be the same",
         cat(train.class_names.size(), " classes of training, ", val.class_names.size(), " of validation")});
  sort_findings(list);
  return list;
}

}  // namespace clearcut
