#include "models/weights/key_map.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>

#include "tensor/file.h"
#include "tensor/ops/rearrange.h"

namespace clearcut {

namespace {

constexpr std::size_t kMaxName = 300;  // matching takes time with the square of it

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What the wild cards of `pattern` stand for in `name`, or nothing if it does not match. A `*` takes as
// little as it can, a `#` as many digits as there are.
bool match(std::string_view pattern, std::string_view name, std::vector<std::string_view>& found) {
  if (pattern.empty()) return name.empty();
  const std::string_view rest = pattern.substr(1);
  if (pattern[0] == '#') {
    const auto end =
        static_cast<std::size_t>(std::find_if_not(name.begin(), name.end(), is_digit) - name.begin());
    found.push_back(name.substr(0, end));
    if (end > 0 && match(rest, name.substr(end), found)) return true;
    found.pop_back();
    return false;
  }
  if (pattern[0] != '*') return !name.empty() && name[0] == pattern[0] && match(rest, name.substr(1), found);
  for (std::size_t n = 0; n <= name.size(); ++n) {
    found.push_back(name.substr(0, n));
    if (match(rest, name.substr(n), found)) return true;
    found.pop_back();
  }
  return false;
}

// One $N of `to`, perhaps with +1 or -1 behind it; `at` is behind the dollar and goes on.
std::string reference(const std::string& to, std::size_t& at, const std::vector<std::string_view>& found) {
  const auto index = static_cast<std::size_t>(to[at++] - '1');
  const std::string text(found[index]);
  if (at + 1 >= to.size() || (to[at] != '+' && to[at] != '-') || to[at + 1] != '1') return text;
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  number += to[at] == '+' ? 1 : -1;
  at += 2;
  return std::to_string(number);
}

std::optional<std::string> renamed_by(const KeyRule& rule, const std::string& name) {
  std::vector<std::string_view> found;
  if (!match(rule.from, name, found)) return std::nullopt;
  std::string to;
  for (std::size_t i = 0; i < rule.to.size();) {
    if (rule.to[i] == '$')
      to += reference(rule.to, ++i, found);
    else
      to += rule.to[i++];
  }
  return to;
}

void check_rule(const KeyRule& rule, const std::string& where) {
  const auto wild =
      std::count_if(rule.from.begin(), rule.from.end(), [](char c) { return c == '*' || c == '#'; });
  check(!rule.from.empty() && wild <= 9, "key map", where, ": FROM needs a name with at most 9 of * and #");
  check(std::count(rule.from.begin(), rule.from.end(), '*') <= 4, "key map", where, ": at most 4 times *");
  for (std::size_t i = rule.to.find('$'); i != std::string::npos; i = rule.to.find('$', i + 1)) {
    const int index = i + 1 < rule.to.size() ? rule.to[i + 1] - '0' : 0;
    check(index >= 1 && index <= wild, "key map", where, ": $", index, " stands for nothing, FROM has ", wild,
          " of * and #");
  }
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string_view::npos ? "" : std::string(text.substr(begin, end - begin + 1));
}

KeyRule parse_rule(const std::string& line, const std::string& where) {
  const std::size_t arrow = line.find("->");
  check(arrow != std::string::npos, "key map", where, ": a rule is FROM -> TO; got '", line, "'");
  KeyRule rule{trimmed(line.substr(0, arrow)), trimmed(line.substr(arrow + 2))};
  constexpr std::string_view kTranspose = " transpose";
  if (rule.to.ends_with(kTranspose)) {
    rule.transpose = true;
    rule.to = trimmed(rule.to.substr(0, rule.to.size() - kTranspose.size()));
  }
  rule.drop = rule.to == "drop";
  check(!rule.to.empty(), "key map", where, ": a rule is FROM -> TO; TO is missing");
  check_rule(rule, where);
  return rule;
}

// Sources: PaddleSeg, paddleseg/models/{backbones/resnet_vd,backbones/hrnet,pspnet,deeplab,ocrnet}.py and
// layers/layer_libs.py, release 2.9. Our ResNet-vd is named like timm's resnet50d, our HRNet like its
// authors'.
constexpr const char* kPaddleSeg = R"(
*._mean            -> $1.running_mean
*._variance        -> $1.running_var
*._conv.*          -> $1.conv.$2
*._batch_norm.*    -> $1.bn.$2
; ResNet_vd: three convolutions in the stem, bb_STAGE_BLOCK.
*conv1_1.conv.*    -> $1conv1.0.$2
*conv1_1.bn.*      -> $1conv1.1.$2
*conv1_2.conv.*    -> $1conv1.3.$2
*conv1_2.bn.*      -> $1conv1.4.$2
*conv1_3.conv.*    -> $1conv1.6.$2
*conv1_3.bn.*      -> $1bn1.$2
*bb_#_#.conv#.conv.*  -> $1layer$2+1.$3.conv$4+1.$5
*bb_#_#.conv#.bn.*    -> $1layer$2+1.$3.bn$4+1.$5
*bb_#_#.short.conv.*  -> $1layer$2+1.$3.downsample.1.$4
*bb_#_#.short.bn.*    -> $1layer$2+1.$3.downsample.2.$4
; HRNet: all is counted from 1 there, and from 0 here.
*conv_layer1_#.conv.*              -> $1conv$2.$3
*conv_layer1_#.bn.*                -> $1bn$2.$3
*la1.bb_layer2_#.conv_down.conv.*  -> $1layer1.$2-1.downsample.0.$3
*la1.bb_layer2_#.conv_down.bn.*    -> $1layer1.$2-1.downsample.1.$3
*la1.bb_layer2_#.conv#.conv.*      -> $1layer1.$2-1.conv$3.$4
*la1.bb_layer2_#.conv#.bn.*        -> $1layer1.$2-1.bn$3.$4
*tr1.transition_tr1_layer_1.conv.* -> $1transition1.0.0.$2
*tr1.transition_tr1_layer_1.bn.*   -> $1transition1.0.1.$2
*tr#.transition_tr#_layer_#.conv.* -> $1transition$2.$4-1.0.0.$5
*tr#.transition_tr#_layer_#.bn.*   -> $1transition$2.$4-1.0.1.$5
*st#.stage_st#_#.*                 -> $1stage$2.$4-1.$5
*.branches_func.bb_st#_#_branch_layer_#_#.* -> $1.branches.$4-1.$5-1.$6
*.branches.#.#.conv#.conv.*        -> $1.branches.$2.$3.conv$4.$5
*.branches.#.#.conv#.bn.*          -> $1.branches.$2.$3.bn$4.$5
*.fuse_func.residual_st#_#_layer_#_#_#.* -> $1.fuse_layers.$4-1.$5-1.$6-1.$7
*.fuse_func.residual_st#_#_layer_#_#.*   -> $1.fuse_layers.$4-1.$5-1.$6
*.fuse_layers.*.conv.*             -> $1.fuse_layers.$2.0.$3
*.fuse_layers.*.bn.*               -> $1.fuse_layers.$2.1.$3
)";

// Sources: PaddleClas, ppcls/arch/backbone/legendary_models/{resnet,hrnet}.py. Before these rules the blocks
// of a ResNet, which are counted through, are put in their stages; see Row. Its ResNet-18 and -34 are other
// networks: the first block of all has a convolution in its shortcut.
constexpr const char* kPaddleClasResNet = R"(
*._mean            -> $1.running_mean
*._variance        -> $1.running_var
stem.0.conv.*      -> conv1.$1
stem.0.bn.*        -> bn1.$1
*.short.conv.*     -> $1.downsample.0.$2
*.short.bn.*       -> $1.downsample.1.$2
*.conv#.conv.*     -> $1.conv$2+1.$3
*.conv#.bn.*       -> $1.bn$2+1.$3
fc.weight          -> fc.weight transpose
)";

