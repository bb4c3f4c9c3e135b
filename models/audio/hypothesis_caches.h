#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/audio/token_search.h"
#include "models/layers/kv_pool.h"

namespace vedette::models::audio {

// Keys and values of the hypotheses of one search, one sequence each. Not thread-safe; borrows the pool.
class HypothesisCaches {
 public:
  HypothesisCaches(layers::KvPool& pool, int hypotheses, std::int64_t most_tokens);

  layers::KvSequence& operator[](std::size_t hypothesis) { return caches_[hypothesis]; }
  // Empties all but the first.
  void keep_first();
  // Gives every live hypothesis the sequence of the one it goes on from; the last to go on from one takes it
  // over, the others fork it.
  void follow(std::span<const TokenSearch::Live> live);

 private:
  std::vector<layers::KvSequence> caches_, spare_;
};

}  // namespace vedette::models::audio
