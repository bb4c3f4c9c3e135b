#include "daemon/ledger/coverage.h"

#include <string_view>

namespace vedette::daemon::ledger {

namespace {

constexpr std::string_view kLetters = "sagxnepd";  // by Coverage
static_assert(kLetters.size() == kCoverageStates);

}  // namespace

const char* to_string(Coverage state) {
  switch (state) {
    case Coverage::kStarting: return "starting";
    case Coverage::kAnalysed: return "analysed";
    case Coverage::kGated: return "gated";
    case Coverage::kShed: return "shed";
    case Coverage::kNoSignal: return "no_signal";
    case Coverage::kDecodeError: return "decode_error";
    case Coverage::kPaused: return "paused";
    case Coverage::kDown: return "down";
  }
  return "down";
}

char letter_of(Coverage state) {
  return kLetters[static_cast<std::size_t>(state)];
}

Coverage coverage_of_letter(char letter) {
  const std::size_t at = kLetters.find(letter);
  return at != kLetters.npos ? static_cast<Coverage>(at) : Coverage::kDown;
}

const char* to_string(Modality modality) {
  return modality == Modality::kAudio ? "audio" : "video";
}

}  // namespace vedette::daemon::ledger
