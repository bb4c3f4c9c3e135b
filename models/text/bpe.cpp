#include "models/text/bpe.h"

#include <algorithm>
#include <bit>

namespace vedette::models::text {

namespace {

constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

std::uint64_t pair_of(TokenId left, TokenId right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

std::uint64_t hash_of(std::uint64_t pair) {  // Fibonacci hashing (Knuth, TAOCP 3, 6.4)
  pair ^= pair >> 29;
  return (pair * 0x9E3779B97F4A7C15U) >> 20;
}

// Lowest rank first, then leftmost; std's heap keeps the greatest on top.
bool later(const Bpe::Scratch::Candidate& a, const Bpe::Scratch::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
}

}  // namespace

Bpe::Bpe(const Options& options, std::span<const MergeRule> rules)
    : options_(options),
      table_(std::bit_ceil(std::max<std::size_t>(rules.size() * 2, 2)), Merge{kEmpty, 0, 0}) {
  const std::size_t mask = table_.size() - 1;
  for (std::size_t rank = 0; rank < rules.size(); ++rank) {
    const std::uint64_t pair = pair_of(rules[rank].left, rules[rank].right);
    std::size_t slot = hash_of(pair) & mask;
    while (table_[slot].pair != kEmpty && table_[slot].pair != pair) slot = (slot + 1) & mask;
    table_[slot] = {pair, static_cast<std::int32_t>(rank), rules[rank].merged};
  }
}

const Bpe::Merge* Bpe::find(TokenId left, TokenId right) const {
  const std::uint64_t pair = pair_of(left, right);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t slot = hash_of(pair) & mask; table_[slot].pair != kEmpty; slot = (slot + 1) & mask) {
    if (table_[slot].pair == pair) return &table_[slot];
  }
  return nullptr;
}

void Bpe::load_symbols(std::string_view word, Scratch& scratch) const {
  scratch.symbols.clear();
  bool after_unknown = false;
  for (const char byte : word) {
    TokenId id = options_.byte_ids[static_cast<unsigned char>(byte)];
    const bool unknown = id < 0;
    if (unknown) id = options_.unknown;
    const bool fused = unknown && after_unknown && options_.fuse_unknown;
    after_unknown = unknown;
    if (id < 0 || fused) continue;
    const auto index = static_cast<std::int32_t>(scratch.symbols.size());
    scratch.symbols.push_back({id, index - 1, index + 1});
  }
  if (!scratch.symbols.empty()) scratch.symbols.back().next = -1;
}

// Puts the pair that begins at `position` up for merging, if a rule has it.
void Bpe::offer(Scratch& scratch, std::int32_t position) const {
  if (position < 0) return;
  const auto& symbol = scratch.symbols[static_cast<std::size_t>(position)];
  if (symbol.next < 0) return;
  const Merge* merge = find(symbol.id, scratch.symbols[static_cast<std::size_t>(symbol.next)].id);
  if (merge == nullptr) return;
  scratch.heap.push_back({merge->rank, position, merge->merged});
  std::push_heap(scratch.heap.begin(), scratch.heap.end(), later);
}

void Bpe::encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const {
  load_symbols(word, scratch);
  auto& symbols = scratch.symbols;
  scratch.heap.clear();
  for (std::size_t i = 0; i < symbols.size(); ++i) offer(scratch, static_cast<std::int32_t>(i));
  while (!scratch.heap.empty()) {
    std::pop_heap(scratch.heap.begin(), scratch.heap.end(), later);
    const Scratch::Candidate top = scratch.heap.back();
    scratch.heap.pop_back();
    auto& left = symbols[static_cast<std::size_t>(top.position)];
    if (left.id < 0 || left.next < 0) continue;  // gone, or at the end since
    auto& right = symbols[static_cast<std::size_t>(left.next)];
    const Merge* merge = find(left.id, right.id);
    if (merge == nullptr || merge->merged != top.merged) continue;  // its neighbour has changed since
    left.id = top.merged;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[static_cast<std::size_t>(left.next)].previous = top.position;
    offer(scratch, left.previous);
    offer(scratch, top.position);
  }
  for (const auto& symbol : symbols) {
    if (symbol.id >= 0) out.push_back(symbol.id);
  }
}

}  // namespace vedette::models::text
