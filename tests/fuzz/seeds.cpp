// Writes the fuzzers' first inputs: seeds FOLDER. One folder per target, one small valid file or more in
// each.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/models/text/tiny_tokenizer.h"
#include "tests/models/weights/model_files.h"

namespace {

namespace fs = std::filesystem;
namespace weights = vedette::models::weights;

void write(const fs::path& file, const std::string& content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

std::string safetensors_file() {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]},"c":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[10,13]}})";
  std::string file;
  weights::put<std::uint64_t>(file, header.size());
  return file + header + std::string(13, 'x');
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Each quantised format once, two blocks of it.
std::string gguf_formats() {
  weights::GgufBuilder file;
  file.tensor("q8_0", {64}, 8, std::string(68, 'q')).tensor("q4_0", {64}, 2, std::string(36, 'q'));
  file.tensor("q4_1", {64}, 3, std::string(40, 'q')).tensor("q4_k", {512}, 12, std::string(288, 'q'));
  file.tensor("q6_k", {512}, 14, std::string(420, 'q'))
      .tensor("bf16", {2}, 30, "qqqq")
      .tensor("f16", {2}, 1, "qqqq");
  return file.build();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  const fs::path folder = argv[1];
  write(folder / "safetensors" / "valid", safetensors_file());
  write(folder / "gguf" / "llama", weights::tiny_llama().build());
  write(folder / "gguf" / "formats", gguf_formats());
  weights::Ct2Builder small;
  small.variable("encoder/num_heads", {}, weights::kCt2I16, "ab")
      .variable("w", {2, 2}, weights::kCt2I8, "abcd");
  small.variable("w_scale", {2}, weights::kCt2F32, weights::floats(2)).alias("v", "w");
  write(folder / "ctranslate2" / "small", small.build());
  write(folder / "tokenizer" / "tiny", vedette::models::text::kTinyTokenizer);
  write(folder / "tokenizer" / "text", "ab <|end|> caf\xc3\xa9 12\n\xf0\x9f\x98");
  write(folder / "tokenizer" / "template",
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
        "'<|im_end|>' + '\\n'}}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}");
  write(folder / "config" / "shipped", text_of(VEDETTE_SOURCE_DIR "/config/vedette.yaml"));
  write(folder / "config" / "small",
        "streams: {gate: {source: 'rtsp://${SET}@h/s', windows: {every: 3s}}}\nredis: redis://:p@h:1/2\n");
  return 0;
}
