#pragma once

#include <string>

namespace vedette::models::text {

// What stands in the place of a picture in prompts of Idefics3 and SmolVLM, as their processors write it:
// special tokens around `tokens` image tokens for each tile, row by row, and for the whole picture. rows and
// columns: of the tiles; 0 x 0: the whole picture alone.
std::string image_prompt(int rows, int columns, int tokens);

// The same for the whole picture alone, without the image tokens between the two.
struct ImageMarkup {
  std::string before, after;
};
ImageMarkup image_markup();

}  // namespace vedette::models::text
