#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vedette::models::text {

// What stands in the place of a picture in prompts of Idefics3 and SmolVLM, as their processors write it:
// special tokens around `tokens` image tokens for each tile, row by row, and for the whole picture. rows and
// columns: of the tiles; 0 x 0: the whole picture alone.
std::string image_prompt(int rows, int columns, int tokens);

// How a model marks pictures in its prompts. kNone: not at all, and there are no tiles.
enum class ImageMarkup : std::uint8_t { kNone, kIdefics3 };

// The same without the image tokens: what stands before those of each tile and of the whole picture, and
// what stands behind the last: one text more than there are pictures.
std::vector<std::string> image_segments(ImageMarkup markup, int rows, int columns);

}  // namespace vedette::models::text