constexpr const char* kPaddleClasResNetVd = R"(
*._mean            -> $1.running_mean
*._variance        -> $1.running_var
stem.0.conv.*      -> conv1.0.$1
stem.0.bn.*        -> conv1.1.$1
stem.1.conv.*      -> conv1.3.$1
stem.1.bn.*        -> conv1.4.$1
stem.2.conv.*      -> conv1.6.$1
stem.2.bn.*        -> bn1.$1
*.short.conv.*     -> $1.downsample.1.$2
*.short.bn.*       -> $1.downsample.2.$2
*.conv#.conv.*     -> $1.conv$2+1.$3
*.conv#.bn.*       -> $1.bn$2+1.$3
fc.weight          -> fc.weight transpose
)";

// The convolutions that join branches are one list: those to branch 0, from each other one, then those to
// branch 1, ... How many that are says the stage.
constexpr const char* kPaddleClasHrNet = R"(
*._mean            -> $1.running_mean
*._variance        -> $1.running_var
*._conv.*          -> $1.conv.$2
*._batch_norm.*    -> $1.bn.$2
conv_layer1_#.conv.*   -> conv$1.$2
conv_layer1_#.bn.*     -> bn$1.$2
*.conv_down.conv.*     -> $1.downsample.0.$2
*.conv_down.bn.*       -> $1.downsample.1.$2
last_cls.func_list.#.* -> incre_modules.$1.0.$2
st#.stage_func_list.#.basic_block_list.#.#.* -> stage$1.$2.branches.$3.$4.$5
*.#.conv#.conv.*       -> $1.$2.conv$3.$4
*.#.conv#.bn.*         -> $1.$2.bn$3.$4
tr1_1.*            -> transition1.0.$1
tr1_2.*            -> transition1.1.0.$1
tr2.*              -> transition2.2.0.$1
tr3.*              -> transition3.3.0.$1
cls_head_conv_list.#.* -> downsamp_modules.$1.$2
conv_last.*        -> final_layer.$1
out.weight         -> classifier.weight transpose
out.bias           -> classifier.bias
st#.stage_func_list.#.fuse_func.residual_func_list.#.* -> stage$1.$2.fuse_layers.list$3.$4
stage2.#.fuse_layers.list0.*  -> stage2.$1.fuse_layers.0.1.$2
stage2.#.fuse_layers.list1.*  -> stage2.$1.fuse_layers.1.0.0.$2
stage3.#.fuse_layers.list0.*  -> stage3.$1.fuse_layers.0.1.$2
stage3.#.fuse_layers.list1.*  -> stage3.$1.fuse_layers.0.2.$2
stage3.#.fuse_layers.list2.*  -> stage3.$1.fuse_layers.1.0.0.$2
stage3.#.fuse_layers.list3.*  -> stage3.$1.fuse_layers.1.2.$2
stage3.#.fuse_layers.list4.*  -> stage3.$1.fuse_layers.2.0.0.$2
stage3.#.fuse_layers.list5.*  -> stage3.$1.fuse_layers.2.0.1.$2
stage3.#.fuse_layers.list6.*  -> stage3.$1.fuse_layers.2.1.0.$2
stage4.#.fuse_layers.list0.*  -> stage4.$1.fuse_layers.0.1.$2
stage4.#.fuse_layers.list1.*  -> stage4.$1.fuse_layers.0.2.$2
stage4.#.fuse_layers.list2.*  -> stage4.$1.fuse_layers.0.3.$2
stage4.#.fuse_layers.list3.*  -> stage4.$1.fuse_layers.1.0.0.$2
stage4.#.fuse_layers.list4.*  -> stage4.$1.fuse_layers.1.2.$2
stage4.#.fuse_layers.list5.*  -> stage4.$1.fuse_layers.1.3.$2
stage4.#.fuse_layers.list6.*  -> stage4.$1.fuse_layers.2.0.0.$2
stage4.#.fuse_layers.list7.*  -> stage4.$1.fuse_layers.2.0.1.$2
stage4.#.fuse_layers.list8.*  -> stage4.$1.fuse_layers.2.1.0.$2
stage4.#.fuse_layers.list9.*  -> stage4.$1.fuse_layers.2.3.$2
stage4.#.fuse_layers.list10.* -> stage4.$1.fuse_layers.3.0.0.$2
stage4.#.fuse_layers.list11.* -> stage4.$1.fuse_layers.3.0.1.$2
stage4.#.fuse_layers.list12.* -> stage4.$1.fuse_layers.3.0.2.$2
stage4.#.fuse_layers.list13.* -> stage4.$1.fuse_layers.3.1.0.$2
stage4.#.fuse_layers.list14.* -> stage4.$1.fuse_layers.3.1.1.$2
stage4.#.fuse_layers.list15.* -> stage4.$1.fuse_layers.3.2.0.$2
transition#.#.conv.*   -> transition$1.$2.0.$3
transition#.#.bn.*     -> transition$1.$2.1.$3
transition#.#.0.conv.* -> transition$1.$2.0.0.$3
transition#.#.0.bn.*   -> transition$1.$2.0.1.$3
downsamp_modules.#.conv.* -> downsamp_modules.$1.0.$2
downsamp_modules.#.bn.*   -> downsamp_modules.$1.1.$2
final_layer.conv.*     -> final_layer.0.$1
final_layer.bn.*       -> final_layer.1.$1
*.fuse_layers.*.conv.* -> $1.fuse_layers.$2.0.$3
*.fuse_layers.*.bn.*   -> $1.fuse_layers.$2.1.$3
)";

