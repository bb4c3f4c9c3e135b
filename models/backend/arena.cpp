#include "models/backend/arena.h"

#include <algorithm>
#include <cassert>

#include "models/backend/backend.h"

namespace vedette::models::backend {

namespace {
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kSmallestBlock = std::size_t{1} << 20;
}  // namespace

std::byte* Arena::take(std::size_t bytes) {
  assert(depth_ > 0);
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (top_.block < blocks_.size() && top_.used + rounded > blocks_[top_.block].view().bytes()) {
    top_ = {top_.block + 1, 0};
  }
  if (top_.block == blocks_.size()) add_block(std::max({rounded, capacity_bytes(), kSmallestBlock}));
  auto* memory = static_cast<std::byte*>(blocks_[top_.block].view().data()) + top_.used;
  top_.used += rounded;
  return memory;
}

std::size_t Arena::capacity_bytes() const {
  std::size_t total = 0;
  for (const auto& block : blocks_) total += block.view().bytes();
  return total;
}

void Arena::add_block(std::size_t bytes) {
  blocks_.push_back(backend_.allocate(tensor::DType::kU8, {static_cast<std::int64_t>(bytes)}));
  ++growths_;
}

void Arena::release(Mark mark) {
  top_ = mark;
  if (depth_ == 0 && blocks_.size() > 1) {
    const std::size_t total = capacity_bytes();
    blocks_.clear();
    top_ = {};
    add_block(total);
  }
}

}  // namespace vedette::models::backend
