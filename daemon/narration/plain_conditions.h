#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/narration/scene.h"

namespace vedette::daemon::narration {

// What is known at the moment when the rule of an alert is checked.
struct Moment {
  Scene scene;
  std::string heard;                // the words of the last seconds
  std::vector<std::string> sounds;  // those that can be named; empty: nobody names them
};

// The condition of an alert in plain words that the facts alone decide: "a person is visible", "something
// moves", "the picture is black", "somebody speaks", "a siren is heard". A small language model that was not
// taught to read facts says yes to such about as often whether they hold or not. Immutable.
class PlainCondition {
 public:
  // Nothing where the words say something else: that is for the language model.
  static std::optional<PlainCondition> parse(std::string_view condition);

  // How likely it holds, 0 to 1: the score of the best sighting of that kind, and 1 or 0 for what is measured
  // (movement, the picture's state, words and sounds). Nothing where nobody looks for what it is about.
  std::optional<float> score(const Moment& moment) const;
  // It is about what the encoder of pictures names.
  bool needs_picture() const { return about_ == About::kThings; }

 private:
  enum class About { kThings, kMotion, kView, kPicture, kSpeech, kWords, kSound, kSilence };
  struct Form;

  PlainCondition(About about, bool negated, std::string what)
      : about_(about), negated_(negated), what_(std::move(what)) {}
  static const std::vector<Form>& forms();
  std::optional<float> holds(const Moment& moment) const;

  About about_;
  bool negated_;
  std::string what_;  // kind, part of what moves, condition, words, class of sound; "": any
};

}  // namespace vedette::daemon::narration
