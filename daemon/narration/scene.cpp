#include "daemon/narration/scene.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <utility>

namespace vedette::daemon::narration {

using models::runtime::Sighting;

namespace {

// Calibrated probabilities: what is more likely than not is named, what is hardly there is not told at all.
constexpr float kSure = 0.5F, kLikely = 0.35F;
constexpr std::size_t kMostTold = 6;

std::string plural_of(const std::string& what) {
  if (what.ends_with("person")) return what.substr(0, what.size() - 6) + "people";
  const bool hisses =
      what.ends_with("s") || what.ends_with("x") || what.ends_with("ch") || what.ends_with("sh");
  return what + (hisses ? "es" : "s");
}

std::string place_of(const std::string& where) {
  if (where.empty()) return "";
  return (where == "middle" ? " in the " : " on the ") + where;
}

// "a person in the middle", "two people on the left".
std::string counted(const std::string& what, const std::string& where, int count) {
  constexpr const char* kNumbers[] = {"no", "one", "two", "three", "four", "five", "six"};
  std::string text;
  if (what == "something") {
    text = count == 1 ? "something" : kNumbers[std::min(count, 6)] + std::string(" unknown things");
  } else if (count == 1) {
    text = (std::string_view("aeiou").find(what[0]) != std::string_view::npos ? "an " : "a ") + what;
  } else {
    text = kNumbers[std::min(count, 6)] + (" " + plural_of(what));
  }
  return text + place_of(where);
}

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += i + 1 == items.size() ? " and " : ", ";
    text += items[i];
  }
  return text;
}

std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

std::string things(const std::vector<Sighting>& sightings) {
  std::vector<std::pair<std::pair<std::string, std::string>, int>> groups;  // in the order of likelihood
  for (const Sighting& sighting : worth_telling(sightings)) {
    const auto key = std::pair(sighting.what, sighting.where);
    const auto known = std::ranges::find(groups, key, &decltype(groups)::value_type::first);
    if (known != groups.end()) {
      ++known->second;
    } else {
      groups.emplace_back(key, 1);
    }
  }
  std::vector<std::string> items;
  for (const auto& [key, count] : groups) items.push_back(counted(key.first, key.second, count));
  return listed(items);
}

std::vector<std::string> words_in(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((lower >= 'a' && lower <= 'z') || lower == '-') {
      words.back() += lower;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

}  // namespace

std::vector<Sighting> worth_telling(const std::vector<Sighting>& sightings) {
  std::vector<Sighting> told;
  for (const Sighting& sighting : sightings) {
    if (sighting.score < kLikely || sighting.what.empty() || sighting.what == "nothing" ||
        told.size() == kMostTold)
      continue;
    told.push_back(sighting);
    if (sighting.score < kSure) told.back().what = "something";
  }
  return told;
}

std::string sighting_text(const std::vector<Sighting>& sightings) {
  const auto scored = [](float score) {
    char text[16];
    std::snprintf(text, sizeof text, ", %.1f", static_cast<double>(score));
    return std::string(text);
  };
  std::string text;
  for (const Sighting& sighting : worth_telling(sightings)) {
    text += (text.empty() ? "" : "; ") + sighting.what +
            (sighting.where.empty() ? "" : ", " + sighting.where) + scored(sighting.score);
  }
  if (!text.empty()) return text;
  float nothing = 1.0F;
  for (const Sighting& sighting : sightings) {
    nothing = std::min(nothing, sighting.what == "nothing" ? sighting.score : 1.0F - sighting.score);
  }
  return "nothing" + scored(nothing);
}

std::string doubt_text(const std::vector<Sighting>& sightings, const std::vector<Sighting>& likely) {
  const std::vector<Sighting> told = worth_telling(sightings);
  std::string text;
  for (const Sighting& kind : likely) {
    const bool named =
        std::ranges::any_of(told, [&](const Sighting& one) { return one.what.ends_with(kind.what); });
    if (!told.empty() && !named) text += "; perhaps " + kind.what;
  }
  return text;
}

std::string names_of(const std::vector<Sighting>& sightings) {
  std::multiset<std::string> names;
  for (const Sighting& sighting : worth_telling(sightings))
    names.insert(sighting.what + "," + sighting.where);
  std::string text = names.empty() ? "nothing" : "";
  for (const std::string& name : names) text += name + ";";
  return text;
}

std::string picture_state(const std::vector<std::string>& conditions) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 9> kStates{{
      {"picture_absent", "There is no picture."},
      {"picture_black", "The picture is black."},
      {"picture_covered", "The camera is covered."},
      {"picture_frozen", "The picture is frozen."},
      {"picture_garbled", "The picture is garbled."},
      {"picture_blocky", "The picture is blocky."},
      {"picture_noisy", "The picture is noisy."},
      {"picture_blurred", "The picture is blurred."},
      {"picture_overexposed", "The picture is too bright."},
  }};
  for (const auto& [condition, text] : kStates) {
    if (std::ranges::find(conditions, condition) != conditions.end()) return text;
  }
  return {};
}

bool is_blind(const std::vector<std::string>& conditions) {
  return std::ranges::any_of(conditions, [](const std::string& condition) {
    return condition == "picture_absent" || condition == "picture_black" || condition == "picture_covered";
  });
}

std::string sentence_of(const Scene& scene) {
  std::string text = picture_state(scene.conditions);
  if (is_blind(scene.conditions)) return text;
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : " ") + sentence(more); };
  const std::string seen = things(scene.sightings);
  if (!seen.empty()) add(seen);
  if (!scene.moves.empty()) {
    std::string moves;
    for (const std::string& move : scene.moves) moves += (moves.empty() ? "" : "; ") + move;
    add((seen.empty() ? "something moves: " : "moving: ") + moves);
  }
  if (seen.empty() && scene.moves.empty() && text.empty() && scene.view.empty())
    add(scene.has_heads ? "nothing stands out" : "nothing moves");
  for (const std::string& view : scene.view) add(view);
  if (!scene.sounds.empty()) add("there is the sound of " + listed(scene.sounds));
  return text;
}

bool names_unknown(std::string_view text, const std::vector<std::string>& classes,
                   const std::vector<std::string>& facts) {
  std::set<std::string> known;
  for (const std::string& fact : facts) {
    for (const std::string& word : words_in(fact)) known.insert({word, plural_of(word)});
  }
  const std::vector<std::string> said = words_in(text);
  return std::ranges::any_of(classes, [&](const std::string& name) {
    const bool names = std::ranges::any_of(
        said, [&](const std::string& word) { return word == name || word == plural_of(name); });
    return names && !known.contains(name) && !known.contains(plural_of(name));
  });
}

}  // namespace vedette::daemon::narration