constexpr const char* kTrunk = R"(
fc.*         -> drop
classifier.* -> drop
*            -> backbone.$1
)";

struct Row {
  const char *name, *rules;
  std::array<int, 4> blocks = {};  // PaddleClas's ResNets: of each stage
};
constexpr Row kMaps[] = {{"none", ""},
                         {"paddleseg", kPaddleSeg},
                         {"paddleclas_resnet50", kPaddleClasResNet, {3, 4, 6, 3}},
                         {"paddleclas_resnet101", kPaddleClasResNet, {3, 4, 23, 3}},
                         {"paddleclas_resnet50_vd", kPaddleClasResNetVd, {3, 4, 6, 3}},
                         {"paddleclas_hrnet", kPaddleClasHrNet},
                         {"trunk", kTrunk}};

// blocks.4.* -> layer2.1.$1, and so on.
std::string block_rules(const std::array<int, 4>& blocks) {
  std::string rules;
  int block = 0;
  for (std::size_t stage = 0; stage < blocks.size(); ++stage)
    for (int i = 0; i < blocks[stage]; ++i)
      rules += cat("blocks.", block++, ".* -> layer", stage + 1, ".", i, ".$1\n");
  return rules;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Tensor transposed(const std::string& name, const Tensor& w) {
  check(w.rank() == 2, "key map", "'", name, "' is to be transposed, but it is ", w.shape());
  return ops::permute(w, {1, 0});
}

}  // namespace

