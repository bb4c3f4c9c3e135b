#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vedette::models::text {

// How a stream's timeline, and what is asked of it, are written for the language model: the one layout, which
// the trainer and the daemon share. `prompt_layout.json` in the model folder gives it; where a folder has
// none, the defaults stand, for a model that was taught nothing of this.
//
// Lines are patterns. `{from}` and `{to}` are seconds with one decimal, `{to}` empty while a thing goes on;
// `{from_s}` and `{to_s}` are the same in whole seconds that hold it; `{t}` is `{from}` of what has no
// length. A value. Thread-safe.
struct PromptLayout {
  std::string system =
      "You are told what a camera saw and what a microphone heard, with times in seconds. Answer in one "
      "short sentence from that alone.";
  std::string frame = "[t={t}]{frame}\n";  // {frame}: the rows of the picture
  std::string heard = "[heard {from}-{to}] \"{text}\"\n";
  std::string seen = "[sees {t}] {text}\n";
  std::string moved = "[{tag} {from}-{to}] {text}\n";  // {tag}: moves, camera, light, specks, view
  std::string sounded = "[sound {from_s}-{to_s}] {text}{sound}\n";  // {sound}: its rows, where there are any
  std::string condition = "[{text} {from}-{to}]\n";
  // What follows the lines.
  std::string question = "\n{text}";
  std::string check = "\nIs it true that {text}? Answer yes or no.";
  std::vector<std::string> yes = {"Yes", "yes", " Yes", " yes"};  // how the answer to a check begins
  std::vector<std::string> no = {"No", "no", " No", " no"};
  bool answers = false;   // it was taught to answer from these lines, without pictures and sounds among them
  bool narrates = false;  // it was taught to tell what happens, with them: its captions may be used
  // Words for things that its captions may name: a caption with one of them that no fact has is not used.
  std::vector<std::string> classes;
  int pictures = 2;  // at most in one prompt, as many as it was taught with
  int sounds = 4;    // likewise, whose rows are shown; the others are told by their names
  int seconds = 25;  // that the pictures and facts of a prompt about now reach back

  // Throws: std::runtime_error naming the file and the key, for one that is there and no such layout.
  static PromptLayout load(const std::filesystem::path& folder);
  // From the file's text; `name` opens the messages.
  static PromptLayout parse(std::string_view json, const std::string& name);
};

// The pattern with `{name}` replaced by its value. What is in braces but not among the names stays.
std::string fill(std::string_view pattern,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> values);

}  // namespace vedette::models::text
