#include "models/weights/import.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "models/weights/import_parts.h"

namespace vedette::models::weights {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

// The source's one GGUF file; empty when it is no GGUF source.
fs::path gguf_file(const fs::path& source) {
  if (!fs::is_directory(source)) return source;
  fs::path found;
  for (const auto& entry : fs::directory_iterator(source)) {
    if (entry.path().extension() != ".gguf") continue;
    if (!found.empty()) fail(source, "expected one .gguf file, received several: name the one to import");
    found = entry.path();
  }
  return found;
}

ImportedModel read_source(const fs::path& source) {
  std::error_code error;
  if (!fs::exists(source, error)) fail(source, "does not exist");
  if (fs::is_directory(source) && fs::exists(source / "model.bin")) return import_ctranslate2(source);
  const fs::path file = gguf_file(source);
  if (file.empty()) fail(source, "expected a .gguf file, or a CTranslate2 folder with model.bin");
  return import_gguf(file);
}

void write_text(const fs::path& file, const std::string& content) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) fail(file, "writing failed (disk full?)");
}

std::size_t write_tensors(const fs::path& file, const ImportedModel& model) {
  std::vector<TensorSpec> specs;
  for (const ImportedTensor& tensor : model.tensors) specs.push_back(tensor.spec);
  SafetensorsWriter writer(file, specs, {{"format", "pt"}});
  std::size_t total = 0;
  std::vector<std::byte> buffer;
  for (const ImportedTensor& tensor : model.tensors) {
    buffer.resize(static_cast<std::size_t>(tensor.spec.shape.count()) * tensor::size_of(tensor.spec.dtype));
    tensor.fill(buffer);
    writer.append(buffer);
    total += buffer.size();
  }
  writer.finish();
  return total;
}

// A folder beside the destination that is renamed into its place, or removed.
class Staging {
 public:
  explicit Staging(const fs::path& destination)
      : path_(destination.string() + ".part" + std::to_string(::getpid())) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

ImportSummary import_model(const fs::path& source, const fs::path& folder) {
  const fs::path destination = fs::absolute(folder).lexically_normal();
  const fs::path target = destination.has_filename() ? destination : destination.parent_path();
  if (fs::exists(target) && !(fs::is_directory(target) && fs::is_empty(target)))
    fail(folder, "exists already");
  const ImportedModel model = read_source(source);
  const Staging staging(target);
  ImportSummary summary{model.format, model.model_type, model.tensors.size(), 0};
  summary.bytes = write_tensors(staging.path() / "model.safetensors", model);
  for (const auto& [name, content] : model.files) write_text(staging.path() / name, content);
  fs::rename(staging.path(), target);
  return summary;
}

}  // namespace vedette::models::weights
