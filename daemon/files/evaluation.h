#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/files/captioner.h"
#include "daemon/files/manifest.h"
#include "daemon/narration/answers.h"
#include "daemon/narration/sight_parts.h"
#include "models/runtime/runtime.h"

namespace vedette::daemon::files {

struct EvalResult {
  const EvalItem* item = nullptr;
  std::string answer;
  bool right = false;
  std::string error;  // why there is no answer; "" when there is one
};

struct EvalOptions {
  Control control = Control::kNone;
  bool swap = false;  // each question is asked of the manifest's next file
  double video_rate_hz = 1.0;
};

// Asks the questions of a manifest about its files, through the whole road: each file is read, sampled,
// encoded and narrated as `vedette caption` does, from half a minute before the stretch that is asked about
// to its end; then the language model answers. Runtime and parts must outlive it.
class Evaluation {
 public:
  Evaluation(models::runtime::Runtime& runtime, const narration::SightParts& parts,
             const EvalOptions& options);

  // Gives a result for each item, those of one stretch of one file together. A file that cannot be read gives
  // results with an error.
  void run(const std::vector<EvalItem>& items, const std::function<void(const EvalResult&)>& give);

 private:
  void view(const std::vector<const EvalItem*>& items, const std::filesystem::path& file,
            const std::function<void(const EvalResult&)>& give);
  EvalResult ask(const EvalItem& item, std::chrono::milliseconds since,
                 narration::StreamNarration& narration);

  models::runtime::Runtime& runtime_;
  const narration::SightParts& parts_;
  const EvalOptions options_;
  narration::Answers answers_;
};

}  // namespace vedette::daemon::files
