#include "models/layers/kv_pool.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace vedette::models::layers {

namespace {

std::int64_t pages_for(std::int64_t tokens, std::int64_t page_tokens) {
  return (tokens + page_tokens - 1) / page_tokens;
}

}  // namespace

KvPool::KvPool(backend::Backend& backend, const backend::KvLayout& layout, std::size_t bytes)
    : backend_(backend), layout_(layout) {
  const std::size_t pages = std::max<std::size_t>(1, bytes / layout.page_bytes());
  memory_ = backend.allocate_zeroed(pages * layout.page_bytes());
  users_.resize(pages);
  free_.reserve(pages);
  auto* first = static_cast<std::byte*>(memory_.view().data());
  for (std::size_t i = pages; i-- > 0;)
    free_.push_back(first + i * layout.page_bytes());  // low pages go first
}

KvPool::~KvPool() = default;

std::int64_t KvPool::free_pages() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::int64_t>(free_.size());
}

KvSequence KvPool::make_sequence(std::int64_t longest) {
  return {*this, longest};
}

std::size_t KvPool::index_of(std::byte* page) const {
  return static_cast<std::size_t>(page - static_cast<std::byte*>(memory_.view().data())) /
         layout_.page_bytes();
}

bool KvPool::take(std::int64_t count, std::vector<std::byte*>& table) {
  const std::lock_guard lock(mutex_);
  if (count > static_cast<std::int64_t>(free_.size())) return false;
  for (std::int64_t i = 0; i < count; ++i) {
    table.push_back(free_.back());
    users_[index_of(free_.back())] = 1;
    free_.pop_back();
  }
  return true;
}

void KvPool::give_back(std::span<std::byte* const> pages) {
  const std::lock_guard lock(mutex_);
  for (std::byte* page : pages) {
    if (--users_[index_of(page)] == 0) free_.push_back(page);
  }
}

void KvPool::share(std::span<std::byte* const> pages) {
  const std::lock_guard lock(mutex_);
  for (std::byte* page : pages) ++users_[index_of(page)];
}

bool KvPool::shared(std::byte* page) const {
  const std::lock_guard lock(mutex_);
  return users_[index_of(page)] > 1;
}

void KvPool::copy_page(std::byte* from, std::byte* to) {
  const tensor::Shape shape{static_cast<std::int64_t>(layout_.page_bytes())};
  const tensor::Device device = memory_.device();
  backend_.copy({from, tensor::DType::kU8, shape, device}, {to, tensor::DType::kU8, shape, device});
}

KvSequence::KvSequence(KvPool& pool, std::int64_t longest) : pool_(&pool), longest_(longest) {
  table_.reserve(static_cast<std::size_t>(pages_for(longest, pool.layout().page_tokens) + 1));
}

KvSequence::KvSequence(KvSequence&& other) noexcept
    : pool_(other.pool_),
      longest_(other.longest_),
      tokens_(std::exchange(other.tokens_, 0)),
      table_(std::exchange(other.table_, {})) {}

KvSequence& KvSequence::operator=(KvSequence&& other) noexcept {
  if (this == &other) return *this;
  pool_->give_back(table_);
  pool_ = other.pool_;
  longest_ = other.longest_;
  tokens_ = std::exchange(other.tokens_, 0);
  table_ = std::exchange(other.table_, {});
  return *this;
}

KvSequence::~KvSequence() {
  pool_->give_back(table_);
}

bool KvSequence::reserve(std::int64_t count) {
  if (count < 0 || count > longest_ - tokens_) return false;
  const std::int64_t page_tokens = pool_->layout().page_tokens;
  const std::int64_t missing =
      pages_for(tokens_ + count, page_tokens) - static_cast<std::int64_t>(table_.size());
  // The unfinished page may be one that others read too: write into a copy of it.
  if (tokens_ % page_tokens != 0 && count > 0) {
    const auto last = static_cast<std::size_t>(tokens_ / page_tokens);
    if (pool_->shared(table_[last]) && std::max<std::int64_t>(missing, 0) + 1 > pool_->free_pages())
      return false;
    if (!own(std::span(table_).subspan(last, 1))) return false;
  }
  return missing <= 0 || pool_->take(missing, table_);
}

// Puts copies in the place of those pages that others hold too. False, with nothing changed, when the pool
// has too few.
bool KvSequence::own(std::span<std::byte*> pages) {
  const auto shared =
      std::count_if(pages.begin(), pages.end(), [&](std::byte* page) { return pool_->shared(page); });
  std::vector<std::byte*> copies;
  if (shared == 0) return true;
  if (!pool_->take(shared, copies)) return false;
  for (std::byte*& page : pages) {
    if (!pool_->shared(page)) continue;
    pool_->copy_page(page, copies.back());
    pool_->give_back(std::span(&page, 1));
    page = copies.back();
    copies.pop_back();
  }
  pool_->give_back(copies);  // of pages that the others have let go meanwhile
  return true;
}

void KvSequence::append(std::int64_t count) {
  const auto room = static_cast<std::int64_t>(table_.size()) * pool_->layout().page_tokens;
  if (count < 0 || tokens_ + count > room) {
    throw std::invalid_argument("KV sequence: " + std::to_string(tokens_ + count) + " tokens in room for " +
                                std::to_string(room));
  }
  tokens_ += count;
}

void KvSequence::drop_to(std::int64_t tokens) {
  if (tokens < 0 || tokens > tokens_) {
    throw std::invalid_argument("KV sequence: cannot drop to " + std::to_string(tokens) + " of " +
                                std::to_string(tokens_) + " tokens");
  }
  tokens_ = tokens;
  const auto kept = static_cast<std::size_t>(pages_for(tokens, pool_->layout().page_tokens));
  if (kept < table_.size()) {
    pool_->give_back(std::span(table_).subspan(kept));
    table_.resize(kept);
  }
}

KvSequence KvSequence::fork(std::int64_t longest) const {
  KvSequence copy = pool_->make_sequence(longest);
  const auto used = static_cast<std::size_t>(pages_for(tokens_, pool_->layout().page_tokens));
  pool_->share(std::span(table_).first(used));
  copy.table_.assign(table_.begin(), table_.begin() + static_cast<std::ptrdiff_t>(used));
  copy.tokens_ = tokens_;
  return copy;
}

bool KvSequence::evict(backend::ComputeContext& context, const ops::RopeFrequencies& rope, std::int64_t first,
                       std::int64_t count) {
  const std::int64_t page_tokens = pool_->layout().page_tokens;
  if (first < 0 || count < 0 || first % page_tokens != 0 || count % page_tokens != 0 ||
      first + count > tokens_) {
    throw std::invalid_argument("KV sequence: cannot evict " + std::to_string(count) + " tokens from " +
                                std::to_string(first) + " of " + std::to_string(tokens_));
  }
  if (count == 0) return true;
  const auto used = static_cast<std::size_t>(pages_for(tokens_, page_tokens));
  const auto begin = static_cast<std::size_t>(first / page_tokens);
  const auto end = static_cast<std::size_t>((first + count) / page_tokens);
  const auto behind = std::span(table_).subspan(end, used - end);
  if (!own(behind)) return false;
  ops::shift_keys(context, rope, pool_->layout(), behind, -count);
  pool_->give_back(std::span(table_).subspan(begin, end - begin));
  table_.erase(table_.begin() + static_cast<std::ptrdiff_t>(begin),
               table_.begin() + static_cast<std::ptrdiff_t>(end));
  tokens_ -= count;
  return true;
}

}  // namespace vedette::models::layers
