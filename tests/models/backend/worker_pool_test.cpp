#include "models/backend/worker_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <stdexcept>

namespace vedette::models::backend {
namespace {

// Each element is visited once, whatever the grain.
void expect_covered(WorkerPool& pool, std::int64_t count, std::int64_t grain) {
  std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
  pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    EXPECT_LE(end - begin, grain);
    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  for (const auto& visit : visits) ASSERT_EQ(visit.load(), 1) << count << " by " << grain;
}

TEST(WorkerPool, CoversEveryElementOnce) {
  for (const int threads : {1, 2, 5}) {
    WorkerPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::int64_t count : {0, 1, 7, 64, 1000}) {
      for (const std::int64_t grain : {1, 3, 64, 5000}) expect_covered(pool, count, grain);
    }
  }
}

TEST(WorkerPool, WorkersTakePart) {
  WorkerPool pool(2);
  std::atomic<int> inside{0};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  // Two chunks that each wait for the other: ends only if two threads are inside at once.
  pool.parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
    ++inside;
    while (inside.load() < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  });
  EXPECT_EQ(inside.load(), 2);
}

TEST(WorkerPool, ServesSeveralCallersAndNestedOnes) {
  WorkerPool pool(3);
  std::atomic<std::int64_t> sum{0};
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        pool.parallel_for(8, 1, [&](std::int64_t outer, std::int64_t) {
          pool.parallel_for(4, 1, [&](std::int64_t inner, std::int64_t) { sum += outer * 4 + inner; });
        });
      }
    });
  }
  callers.clear();
  EXPECT_EQ(sum.load(), 4 * 200 * (31 * 32 / 2));
}

TEST(WorkerPool, GivesTheCallerWhatABodyThrows) {
  WorkerPool pool(2);
  std::atomic<int> chunks{0};
  EXPECT_THROW(pool.parallel_for(50, 1,
                                 [&](std::int64_t begin, std::int64_t) {
                                   ++chunks;
                                   if (begin == 20) throw std::runtime_error("chunk 20");
                                 }),
               std::runtime_error);
  EXPECT_EQ(chunks.load(), 50) << "the other chunks still ran";
  expect_covered(pool, 100, 1);
}

TEST(WorkerPool, WakesWorkersThatSleep) {
  WorkerPool pool(2);
  for (int round = 0; round < 20; ++round) {
    expect_covered(pool, 64, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // longer than workers spin
  }
}

}  // namespace
}  // namespace vedette::models::backend
