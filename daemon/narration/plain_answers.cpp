#include "daemon/narration/plain_answers.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>
#include <span>

#include "daemon/narration/plain_words.h"
#include "daemon/narration/scene.h"

namespace vedette::daemon::narration {

namespace {

using Answer = std::optional<std::string>;

constexpr std::size_t kLongest = 120;  // bytes of a question that may be plain
constexpr std::int64_t kNowMs = 1000;  // what ended so long before the span's end still counts as going on

std::string capital(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

struct Sighted {
  std::string what, where;
};

// What the newest picture shows, back from a fact's "red person, left, 0.8; something, right, 0.5".
std::vector<Sighted> sighted(const std::string& text) {
  std::vector<Sighted> things;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 2));
    const auto first = one.find(", "), second = one.find(", ", first + 2);
    const std::string what(one.substr(0, first));
    if (what == "nothing" || what.empty()) continue;
    const bool placed = first != std::string_view::npos && second != std::string_view::npos;
    things.push_back({what, placed ? std::string(one.substr(first + 2, second - first - 2)) : std::string()});
  }
  return things;
}

// How many things a fact like "one thing, left to right; two things, middle, leaves" has in view: not those
// that leave.
std::size_t moving_things(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kNumbers = {"one ", "two ", "three ", "four "};
  std::size_t count = 0;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), part.size() + 2));
    const auto number = std::ranges::find_if(kNumbers, [&](auto word) { return part.starts_with(word); });
    if (number != kNumbers.end() && !part.ends_with("leaves"))
      count += static_cast<std::size_t>(number - kNumbers.begin()) + 1;
  }
  return count;
}

// "A red person on the left and something on the right."
std::string sentence_of(std::span<const Sighted> things) {
  Scene scene;
  for (const Sighted& one : things) scene.sightings.push_back({one.what, one.where, 1.0F});
  return narration::sentence_of(scene);
}

// The facts of a question's span, sorted for answering.
class Known {
 public:
  explicit Known(const std::vector<Fact>& facts) {
    for (const Fact& fact : facts) {
      switch (fact.kind) {
        case FactKind::kSeen:
          looked_ = true;
          things_ = sighted(fact.text);
          note_doubts();
          break;
        case FactKind::kMoved: (fact.label == "moves" ? moves_ : view_).push_back(fact.text); break;
        case FactKind::kSounded: add(sounds_, fact.text); break;
        case FactKind::kHeard: heard_ += (heard_.empty() ? "" : " ") + fact.text; break;
        case FactKind::kCondition: add(conditions_, fact.label); break;
        case FactKind::kCaption:
        case FactKind::kStatus: break;
      }
    }
    if (looked_ && things_.empty()) see_movers(facts);
  }

  Answer presence(const std::string& word) const;
  Answer count(const std::string& word) const;
  Answer where(const std::string& word) const;
  Answer color(const std::string& word) const;
  Answer things() const;
  Answer state() const;
  Answer moved() const { return moves_.empty() ? "Nothing moved." : capital(moved_text()) + "."; }
  Answer moves() const { return moves_.empty() ? "No. Nothing moved." : "Yes: " + moved_text() + "."; }
  Answer all_right() const;
  Answer wrong() const;
  Answer sounds() const;
  Answer said() const { return heard_.empty() ? "Nothing was heard." : "\"" + heard_ + "\""; }
  Answer speaks() const { return heard_.empty() ? "No." : "Yes."; }

 private:
  static void add(std::vector<std::string>& to, const std::string& text) {
    if (std::ranges::find(to, text) == to.end()) to.push_back(text);
  }
  bool has(std::string_view condition) const {
    return std::ranges::find(conditions_, condition) != conditions_.end();
  }
  // Moves "perhaps person" from things_ to perhaps_: it stands nowhere, and is neither counted nor told as
  // seen.
  void note_doubts();
  // What moves at the span's end is there, though the heads see nothing. Beside what they see it is not
  // counted: a moving thing can be one of those, or two parts of it.
  void see_movers(const std::vector<Fact>& facts);
  // Nothing can be seen, and why; "" when it can.
  std::string blind() const;
  std::vector<Sighted> of(const std::string& kind) const;
  bool is_doubtful(const std::string& kind) const {
    return std::ranges::find(perhaps_, kind) != perhaps_.end();
  }
  std::string moved_text() const;

