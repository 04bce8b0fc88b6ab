#include "models/weights/torch_file.h"

#include <algorithm>
#include <array>
#include <map>

#include "tensor/stored.h"
#include "tensor/zip.h"

namespace clearcut {

namespace {

using Value = PickleValue;
using Kind = PickleValue::Kind;

constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";

struct StorageType {
  std::string_view global, type;  // type as in tensor/stored.h
};
constexpr StorageType kStorageTypes[] = {{"torch.FloatStorage", "f4"}, {"torch.DoubleStorage", "f8"},
                                         {"torch.HalfStorage", "f2"},  {"torch.BFloat16Storage", "bf2"},
                                         {"torch.LongStorage", "i8"},  {"torch.IntStorage", "i4"},
                                         {"torch.ShortStorage", "i2"}, {"torch.CharStorage", "i1"},
                                         {"torch.ByteStorage", "u1"},  {"torch.BoolStorage", "b1"}};

std::vector<std::string_view> allowed_names() {
  std::vector<std::string_view> names = {kTensor, kParameter, "collections.OrderedDict"};
  for (const StorageType& row : kStorageTypes) names.push_back(row.global);
  return names;
}

class TorchReader {
 public:
  TorchReader(ByteView file, const std::string& where)
      : zip_(file, where), where_(where), file_size_(file.size()) {
    for (const ZipEntry& entry : zip_.entries()) {
      check(entries_.emplace(entry.name, &entry).second, "weights", where, ": two entries are called '",
            entry.name, "'");
      if (entry.name.ends_with("/data.pkl")) folder_ = entry.name.substr(0, entry.name.size() - 8);
    }
    check(!folder_.empty(), "weights", where, ": a zip file, but none that torch.save wrote (no data.pkl)");
    check(find("constants.pkl") == nullptr, "weights", where,
          ": a TorchScript program; save its weights alone: torch.save(torch.jit.load(FILE).state_dict(), "
          "OUT)");
    if (const ZipEntry* order = find("byteorder")) {
      const ByteView text = zip_.stored(*order);
      check(std::string(text.begin(), text.end()) == "little", "weights", where,
            ": its numbers are big-endian; save it on a little-endian machine");
    }
  }

  CollectedWeights read() {
    const std::vector<std::string_view> allowed = allowed_names();
    const Pickle pickle(zip_.stored(*find("data.pkl")), allowed, where_ + ", data.pkl");
    pickle_ = &pickle;
    return collect_weights(
        pickle, [this](const Value& value) { return tensor_of(value); }, 8 * file_size_, where_);
  }

 private:
  struct Storage {
    std::string_view type;
    ByteView data;
  };

  const ZipEntry* find(const std::string& name) const {
    const auto found = entries_.find(folder_ + name);
    return found != entries_.end() ? found->second : nullptr;
  }

  // A tensor, a parameter around one, or an undefined tensor for any other value.
  Tensor tensor_of(const Value& value) {
    if (value.calls(kTensor)) return rebuilt(value);
    if (!value.calls(kParameter)) return {};
    const auto& arguments = value.items[1]->items;
    if (arguments.empty() || !arguments[0]->calls(kTensor))
      pickle_->refuse(value, "a parameter without tensor");
    return rebuilt(*arguments[0]);
  }

  // Arguments: storage, offset, sizes, strides, and what only training needs.
  Tensor rebuilt(const Value& value) {
    const auto& arguments = value.items[1]->items;
    if (arguments.size() < 4 || !arguments[1]->is(Kind::kInt))
      pickle_->refuse(value, "a tensor needs storage, offset, sizes and strides");
    const Storage storage = storage_of(*arguments[0]);
    const auto elements = static_cast<std::int64_t>(storage.data.size() / stored_size(storage.type));
    const std::int64_t offset = arguments[1]->integer;
    if (offset < 0 || offset > elements) pickle_->refuse(value, "a tensor starts outside its storage");
    const Shape shape = shape_of(*arguments[2]);
    return read_stored(
        "weights", cat(where_, ", data.pkl, byte ", value.offset),
        {.type = storage.type,
         .data = storage.data.subspan(static_cast<std::size_t>(offset) * stored_size(storage.type)),
         .shape = shape,
         .strides = integers(*arguments[3])});
  }

  std::vector<std::int64_t> integers(const Value& value) const {
    std::vector<std::int64_t> numbers;
    for (const Value* item : value.items) {
      if (!item->is(Kind::kInt)) pickle_->refuse(value, "sizes and strides must be integers");
      numbers.push_back(item->integer);
    }
    return numbers;
  }

  Shape shape_of(const Value& value) const {
    const auto sizes = integers(value);
    try {
      return Shape(sizes);
    } catch (const Error& error) {
      pickle_->refuse(value, error.what());
    }
  }

  // id: ("storage", type, key, place, number of elements).
  Storage storage_of(const Value& value) {
    const Value* id = value.is(Kind::kStored) ? value.items[0] : &value;
    const bool fits = value.is(Kind::kStored) && id->items.size() == 5 && id->items[0]->text == "storage" &&
                      id->items[1]->is(Kind::kGlobal) && id->items[2]->is(Kind::kText) &&
                      id->items[4]->is(Kind::kInt);
    if (!fits) pickle_->refuse(value, "a tensor's storage must be (\"storage\", type, key, place, size)");
    const auto* row = std::find_if(std::begin(kStorageTypes), std::end(kStorageTypes),
                                   [&](const StorageType& t) { return t.global == id->items[1]->text; });
    if (row == std::end(kStorageTypes)) pickle_->refuse(value, "its storage is of no known type");
    const std::string key(id->items[2]->text);
    const ZipEntry* entry = find("data/" + key);
    if (entry == nullptr) pickle_->refuse(value, cat("its numbers, entry 'data/", key, "', are missing"));
    const auto size = static_cast<std::uint64_t>(id->items[4]->integer);
    if (id->items[4]->integer < 0 || entry->size / stored_size(row->type) != size)
      pickle_->refuse(value, cat("entry 'data/", key, "' has ", entry->size, " bytes, the pickle says ", size,
                                 " elements"));
    return {row->type, checked(*entry)};
  }

  // The entry's bytes; their CRC-32 is worked out once. Entries lie side by side: together they are no larger
  // than the file.
  ByteView checked(const ZipEntry& entry) {
    const auto found = checked_.find(&entry);
    if (found != checked_.end()) return found->second;
    check(entry.size <= file_size_ - checked_bytes_, "weights", where_, ": its entries overlap");
    checked_bytes_ += entry.size;
    return checked_[&entry] = zip_.stored(entry);
  }

  ZipReader zip_;
  const std::string& where_;
  std::size_t file_size_, checked_bytes_ = 0;
  std::string folder_;  // "archive/"
  std::map<std::string, const ZipEntry*> entries_;
  std::map<const ZipEntry*, ByteView> checked_;
  const Pickle* pickle_ = nullptr;
};

}  // namespace

// A pickle of protocol 2 that begins with a number of ten bytes.
bool is_old_torch(ByteView file) {
  constexpr std::array<std::uint8_t, 6> kStart = {0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc};
  return file.size() >= kStart.size() && std::equal(kStart.begin(), kStart.end(), file.begin());
}

CollectedWeights read_torch(ByteView file, const std::string& where) {
  return TorchReader(file, where).read();
}

}  // namespace clearcut
