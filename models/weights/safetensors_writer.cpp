#include "models/weights/safetensors_writer.h"

#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "models/weights/safetensors.h"

namespace vedette::models::weights {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path, std::span<const TensorSpec> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : path_(std::move(path)), temporary_(path_.string() + ".part" + std::to_string(::getpid())) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (const TensorSpec& spec : tensors) {
    if (header.contains(spec.name)) fail(path_, "tensor " + spec.name + " is named twice");
    const std::size_t bytes = static_cast<std::size_t>(spec.shape.count()) * tensor::size_of(spec.dtype);
    header[spec.name] = {
        {"dtype", safetensors_name(spec.dtype)},
        {"shape", std::vector<std::int64_t>(spec.shape.extents().begin(), spec.shape.extents().end())},
        {"data_offsets", {expected_, expected_ + bytes}}};
    expected_ += bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + 8 + 63) / 64 * 64 - 8,
              ' ');  // with the 8 bytes of its length: data starts on a cache line
  out_.open(temporary_, std::ios::binary | std::ios::trunc);
  if (!out_) fail(path_, "cannot create " + temporary_.string());
  const std::uint64_t header_bytes = text.size();
  out_.write(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
}

SafetensorsWriter::~SafetensorsWriter() {
  if (finished_) return;
  out_.close();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  received_ += bytes.size();
  if (received_ > expected_) {
    fail(path_, "expected " + std::to_string(expected_) + " bytes of tensors, received " +
                    std::to_string(received_) + " or more");
  }
  out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void SafetensorsWriter::finish() {
  if (received_ != expected_) {
    fail(path_, "expected " + std::to_string(expected_) + " bytes of tensors, received " +
                    std::to_string(received_));
  }
  out_.close();
  if (!out_) fail(path_, "writing failed (disk full?)");
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (error) fail(path_, "cannot rename " + temporary_.string() + ": " + error.message());
  finished_ = true;
}

void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const NamedTensor& tensor : tensors)
    specs.push_back({tensor.name, tensor.view.dtype(), tensor.view.shape()});
  SafetensorsWriter writer(path, specs, metadata);
  for (const NamedTensor& tensor : tensors) {
    writer.append({static_cast<const std::byte*>(tensor.view.data()), tensor.view.bytes()});
  }
  writer.finish();
}

}  // namespace vedette::models::weights
