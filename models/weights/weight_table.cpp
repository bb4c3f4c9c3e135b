#include "models/weights/weight_table.h"

#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <system_error>

#include "models/tensor/convert.h"
#include "models/weights/file_map.h"
#include "models/weights/lora.h"
#include "models/weights/safetensors.h"

namespace vedette::models::weights {

namespace {

namespace fs = std::filesystem;
using tensor::Shape;

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

// File names that an index lists, each once. A name must stay inside the folder.
std::set<std::string> indexed_files(const fs::path& index) {
  const std::string text = read_text_file(index);
  const auto root = nlohmann::json::parse(text, nullptr, false);
  if (root.is_discarded() || !root.is_object() || !root.contains("weight_map") ||
      !root["weight_map"].is_object()) {
    fail(index, "expected a JSON object with weight_map");
  }
  std::set<std::string> files;
  for (const auto& [tensor, file] : root["weight_map"].items()) {
    if (!file.is_string())
      fail(index, "weight_map: " + tensor + ": expected a file name, received " + file.dump());
    const auto name = file.get<std::string>();
    if (name.empty() || fs::path(name).filename() != fs::path(name) || name == "..") {
      fail(index, "weight_map: " + tensor + ": expected a file of the same folder, received " + file.dump());
    }
    files.insert(name);
  }
  return files;
}

}  // namespace

// An adapter and what it has made so far.
struct WeightTable::Merging {
  std::shared_ptr<const LoraAdapter> adapter;
  LoraAdapter::Changes changes;
  std::mutex mutex;
  std::map<std::string, std::pair<Weight, tensor::Tensor>, std::less<>> made;

  const Weight* find(const Weight& base) {
    const auto change = changes.find(base.name);
    if (change == changes.end()) return nullptr;
    const std::lock_guard lock(mutex);
    const auto found = made.find(base.name);
    if (found != made.end()) return &found->second.first;
    auto& [weight, tensor] = made[base.name];
    weight = base;
    if (change->second.module.empty()) {
      weight.view = change->second.replacement;
    } else {
      tensor = adapter->merge(change->second, base.view);
      weight.view = tensor.view();
    }
    return &weight;
  }
};

void WeightTable::merge(std::shared_ptr<const LoraAdapter> adapter) {
  auto merging = std::make_shared<Merging>();
  merging->changes = adapter->changes_of(*this);
  merging->adapter = std::move(adapter);
  merging_ = std::move(merging);
}

WeightTable WeightTable::open(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) fail(folder, "expected a model folder");
  WeightTable table;
  table.source_ = folder;
  const fs::path index = folder / "model.safetensors.index.json";
  if (fs::exists(folder / "model.safetensors", error)) {
    table.add_file(folder / "model.safetensors");
  } else if (fs::exists(index, error)) {
    for (const std::string& name : indexed_files(index)) table.add_file(folder / name);
  } else {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const fs::path& path = entry.path();
      if (path.extension() == ".safetensors" && path.filename() != "adapter_model.safetensors") {
        found.push_back(path);
      }
    }
    if (found.size() != 1) {
      fail(folder, "expected model.safetensors or model.safetensors.index.json, received " +
                       std::to_string(found.size()) + " other .safetensors files");
    }
    table.add_file(found.front());
  }
  if (LoraAdapter::stands_in(folder)) table.merge(LoraAdapter::load(folder));
  return table;
}

WeightTable WeightTable::open_file(const fs::path& file) {
  WeightTable table;
  table.source_ = file;
  table.add_file(file);
  return table;
}

void WeightTable::add_file(const fs::path& file) {
  auto map = FileMap::open(file);
  SafetensorsHeader header = parse_safetensors(map->bytes(), file.string());
  for (auto& [key, value] : header.metadata) metadata_[key] = value;
  for (SafetensorsEntry& entry : header.entries) {
    Weight weight{entry.name, {}, file, entry.offset, {}};
    if (!entry.dtype) {
      weight.unsupported = "type " + entry.dtype_name;
    } else if (entry.extents.size() > Shape::kMaxRank) {
      weight.unsupported = "rank " + std::to_string(entry.extents.size());
    } else {
      const Shape shape(entry.extents);
      const std::byte* data = map->bytes().data() + entry.offset;
      if (reinterpret_cast<std::uintptr_t>(data) % tensor::size_of(*entry.dtype) == 0) {
        weight.view = {const_cast<std::byte*>(data), *entry.dtype, shape};
      } else {
        auto copy = std::make_shared<const tensor::Tensor>(*entry.dtype, shape);
        if (entry.bytes != 0) std::memcpy(copy->view().data(), data, entry.bytes);
        weight.view = copy->view();
        copies_.push_back(std::move(copy));
      }
    }
    const auto [position, fresh] = weights_.emplace(entry.name, std::move(weight));
    if (!fresh) fail(file, "tensor " + entry.name + " stands in " + position->second.file.string() + " too");
  }
  files_.push_back(std::move(map));
}

const Weight* WeightTable::find(std::string_view name) const {
  const auto position = weights_.find(name);
  return position == weights_.end() ? nullptr : &position->second;
}

const Weight& WeightTable::get(std::string_view name) const {
  const Weight* weight = find(name);
  if (weight == nullptr) fail(source_, "tensor " + std::string(name) + " is missing");
  if (!weight->unsupported.empty()) {
    fail(weight->file, "tensor " + weight->name + ": expected a type and rank that can be read, received " +
                           weight->unsupported);
  }
  const Weight* merged = merging_ ? merging_->find(*weight) : nullptr;
  return merged != nullptr ? *merged : *weight;
}

const Weight& WeightTable::get(std::string_view name, const Shape& expected) const {
  const Weight& weight = get(name);
  if (!(weight.view.shape() == expected)) {
    fail(weight.file, "tensor " + weight.name + ": expected shape " + expected.to_string() + ", received " +
                          weight.view.shape().to_string());
  }
  return weight;
}

void WeightTable::release_memory() const {
  for (const auto& file : files_) file->release_memory();
  if (!merging_) return;
  const std::lock_guard lock(merging_->mutex);
  merging_->made.clear();
}

void WeightTable::read_f32(std::string_view name, const Shape& expected, std::span<float> dst) const {
  const Weight& weight = get(name, expected);
  try {
    tensor::to_f32(weight.view, dst);
  } catch (const std::invalid_argument& error) {
    fail(weight.file, "tensor " + weight.name + ": " + error.what());
  }
}

tensor::Tensor WeightTable::read_f32(std::string_view name, const Shape& expected) const {
  tensor::Tensor values(tensor::DType::kF32, expected);
  read_f32(name, expected, values.as<float>());
  return values;
}

}  // namespace vedette::models::weights
