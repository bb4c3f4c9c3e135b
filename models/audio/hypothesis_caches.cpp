#include "models/audio/hypothesis_caches.h"

#include <utility>

namespace vedette::models::audio {

HypothesisCaches::HypothesisCaches(layers::KvPool& pool, int hypotheses, std::int64_t most_tokens) {
  for (int i = 0; i < hypotheses; ++i) {
    caches_.push_back(pool.make_sequence(most_tokens));
    spare_.push_back(pool.make_sequence(most_tokens));
  }
}

void HypothesisCaches::keep_first() {
  for (std::size_t i = 1; i < caches_.size(); ++i) caches_[i].drop_to(0);
}

void HypothesisCaches::follow(std::span<const TokenSearch::Live> live) {
  const auto parent = [&](std::size_t i) { return static_cast<std::size_t>(live[i].parent); };
  bool in_place = true;
  for (std::size_t i = 0; i < live.size(); ++i) in_place = in_place && parent(i) == i;
  if (in_place) return;
  const auto wanted = [&](std::size_t cache, std::size_t from) {
    for (std::size_t i = from; i < live.size(); ++i) {
      if (parent(i) == cache) return true;
    }
    return false;
  };
  for (std::size_t cache = 0; cache < caches_.size(); ++cache) {
    if (!wanted(cache, 0)) caches_[cache].drop_to(0);
  }
  for (std::size_t i = 0; i < live.size(); ++i) {
    if (wanted(parent(i), i + 1)) {
      spare_[i] = caches_[parent(i)].fork();
    } else {
      std::swap(spare_[i], caches_[parent(i)]);
    }
  }
  std::swap(caches_, spare_);
  for (layers::KvSequence& sequence : spare_) sequence.drop_to(0);
}

}  // namespace vedette::models::audio