  bool looked_ = false;  // the model's heads looked at a picture
  std::string heard_;    // all words
  std::vector<Sighted> things_;
  std::vector<std::string> perhaps_;  // kinds that are likely there, but of no thing by name
  std::vector<std::string> moves_, view_, sounds_, conditions_;
};

void Known::note_doubts() {
  static constexpr std::string_view kPerhaps = "perhaps ";
  perhaps_.clear();
  std::erase_if(things_, [&](const Sighted& one) {
    const bool doubt = one.what.starts_with(kPerhaps);
    if (doubt) perhaps_.push_back(one.what.substr(kPerhaps.size()));
    return doubt;
  });
}

void Known::see_movers(const std::vector<Fact>& facts) {
  std::int64_t latest_ms = 0;
  for (const Fact& fact : facts) latest_ms = std::max(latest_ms, fact.t_end_ms);
  std::size_t moving = 0;
  for (const Fact& fact : facts) {
    const bool now = fact.open || fact.t_end_ms + kNowMs >= latest_ms;
    if (fact.kind == FactKind::kMoved && fact.label == "moves" && now) moving = moving_things(fact.text);
  }
  things_.assign(moving, {"something", ""});
}

std::string Known::blind() const {
  return is_blind(conditions_) ? "I cannot tell. " + *state() : std::string();
}

// All things, or those of one kind.
std::vector<Sighted> Known::of(const std::string& kind) const {
  if (kind == "thing") return things_;
  std::vector<Sighted> found;
  std::ranges::copy_if(things_, std::back_inserter(found),
                       [&](const Sighted& one) { return one.what.ends_with(kind); });
  return found;
}

Answer Known::presence(const std::string& word) const {
  const std::string kind = kind_of(word);
  if (kind.empty() || (!looked_ && blind().empty())) return {};
  if (!blind().empty()) return blind();
  if (!of(kind).empty()) return "Yes.";
  return is_doubtful(kind) ? "Probably, yes." : "No.";
}

Answer Known::count(const std::string& word) const {
  static constexpr std::array<const char*, 7> kNumbers = {"None.", "One.",  "Two.", "Three.",
                                                          "Four.", "Five.", "Six."};
  const std::string kind = kind_of(word);
  if (kind.empty() || (!looked_ && blind().empty())) return {};
  if (!blind().empty()) return blind();
  if (of(kind).empty() && is_doubtful(kind)) return "I cannot tell.";
  return kNumbers.at(std::min(of(kind).size(), kNumbers.size() - 1));
}

Answer Known::where(const std::string& word) const {
  const std::string kind = kind_of(word);
  if (kind.empty() || !looked_ || !blind().empty()) return {};
  std::vector<Sighted> found = of(kind);
  const bool named = !found.empty();
  if (!named) found = of("something");
  if (found.empty() && !things_.empty()) {  // named otherwise, and perhaps wrongly
    return "I see no " + kind + ". " + sentence_of({&things_.front(), 1});
  }
  if (found.empty()) return "There is no " + kind + ".";
  const std::string& side = found.front().where;
  if (side.empty()) return "Something moves: " + moved_text() + ".";
  const std::string place = (side == "middle" ? "in the " : "on the ") + side + ".";
  return named ? capital(place) : "Something is " + place;
}

Answer Known::color(const std::string& word) const {
  const std::string kind = kind_of(word);
  if (kind.empty() || !looked_) return {};
  for (const Sighted& one : of(kind)) {
    const auto space = one.what.find(' ');
    if (space != std::string::npos) return capital(one.what.substr(0, space)) + ".";
  }
  return "I cannot tell.";
}

Answer Known::things() const {
  if (!blind().empty()) return state();
  if (!looked_) return {};
  return things_.empty() ? "Nothing." : sentence_of(things_);
}

Answer Known::state() const {
  const std::string text = picture_state(conditions_);
  return text.empty() ? "The picture is all right." : text;
}

Answer Known::all_right() const {
  return (picture_state(conditions_).empty() ? "Yes. " : "No. ") + *state();
}

Answer Known::wrong() const {
  return (picture_state(conditions_).empty() ? "No. " : "Yes. ") + *state();
}

