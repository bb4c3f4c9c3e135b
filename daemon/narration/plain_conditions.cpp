#include "daemon/narration/plain_conditions.h"

#include <algorithm>
#include <array>
#include <regex>
#include <utility>

#include "daemon/narration/plain_words.h"

namespace vedette::daemon::narration {

namespace {

constexpr std::size_t kLongest = 120;  // bytes of a condition that may be plain

bool has(const std::vector<std::string>& list, std::string_view one) {
  return std::ranges::find(list, one) != list.end();
}

bool any_has(const std::vector<std::string>& list, const std::string& part) {
  return std::ranges::any_of(list,
                             [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

bool has_words(const std::string& text, const std::string& words) {
  return (" " + plain_words(text) + " ").find(" " + words + " ") != std::string::npos;
}

// "blurry" -> "picture_blurred"; "any": whatever is wrong with it; "" for what nobody measures.
std::string condition_of(const std::string& word) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kWords{{
      {"black", "picture_black"},
      {"dark", "picture_black"},
      {"covered", "picture_covered"},
      {"blocked", "picture_covered"},
      {"frozen", "picture_frozen"},
      {"garbled", "picture_garbled"},
      {"torn", "picture_garbled"},
      {"blocky", "picture_blocky"},
      {"pixelated", "picture_blocky"},
      {"noisy", "picture_noisy"},
      {"grainy", "picture_noisy"},
      {"blurred", "picture_blurred"},
      {"blurry", "picture_blurred"},
      {"out of focus", "picture_blurred"},
      {"overexposed", "picture_overexposed"},
      {"too bright", "picture_overexposed"},
      {"absent", "picture_absent"},
      {"missing", "picture_absent"},
      {"gone", "picture_absent"},
      {"faulty", "any"},
      {"bad", "any"},
      {"broken", "any"},
  }};
  return meaning(kWords, word);
}

}  // namespace

// One way to say a condition. `no` and `what` are the groups of the pattern that negate it and name what it
// is about; 0: none does.
struct PlainCondition::Form {
  std::regex words;
  About about;
  int no = 0, what = 0;
  bool negated = false;
  const char* fixed = "";  // what it is about, where no group says so
};

const std::vector<PlainCondition::Form>& PlainCondition::forms() {
  static const std::string thing = "(no |an? |any |some |the )?(\\w+)";
  static const std::string seen = "(?:there|visible|seen|present|in (?:the |)(?:picture|view|sight))";
  static const std::string speaking = "(?:speaks?|talks?|(?:is|are) (?:speaking|talking|heard speaking))";
  const auto words = [](const std::string& text) {
    return std::regex(text, std::regex::ECMAScript | std::regex::optimize);
  };
  static const std::vector<Form> all = {
      {words("(?:something|anything|things?) (?:moves?|(?:is|are) moving)"), About::kMotion},
      {words("there (?:is|are) (no |)(?:any |some |)(?:motion|movement)"), About::kMotion, 1},
      {words("(no |)(?:motion|movement)(?: is (?:seen|visible|there|detected)|)"), About::kMotion, 1},
      {words("nothing (?:moves|is moving)"), About::kMotion, 0, 0, true},
      {words("(?:something|anything) (enter|leave)s(?: the (?:picture|view)|)"), About::kMotion, 0, 1},
      {words("(?:something|anything) (?:moves|goes|is moving) (?:from |)(left to right|right to "
             "left|upwards|downwards)"),
       About::kMotion, 0, 1},
      {words("(the camera (?:shakes|turns))|(the light goes (?:on|off))"), About::kView, 0, 1},
      {words("(?:something|anything) is wrong with the (?:picture|camera)"), About::kPicture, 0, 0, false,
       "any"},
      {words("there is no picture"), About::kPicture, 0, 0, false, "picture_absent"},
      {words("the (?:picture|image|camera|view|video) is (not |)((?:too |out of |)\\w+)"), About::kPicture, 1,
       2},
      {words("(?:speech|talking|voices?|words) (?:is|are) heard|there is (?:speech|talking)"),
       About::kSpeech},
      {words("(?:somebody|someone|anybody|anyone|a person|people) " + speaking), About::kSpeech},
      {words("(?:nobody|no one) " + speaking + "|there is no speech|nothing is said"), About::kSpeech, 0, 0,
       true},
      {words("something is said"), About::kSpeech},
      {words(
           "(?:somebody|someone|anybody|anyone) says (.+)|the words? (.+) (?:is|are) (?:said|heard|spoken)"),
       About::kWords, 0, 1},
      {words("(?:it is silent|it is quiet|there is silence|nothing is heard)"), About::kSilence},
      {words("there is (?:the|a) sound of (?:an? |the |)(.+)|(?:the sound of |)(?:an? |the |)(.+) is heard"),
       About::kSound, 0, 1},
      {words(thing + " (?:is|are) " + seen), About::kThings, 1, 2},
      {words("there (?:is|are) " + thing + "(?: " + seen + "|)"), About::kThings, 1, 2},
      {words(thing + " appears"), About::kThings, 1, 2},
  };
  return all;
}

std::optional<PlainCondition> PlainCondition::parse(std::string_view condition) {
  if (condition.size() > kLongest) return {};
  const std::string said = plain_words(condition);
  for (const Form& form : forms()) {
    std::smatch match;
    if (!std::regex_match(said, match, form.words)) continue;
    bool negated = form.negated || (form.no > 0 && (match[form.no] == "no " || match[form.no] == "not "));
    std::string what = form.fixed;
    for (auto group = static_cast<std::size_t>(form.what); group > 0 && group < match.size() && what.empty();
         ++group)
      what = match[group].str();
    if (form.about == About::kThings) {
      negated = negated || what == "nobody" || what == "nothing";
      what = kind_of(what);
      if (what.empty()) continue;
    }
    if (form.about == About::kPicture && !what.starts_with("picture_") && what != "any") {
      const bool fine = what == "clear" || what == "good" || what == "fine" || what == "ok";
      negated = negated != fine;
      what = fine ? "any" : condition_of(what);
      if (what.empty()) continue;
    }
    return PlainCondition(form.about, negated, std::move(what));
  }
  return {};
}

std::optional<float> PlainCondition::score(const Moment& moment) const {
  const std::optional<float> score = holds(moment);
  return score && negated_ ? 1.0F - *score : score;
}

std::optional<float> PlainCondition::holds(const Moment& moment) const {
  const Scene& scene = moment.scene;
  const auto measured = [](bool holds) { return std::optional(holds ? 1.0F : 0.0F); };
  switch (about_) {
    case About::kThings: {
      // Nothing is seen to be there, and nothing to be gone, in a picture that shows nothing.
      if (is_blind(scene.conditions)) return negated_ ? 1.0F : 0.0F;
      if (!scene.has_heads) return {};
      float best = 0.0F;
      for (const auto& sighting : scene.sightings) {
        const bool is_it = what_ == "thing" ? sighting.what != "nothing" : sighting.what.ends_with(what_);
        if (is_it) best = std::max(best, sighting.score);
      }
      return best;
    }
    case About::kMotion: return measured(what_.empty() ? !scene.moves.empty() : any_has(scene.moves, what_));
    case About::kView: return measured(any_has(scene.view, what_));
    case About::kPicture:
      return measured(what_ == "any" ? !picture_state(scene.conditions).empty()
                                     : has(scene.conditions, what_));
    case About::kSpeech: return measured(!moment.heard.empty());
    case About::kWords: return measured(has_words(moment.heard, what_));
    case About::kSound:
      if (!has(moment.sounds, what_)) return {};
      return measured(has(scene.sounds, what_));
    case About::kSilence: return measured(has(scene.conditions, "sound_silent"));
  }
  return {};
}

}  // namespace vedette::daemon::narration
