#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/tensor/tensor.h"

namespace vedette::models::backend {

class Backend;

// Scratch memory of one context, on its device, handed out upwards and given back by scope. It grows at first
// use only: when the outermost scope ends, what was grown is joined into one block, so a second run of the
// same shapes allocates nothing. Not thread-safe.
class Arena {
 public:
  explicit Arena(Backend& backend) : backend_(backend) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialised memory, 64-byte aligned, valid until the scope in which it was taken ends. Requires: inside
  // a scope.
  std::byte* take(std::size_t bytes);

  std::uint64_t growths() const { return growths_; }  // blocks allocated so far
  std::size_t capacity_bytes() const;

 private:
  friend class ScratchScope;
  struct Mark {
    std::size_t block = 0, used = 0;
  };
  void release(Mark mark);
  void add_block(std::size_t bytes);

  Backend& backend_;
  std::vector<tensor::Tensor> blocks_;
  Mark top_;
  int depth_ = 0;
  std::uint64_t growths_ = 0;
};

// Gives back, at its end, what was taken from the arena since its beginning. Scopes nest.
class ScratchScope {
 public:
  explicit ScratchScope(Arena& arena) : arena_(arena), mark_(arena.top_) { ++arena_.depth_; }
  ~ScratchScope() {
    --arena_.depth_;
    arena_.release(mark_);
  }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace vedette::models::backend
