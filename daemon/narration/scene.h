#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/runtime/image_encoding.h"

namespace vedette::daemon::narration {

// What the measured facts say of one moment.
struct Scene {
  std::vector<models::runtime::Sighting> sightings;  // of the newest picture
  bool has_heads = false;                            // the model has heads: no sightings mean nothing there
  std::vector<std::string> moves;                    // what moves now: "one thing, right to left, enters"
  std::vector<std::string> view;                     // what the whole picture does: "the camera shakes"
  std::vector<std::string> sounds;                   // what sounds now: "dog"
  std::vector<std::string> conditions;               // open ones: "picture_black"
};

// A sentence that says no more than was measured: things by name where their heads are sure, "something"
// where they are not.
std::string sentence_of(const Scene& scene);

// "The picture is blurred." of the gravest of these conditions; "" where none is of the picture.
std::string picture_state(const std::vector<std::string>& conditions);
// Whether nothing can be seen under these conditions.
bool is_blind(const std::vector<std::string>& conditions);

// The sightings that are told: by name where they are sure, as "something" where they are only likely; at
// most a few.
std::vector<models::runtime::Sighting> worth_telling(const std::vector<models::runtime::Sighting>& sightings);
// These as the timeline shows them: "person, middle, 0.8; vehicle, left, 0.7"; "nothing, 0.9".
std::string sighting_text(const std::vector<models::runtime::Sighting>& sightings);
// Kinds that are likely in the picture and not told by name: "; perhaps person". Nothing where nothing is
// told.
std::string doubt_text(const std::vector<models::runtime::Sighting>& sightings,
                       const std::vector<models::runtime::Sighting>& likely);
// Sightings without scores: what makes two tellings equal.
std::string names_of(const std::vector<models::runtime::Sighting>& sightings);

// Whether the text has a word of `classes` that none of the facts has, in singular or plural.
bool names_unknown(std::string_view text, const std::vector<std::string>& classes,
                   const std::vector<std::string>& facts);

}  // namespace vedette::daemon::narration
