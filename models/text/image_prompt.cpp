#include "models/text/image_prompt.h"

namespace vedette::models::text {

namespace {

constexpr const char* kImage = "<image>";
constexpr const char* kAround = "<fake_token_around_image>";
constexpr const char* kWhole = "<global-img>";

}  // namespace

std::vector<std::string> image_segments(ImageMarkup markup, int rows, int columns) {
  if (markup == ImageMarkup::kNone) return {"", ""};
  std::vector<std::string> segments;
  std::string before;
  for (int row = 1; row <= rows; ++row) {
    for (int column = 1; column <= columns; ++column) {
      segments.push_back(before + kAround + "<row_" + std::to_string(row) + "_col_" + std::to_string(column) +
                         ">");
      before.clear();
    }
    before = "\n";
  }
  if (!segments.empty()) before += "\n";
  segments.push_back(before + kAround + kWhole);
  segments.emplace_back(kAround);
  return segments;
}

std::string image_prompt(int rows, int columns, int tokens) {
  const std::vector<std::string> segments = image_segments(ImageMarkup::kIdefics3, rows, columns);
  std::string text = segments.front();
  for (std::size_t i = 1; i < segments.size(); ++i) {
    for (int token = 0; token < tokens; ++token) text += kImage;
    text += segments[i];
  }
  return text;
}

}  // namespace vedette::models::text
