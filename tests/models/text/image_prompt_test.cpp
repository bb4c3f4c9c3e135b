#include "models/text/image_prompt.h"

#include <gtest/gtest.h>

namespace vedette::models::text {
namespace {

// As transformers' SmolVLM and Idefics3 processors write it (vision_test compares more of their output).
TEST(ImagePrompt, IsTheProcessors) {
  EXPECT_EQ(image_prompt(0, 0, 3),
            "<fake_token_around_image><global-img><image><image><image><fake_token_around_image>");
  EXPECT_EQ(image_prompt(2, 2, 1),
            "<fake_token_around_image><row_1_col_1><image><fake_token_around_image><row_1_col_2><image>\n"
            "<fake_token_around_image><row_2_col_1><image><fake_token_around_image><row_2_col_2><image>\n\n"
            "<fake_token_around_image><global-img><image><fake_token_around_image>");
  EXPECT_EQ(image_segments(ImageMarkup::kIdefics3, 1, 2).size(), 4u);
  EXPECT_EQ(image_segments(ImageMarkup::kNone, 0, 0), (std::vector<std::string>{"", ""}));
}

}  // namespace
}  // namespace vedette::models::text
