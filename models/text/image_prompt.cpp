#include "models/text/image_prompt.h"

namespace vedette::models::text {

namespace {

constexpr const char* kImage = "<image>";
constexpr const char* kAround = "<fake_token_around_image>";
constexpr const char* kWhole = "<global-img>";

std::string images(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += kImage;
  return text;
}

}  // namespace

ImageMarkup image_markup() {
  return {std::string(kAround) + kWhole, kAround};
}

std::string image_prompt(int rows, int columns, int tokens) {
  const ImageMarkup markup = image_markup();
  const std::string whole = markup.before + images(tokens) + markup.after;
  if (rows == 0 && columns == 0) return whole;
  std::string text;
  for (int row = 1; row <= rows; ++row) {
    for (int column = 1; column <= columns; ++column) {
      text +=
          kAround + ("<row_" + std::to_string(row)) + "_col_" + std::to_string(column) + ">" + images(tokens);
    }
    text += "\n";
  }
  return text + "\n" + whole;
}

}  // namespace vedette::models::text
