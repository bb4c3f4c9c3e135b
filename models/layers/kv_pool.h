#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "models/backend/context.h"
#include "models/ops/rope.h"

namespace vedette::models::layers {

class KvSequence;

// Pages of keys and values for all sequences of one model, sized at load. Memory becomes resident when a page
// is first used. Thread-safe; must outlive its sequences.
class KvPool {
 public:
  // As many whole pages as fit in `bytes`, at least one.
  KvPool(backend::Backend& backend, const backend::KvLayout& layout, std::size_t bytes);
  ~KvPool();
  KvPool(const KvPool&) = delete;
  KvPool& operator=(const KvPool&) = delete;

  const backend::KvLayout& layout() const { return layout_; }
  std::int64_t pages() const { return static_cast<std::int64_t>(users_.size()); }
  std::int64_t free_pages() const;
  // Tokens that fit when nothing is in use.
  std::int64_t token_capacity() const { return pages() * layout_.page_tokens; }

  // An empty sequence for at most `longest` tokens; nothing of it is reserved but its page table.
  KvSequence make_sequence(std::int64_t longest);

 private:
  friend class KvSequence;
  // Appends `count` pages to the table, or nothing and false when there are fewer.
  bool take(std::int64_t count, std::vector<std::byte*>& table);
  void give_back(std::span<std::byte* const> pages);
  void share(std::span<std::byte* const> pages);
  bool shared(std::byte* page) const;
  void copy_page(std::byte* from, std::byte* to);
  std::size_t index_of(std::byte* page) const;

  backend::Backend& backend_;
  const backend::KvLayout layout_;
  tensor::Tensor memory_;
  mutable std::mutex mutex_;
  std::vector<std::byte*> free_;
  std::vector<std::uint32_t> users_;  // sequences that hold each page; 0: free
};

// The keys and values of one sequence: its tokens so far and the pages that hold them. Move-only; gives its
// pages back when it goes. Belongs to one thread at a time.
class KvSequence {
 public:
  KvSequence(KvSequence&& other) noexcept;
  KvSequence& operator=(KvSequence&& other) noexcept;
  ~KvSequence();

  std::int64_t tokens() const { return tokens_; }
  std::int64_t longest() const { return longest_; }
  std::span<std::byte* const> pages() const { return table_; }

  // Makes room for `count` more tokens. False, with nothing taken, when the pool has too few free pages or
  // the sequence would be longer than `longest`. Does not allocate, but where it copies a shared page.
  bool reserve(std::int64_t count);
  // Counts tokens whose keys and values have been stored. Throws: std::invalid_argument when they were not
  // reserved.
  void append(std::int64_t count);
  // Forgets all but the first `tokens` and gives the pages behind them back.
  // Throws: std::invalid_argument when there are fewer.
  void drop_to(std::int64_t tokens);
  // A second sequence with the same tokens, for at most `longest`. All pages are shared; whoever reserves
  // first gets a copy of the unfinished one.
  KvSequence fork(std::int64_t longest) const;
  KvSequence fork() const { return fork(longest_); }
  // Forgets tokens [first, first + count) and moves those behind them up: their keys, cached after RoPE, are
  // rotated to the positions that they then have, in copies where others share the pages. False, with nothing
  // changed, when the pool has too few free pages for the copies. Throws: std::invalid_argument unless both
  // are whole pages of tokens that are there.
  bool evict(backend::ComputeContext& context, const ops::RopeFrequencies& rope, std::int64_t first,
             std::int64_t count);

 private:
  friend class KvPool;
  KvSequence(KvPool& pool, std::int64_t longest);
  bool own(std::span<std::byte*> pages);

  KvPool* pool_;
  std::int64_t longest_;
  std::int64_t tokens_ = 0;
  std::vector<std::byte*> table_;
};

}  // namespace vedette::models::layers
