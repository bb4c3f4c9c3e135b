#include "models/layers/kv_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <stdexcept>

#include "models/backend/cpu/cpu_backend.h"

namespace vedette::models::layers {
namespace {

class KvPoolTest : public testing::Test {
 protected:
  std::unique_ptr<backend::Backend> backend_ = backend::cpu::make_cpu_backend();
  backend::KvLayout layout_ = backend_->kv_layout(2, 3, 16, tensor::DType::kF32);
  KvPool pool_{*backend_, layout_, 4 * layout_.page_bytes() + 1};
  const std::int64_t page_ = layout_.page_tokens;
};

TEST_F(KvPoolTest, IsAsManyWholePagesAsFit) {
  EXPECT_EQ(pool_.pages(), 4);
  EXPECT_EQ(pool_.token_capacity(), 4 * page_);
  EXPECT_EQ(KvPool(*backend_, layout_, 1).pages(), 1);
}

TEST_F(KvPoolTest, PagesComeZeroedAlignedAndApart) {
  auto sequence = pool_.make_sequence(4 * page_);
  ASSERT_TRUE(sequence.reserve(4 * page_));
  std::set<std::byte*> pages(sequence.pages().begin(), sequence.pages().end());
  ASSERT_EQ(pages.size(), 4U);
  std::byte* before = nullptr;
  for (std::byte* page : pages) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(page) % 64, 0U);
    if (before != nullptr) {
      EXPECT_GE(page - before, static_cast<std::ptrdiff_t>(layout_.page_bytes()));
    }
    for (std::size_t i = 0; i < layout_.page_bytes(); ++i) ASSERT_EQ(page[i], std::byte{0});
    before = page;
  }
}

TEST_F(KvPoolTest, ReservesWholePagesAndRefusesWhatIsNotThere) {
  auto a = pool_.make_sequence(100 * page_), b = pool_.make_sequence(2 * page_);
  ASSERT_TRUE(a.reserve(1));
  EXPECT_EQ(a.pages().size(), 1U);
  EXPECT_EQ(a.tokens(), 0);
  ASSERT_TRUE(a.reserve(page_));
  EXPECT_EQ(a.pages().size(), 1U);
  a.append(page_);
  ASSERT_TRUE(a.reserve(1));
  EXPECT_EQ(a.pages().size(), 2U);
  EXPECT_FALSE(b.reserve(2 * page_ + 1)) << "longer than it may become";
  EXPECT_TRUE(b.reserve(page_));
  EXPECT_FALSE(a.reserve(2 * page_ + 1)) << "more than is free";
  EXPECT_EQ(pool_.free_pages(), 1) << "a refusal takes nothing";
  EXPECT_FALSE(a.reserve(-1));
  EXPECT_THROW(a.append(page_ + 1), std::invalid_argument);
}

TEST_F(KvPoolTest, DroppedPagesAndSequencesGoBack) {
  {
    auto a = pool_.make_sequence(4 * page_);
    ASSERT_TRUE(a.reserve(3 * page_));
    a.append(3 * page_);
    a.drop_to(page_ + 1);
    EXPECT_EQ(a.pages().size(), 2U);
    EXPECT_EQ(pool_.free_pages(), 2);
    a.drop_to(page_);
    EXPECT_EQ(pool_.free_pages(), 3);
    EXPECT_THROW(a.drop_to(page_ + 1), std::invalid_argument);
    auto moved = std::move(a);
    EXPECT_EQ(moved.tokens(), page_);
    moved = pool_.make_sequence(page_);
    EXPECT_EQ(pool_.free_pages(), 4);
    ASSERT_TRUE(moved.reserve(1));
  }
  EXPECT_EQ(pool_.free_pages(), 4);
}

TEST_F(KvPoolTest, ForksSharePagesUntilOneWrites) {
  auto a = pool_.make_sequence(4 * page_);
  ASSERT_TRUE(a.reserve(page_ + 2));
  a.append(page_ + 2);
  std::memset(a.pages()[1], 7, layout_.page_bytes());
  {
    auto b = a.fork(2 * page_);
    EXPECT_EQ(b.tokens(), page_ + 2);
    EXPECT_EQ(b.longest(), 2 * page_);
    EXPECT_EQ(b.pages()[1], a.pages()[1]);
    EXPECT_EQ(pool_.free_pages(), 2);
    ASSERT_TRUE(b.reserve(1));
    EXPECT_EQ(b.pages()[0], a.pages()[0]);
    EXPECT_NE(b.pages()[1], a.pages()[1]);
    EXPECT_EQ(std::memcmp(b.pages()[1], a.pages()[1], layout_.page_bytes()), 0);
    EXPECT_EQ(pool_.free_pages(), 1);
    // The one that is left alone with a page writes into it.
    std::byte* const last = a.pages()[1];
    ASSERT_TRUE(a.reserve(1));
    EXPECT_EQ(a.pages()[1], last);
    b.drop_to(5);
    ASSERT_TRUE(b.reserve(1));
    EXPECT_NE(b.pages()[0], a.pages()[0]);
  }
  EXPECT_EQ(pool_.free_pages(), 2);
  auto rest = pool_.make_sequence(2 * page_);
  ASSERT_TRUE(rest.reserve(2 * page_));
  auto c = a.fork();
  EXPECT_FALSE(c.reserve(1)) << "no page for the copy";
  EXPECT_EQ(pool_.free_pages(), 0);
}

TEST_F(KvPoolTest, EvictingGivesPagesBackAndCopiesWhatOthersHold) {
  backend::WorkerPool workers(2);
  backend::ComputeContext context(*backend_, workers, tensor::DType::kF32);
  ops::RopeFrequencies rope;
  for (int i = 0; i < 8; ++i) {
    rope.rate.push_back(1.0F / static_cast<float>(1 + i));
    rope.axis.push_back(0);
  }
  auto a = pool_.make_sequence(4 * page_);
  ASSERT_TRUE(a.reserve(3 * page_ + 1));
  a.append(2 * page_ + 1);
  const std::vector<std::byte*> before(a.pages().begin(), a.pages().end());
  EXPECT_THROW(a.evict(context, rope, 1, page_), std::invalid_argument);
  EXPECT_THROW(a.evict(context, rope, page_, page_ + 1), std::invalid_argument);
  EXPECT_THROW(a.evict(context, rope, page_, 2 * page_), std::invalid_argument);
  {
    auto b = a.fork();
    EXPECT_FALSE(a.evict(context, rope, page_, page_)) << "no page for a copy of the last one";
    EXPECT_EQ(a.tokens(), 2 * page_ + 1);
  }
  ASSERT_TRUE(a.evict(context, rope, page_, page_));
  EXPECT_EQ(a.tokens(), page_ + 1);
  EXPECT_EQ(std::vector<std::byte*>(a.pages().begin(), a.pages().end()),
            (std::vector<std::byte*>{before[0], before[2], before[3]}));
  EXPECT_EQ(pool_.free_pages(), 1);
  {
    auto b = a.fork();
    ASSERT_TRUE(a.evict(context, rope, 0, page_)) << "the only page left is for the copy";
    EXPECT_NE(a.pages()[0], b.pages()[1]);
    EXPECT_EQ(b.tokens(), page_ + 1);
  }
}

}  // namespace
}  // namespace vedette::models::layers