KeyMap parse_key_map(std::string_view text, const std::string& name) {
  KeyMap map{name, {}};
  for (std::size_t at = 0, number = 1; at < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = trimmed(text.substr(at, end - at));
    if (!line.empty() && line[0] != ';') map.rules.push_back(parse_rule(line, cat(name, ":", number)));
    at = end + 1;
  }
  return map;
}

std::vector<std::string> key_map_names() {
  std::vector<std::string> names;
  for (const Row& row : kMaps) names.emplace_back(row.name);
  return names;
}

KeyMap key_map(const std::string& name_or_path) {
  for (const Row& row : kMaps)
    if (name_or_path == row.name) return parse_key_map(block_rules(row.blocks) + row.rules, row.name);
  check(std::filesystem::is_regular_file(name_or_path), "key map", "no map or file is called '", name_or_path,
        "'; maps: ", joined(key_map_names()));
  return parse_key_map(read_text(name_or_path), name_or_path);
}

std::string guess_key_map(const StateDict& tensors) {
  const auto any = [&](const auto& fits) {
    return std::any_of(tensors.begin(), tensors.end(), [&](const auto& named) { return fits(named.first); });
  };
  const auto has = [&](const std::string& name) { return any([&](const auto& n) { return n == name; }); };
  if (has("stem.0.conv.weight") && has("blocks.0.conv0.conv.weight")) {
    if (has("stem.1.conv.weight")) return "paddleclas_resnet50_vd";
    return has("blocks.16.conv0.conv.weight") ? "paddleclas_resnet101" : "paddleclas_resnet50";
  }
  if (any([](const auto& n) { return n.starts_with("last_cls.func_list."); })) return "paddleclas_hrnet";
  const bool paddle = any([](const auto& n) { return n.ends_with("._mean") || n.ends_with("._variance"); });
  return paddle ? "paddleseg" : "none";
}

StateDict rename_keys(const StateDict& tensors, const KeyMap& map) {
  StateDict renamed;
  std::map<std::string, std::string> came_from;
  for (const auto& [old_name, tensor] : tensors) {
    check(old_name.size() <= kMaxName || map.rules.empty(), "key map", "a name of ", old_name.size(),
          " characters; at most ", kMaxName);
    std::string name = old_name;
    Tensor value = tensor;
    bool drop = false;
    for (const KeyRule& rule : map.rules) {
      const std::optional<std::string> to = drop ? std::nullopt : renamed_by(rule, name);
      if (!to) continue;
      drop = rule.drop;
      if (rule.transpose) value = transposed(old_name, value);
      name = *to;
    }
    if (drop) continue;
    const auto [place, fresh] = came_from.emplace(name, old_name);
    check(fresh, "key map", map.name, ": '", place->second, "' and '", old_name, "' would both be called '",
          name, "'");
    renamed.emplace_back(name, value);
  }
  return renamed;
}

}  // namespace clearcut