// "one thing, right to left; two things, middle".
std::string Known::moved_text() const {
  std::vector<std::string> told;
  for (const std::string& move : moves_) add(told, move);
  std::string text;
  for (const std::string& move : told) text += (text.empty() ? "" : "; ") + move;
  return text;
}

Answer Known::sounds() const {
  if (sounds_.empty()) return has("sound_silent") ? "None: there is silence." : "No other sound was heard.";
  std::string text;
  for (const std::string& sound : sounds_) text += (text.empty() ? "" : ", ") + sound;
  return capital(text) + ".";
}

struct Pattern {
  std::regex words;
  Answer (*answer)(const Known& known, const std::string& kind);
};

const std::vector<Pattern>& patterns() {
  static const std::string kind = "(?:an? |any |some |the )?(\\w+)";
  static const std::string seen = "(?: there| visible| seen| to be seen| in the picture| in view)";
  const auto words = [](const std::string& text) {
    return std::regex(text, std::regex::ECMAScript | std::regex::optimize);
  };
  static const std::vector<Pattern> all = {
      {words("how many (\\w+)(?: are| is| can you see| do you see)?" + seen + "?"),
       [](const Known& known, const std::string& word) { return known.count(word); }},
      {words("(?:is it true that )?(?:is|are|there is|is there|there are|are there) " + kind + seen + "?"),
       [](const Known& known, const std::string& word) { return known.presence(word); }},
      {words("(?:can|do) you see " + kind + seen + "?"),
       [](const Known& known, const std::string& word) { return known.presence(word); }},
      {words("is it true that " + kind + " (?:is|are)" + seen),
       [](const Known& known, const std::string& word) { return known.presence(word); }},
      {words("where (?:is|are) " + kind + "|on (?:which|what) side is the (\\w+)"),
       [](const Known& known, const std::string& word) { return known.where(word); }},
      {words("(?:what|which) colou?r (?:is|has) " + kind),
       [](const Known& known, const std::string& word) { return known.color(word); }},
      {words("what (?:is|can you see|do you see)" + seen + "?|what things are there"),
       [](const Known& known, const std::string&) { return known.things(); }},
      {words("how (?:is|does) the picture(?: look)?|what is wrong with the picture"),
       [](const Known& known, const std::string&) { return known.state(); }},
      {words("is anything wrong with the picture"),
       [](const Known& known, const std::string&) { return known.wrong(); }},
      {words("is the picture (?:all right|clear|good|fine|ok)"),
       [](const Known& known, const std::string&) { return known.all_right(); }},
      {words("what (?:moved|moves|is moving)|which way (?:did|does) (?:it|something|the \\w+) (?:move|go)"),
       [](const Known& known, const std::string&) { return known.moved(); }},
      {words("(?:did|does|is|is it true that) (?:anything|something)(?: is)? (?:moves?|moving|moved)|is it "
             "true that there is "
             "(?:motion|movement)"),
       [](const Known& known, const std::string&) { return known.moves(); }},
      {words("(?:which|what) (?:other )?sounds? (?:(?:are|were|is|was) (?:there|heard)|did you hear)|was "
             "there any other sound"),
       [](const Known& known, const std::string&) { return known.sounds(); }},
      {words("what (?:was|is) said|what did (?:they|he|she|somebody) say|which words were spoken"),
       [](const Known& known, const std::string&) { return known.said(); }},
      {words("(?:does|did|is|is it true that) (?:anybody|somebody|anyone|someone)(?: is)? "
             "(?:speaks?|speaking|talks?|talking)|is it "
             "true that there is speech"),
       [](const Known& known, const std::string&) { return known.speaks(); }},
  };
  return all;
}

}  // namespace

Answer plain_answer(std::string_view question, const std::vector<Fact>& facts) {
  if (question.size() > kLongest) return {};
  const std::string words = plain_words(question);
  std::optional<Known> known;
  for (const Pattern& pattern : patterns()) {
    std::smatch match;
    if (!std::regex_match(words, match, pattern.words)) continue;
    if (!known) known.emplace(facts);
    std::string kind;
    for (std::size_t i = 1; i < match.size() && kind.empty(); ++i) kind = match[i].str();
    if (Answer answer = pattern.answer(*known, kind)) return answer;
  }
  return {};
}

}  // namespace vedette::daemon::narration
