#include "models/weights/lora.h"

#include <cmath>
#include <stdexcept>

#include "models/tensor/convert.h"
#include "models/weights/json_object.h"
#include "models/weights/weight_table.h"

namespace vedette::models::weights {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kA = ".lora_A.weight", kB = ".lora_B.weight";
constexpr std::string_view kBaseLayer = ".base_layer.";  // biases that were trained too

[[noreturn]] void fail(const fs::path& where, const std::string& what) {
  throw std::runtime_error(where.string() + ": " + what);
}

// The keys that would make the arithmetic another one.
void check_kind(const JsonObject& config) {
  if (config.text("peft_type") != "LORA") config.fail("peft_type", "LORA");
  for (const char* key : {"use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora"}) {
    if (config.flag_or(key, false)) config.fail(key, "false: plain LoRA");
  }
  for (const char* key : {"layer_replication", "trainable_token_indices", "target_parameters", "arrow_config",
                          "kasa_config", "monteclora_config", "alora_invocation_tokens"}) {
    if (config.is_array(key) || config.is_object(key)) config.fail(key, "null: plain LoRA");
  }
  // Other ways to begin take their part out of the base's weights, which then are not those of its folder.
  if (!config.is_string("init_lora_weights")) return;
  const std::string begin = config.text("init_lora_weights");
  if (begin != "gaussian" && begin != "eva" && begin != "orthogonal")
    config.fail("init_lora_weights",
                "true, false, gaussian, eva or orthogonal: the base's weights as they are");
}

// lora_alpha, or what alpha_pattern has for the module: a whole name or its end. PEFT takes regular
// expressions, and the first that fits: of the latter the order is not known here.
double alpha_of(const JsonObject& config, const std::string& module) {
  double alpha = config.positive_or("lora_alpha", 8.0);
  if (!config.is_object("alpha_pattern")) return alpha;
  const JsonObject pattern = config.object("alpha_pattern");
  std::string found;
  for (const std::string& key : pattern.keys()) {
    if (key.find_first_of("\\^$*+?()[]{}|") != std::string::npos)
      pattern.fail(key.c_str(), "a module's name or its end, not an expression");
    if (module != key && !module.ends_with("." + key)) continue;
    if (!found.empty() && pattern.real(key.c_str()) != alpha)
      pattern.fail(key.c_str(), "the value of " + found + ", as both fit " + module);
    found = key;
    alpha = pattern.real(key.c_str());
  }
  return alpha;
}

// The tensor's name in the base: without what PEFT puts around its modules.
std::string name_in_base(const std::string& key) {
  std::string name = key.starts_with(kPrefix) ? key.substr(kPrefix.size()) : key;
  const auto wrapped = name.find(kBaseLayer);
  if (wrapped != std::string::npos) name.replace(wrapped, kBaseLayer.size(), ".");
  return name;
}

// The base's tensor of that name, or the only one that differs from it in what stands before.
std::string find_tensor(const WeightTable& base, const std::string& name) {
  if (base.contains(name)) return name;
  std::string found;
  for (const auto& [own, weight] : base.all()) {
    if (!own.ends_with("." + name) && !name.ends_with("." + own)) continue;
    if (!found.empty()) return {};
    found = own;
  }
  return found;
}

}  // namespace

bool LoraAdapter::stands_in(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "adapter_config.json", error);
}

std::shared_ptr<const LoraAdapter> LoraAdapter::load(const fs::path& folder) {
  const JsonObject config = JsonObject::open(folder / "adapter_config.json");
  check_kind(config);
  const fs::path file = folder / "adapter_model.safetensors";
  std::shared_ptr<LoraAdapter> adapter(new LoraAdapter());
  adapter->folder_ = folder;
  adapter->base_ = config.text_or("base_model_name_or_path", "");
  adapter->table_ = std::make_shared<const WeightTable>(WeightTable::open_file(file));
  const WeightTable& table = *adapter->table_;
  for (const auto& [key, weight] : table.all()) {
    const std::string name = name_in_base(key);
    if (name.find(".lora_") == std::string::npos) {
      adapter->replacements_[name] = table.get(key).view;
      continue;
    }
    if (key.ends_with(kB) && table.contains(key.substr(0, key.size() - kB.size()) + std::string(kA)))
      continue;
    if (!key.ends_with(kA)) fail(file, "tensor " + key + ": expected a pair lora_A.weight and lora_B.weight");
    const Weight& a = table.get(key);
    const Weight& b = table.get(key.substr(0, key.size() - kA.size()) + std::string(kB));
    const auto &down = a.view.shape(), &up = b.view.shape();
    if (down.rank() != 2 || up.rank() != 2 || up[1] != down[0] || down[0] < 1) {
      fail(file, "tensor " + key + ": expected [rank, in] beside [out, rank], received " + down.to_string() +
                     " and " + up.to_string());
    }
    const std::string module = name.substr(0, name.size() - kA.size());
    const auto rank = static_cast<double>(down[0]);
    const double scale =
        alpha_of(config, module) / (config.flag_or("use_rslora", false) ? std::sqrt(rank) : rank);
    adapter->pairs_[module] = {a.view, b.view, static_cast<float>(scale)};
  }
  if (adapter->pairs_.empty()) fail(file, "expected tensors named *.lora_A.weight, received none");
  return adapter;
}

LoraAdapter::Changes LoraAdapter::changes_of(const WeightTable& base) const {
  Changes changes;
  const fs::path file = folder_ / "adapter_model.safetensors";
  const auto add = [&](const std::string& name, const tensor::Shape& shape, Change change) {
    const std::string own = find_tensor(base, name);
    if (own.empty()) fail(file, "adapts " + name + ", which " + base.source().string() + " does not have");
    const auto& theirs = base.all().find(own)->second.view.shape();
    if (!(theirs == shape)) {
      fail(file, "adapts " + name + ": expected " + theirs.to_string() + " as " + base.source().string() +
                     " has, received " + shape.to_string());
    }
    changes[own] = std::move(change);
  };
  for (const auto& [module, pair] : pairs_) {
    add(module + ".weight", {pair.b.shape()[0], pair.a.shape()[1]}, {module, {}});
  }
  for (const auto& [name, view] : replacements_) add(name, view.shape(), {"", view});
  return changes;
}

tensor::Tensor LoraAdapter::merge(const Change& change, const tensor::TensorView& base) const {
  const Pair& pair = pairs_.at(change.module);
  tensor::Tensor merged(tensor::DType::kF32, base.shape());
  const tensor::Tensor a(tensor::DType::kF32, pair.a.shape()), b(tensor::DType::kF32, pair.b.shape());
  tensor::to_f32(base, merged.as<float>());
  tensor::to_f32(pair.a, a.as<float>());
  tensor::to_f32(pair.b, b.as<float>());
  const std::int64_t out = base.shape()[0], in = base.shape()[1], rank = pair.a.shape()[0];
  for (std::int64_t row = 0; row < out; ++row) {
    float* y = merged.as<float>().data() + row * in;
    for (std::int64_t r = 0; r < rank; ++r) {
      const float factor = pair.scale * b.as<float>()[static_cast<std::size_t>(row * rank + r)];
      const float* x = a.as<float>().data() + r * in;
      for (std::int64_t i = 0; i < in; ++i) y[i] += factor * x[i];
    }
  }
  return merged;
}

}  // namespace vedette::models::weights
