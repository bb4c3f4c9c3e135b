#include "models/backend/cpu/kernels/attention.h"

#include <cstring>

#include "tests/models/backend/cpu/kernels/kernel_test.h"

namespace vedette::models::backend::cpu::kernels {
namespace {

using AttentionTest = KernelTest;
VEDETTE_KERNEL_TESTS(AttentionTest);

struct Case {
  std::int64_t head_dim, keys, tokens, group, first_visible;
};
constexpr Case kCases[] = {
    {64, 1500, 1, 1, 1500},  // cross-attention, one token
    {64, 150, 150, 1, 150},  // an encoder's window
    {64, 40, 1, 3, 40},      // one step of a decoder with grouped heads
    {16, 33, 33, 3, 1},      // a causal prompt
    {80, 200, 60, 4, 141},   // a causal chunk after 140 tokens
    {1, 1, 1, 1, 1},        {256, 65, 5, 2, 61}, {40, 97, 97, 1, 1},
};

class Pages {
 public:
  Pages(KvFormat format, std::int64_t head_dim, std::int64_t keys, const std::vector<float>& k,
        const std::vector<float>& v)
      : memory_((keys + kPageTokens - 1) / kPageTokens * kv_page_bytes(format, head_dim)) {
    for (std::int64_t token = 0; token < keys; token += kPageTokens) {
      auto* page =
          static_cast<std::byte*>(memory_.data()) + token / kPageTokens * kv_page_bytes(format, head_dim);
      pages_.push_back(page);
      // In two pieces, as a stream's tokens come.
      const std::int64_t count = std::min(kPageTokens, keys - token), some = count / 3;
      kv_store(format, page, head_dim, 0, some, &k[token * head_dim], head_dim, &v[token * head_dim],
               head_dim);
      const std::int64_t at = (token + some) * head_dim;
      kv_store(format, page, head_dim, some, count - some, &k[at], head_dim, &v[at], head_dim);
    }
  }
  const void* const* data() const { return pages_.data(); }

 private:
  Scratch memory_;
  std::vector<const void*> pages_;
};

// Softmax of the scaled scores of one row, in f64.
std::vector<double> weights_of(const Case& c, const float* q, const std::vector<float>& k,
                               std::int64_t visible) {
  std::vector<double> weights(static_cast<std::size_t>(c.keys), 0.0);
  double sum = 0;
  for (std::int64_t key = 0; key < visible; ++key) {
    double score = 0;
    for (std::int64_t i = 0; i < c.head_dim; ++i)
      score += static_cast<double>(q[i]) * k[key * c.head_dim + i];
    sum += weights[key] = std::exp(score * 0.2);
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

TEST_P(AttentionTest, EqualsTheDefinition) {
  for (const KvFormat format : {KvFormat::kF32, KvFormat::kBF16}) {
    for (const Case& c : kCases) {
      const std::int64_t width = c.group * c.head_dim, ldq = width + 4;
      const auto q = random(c.tokens * ldq), k = random(c.keys * c.head_dim), v = random(c.keys * c.head_dim);
      const Pages pages(format, c.head_dim, c.keys, k, v);
      std::vector<float> out(static_cast<std::size_t>(c.tokens * width), NAN);
      AttentionArgs args;
      args.format = format;
      args.head_dim = c.head_dim;
      args.scale = 0.2F;
      args.pages = pages.data();
      args.keys = c.keys;
      args.q = q.data();
      args.ldq = ldq;
      args.tokens = c.tokens;
      args.group = c.group;
      args.first_visible = c.first_visible;
      args.out = out.data();
      args.ldo = width;
      for (std::int64_t task = 0; task < attention_tasks(c.tokens, c.group); ++task)
        run_attention_task(args, task);
      std::vector<double> expected;
      for (std::int64_t row = 0; row < c.tokens * c.group; ++row) {
        const float* query = q.data() + row / c.group * ldq + row % c.group * c.head_dim;
        const std::int64_t visible = std::min(c.keys, c.first_visible + row / c.group);
        const auto weights = weights_of(c, query, k, visible);
        for (std::int64_t i = 0; i < c.head_dim; ++i) {
          double sum = 0;
          for (std::int64_t key = 0; key < visible; ++key) sum += weights[key] * v[key * c.head_dim + i];
          expected.push_back(sum);
        }
        if (row % c.group == 0) {
          std::vector<float> probabilities(static_cast<std::size_t>(c.keys), NAN);
          attention_probabilities(args, row / c.group, probabilities.data());
          expect_near(probabilities, weights,
                      format == KvFormat::kF32 ? Tolerance::kAttention : Tolerance::kInt8, "weights");
        }
      }
      const double tolerance = format == KvFormat::kF32 ? Tolerance::kAttention : Tolerance::kBF16;
      const std::string what = "head_dim " + std::to_string(c.head_dim) + ", keys " + std::to_string(c.keys);
      expect_near(out, expected, tolerance, what);

      // The same at row 3 and column 24 of a matrix of tiles.
      const std::int64_t columns = c.group * c.head_dim;
      args.ldo = (24 + columns + 31) / 32 * 32;
      std::vector<tensor::BFloat16> tiles(static_cast<std::size_t>((c.tokens + 3 + 15) / 16 * 16 * args.ldo));
      args.out = nullptr;
      args.tiles = tiles.data();
      args.tile_row = 3;
      args.tile_column = 24;
      for (std::int64_t task = 0; task < attention_tasks(c.tokens, c.group); ++task)
        run_attention_task(args, task);
      for (std::int64_t i = 0; i < c.tokens * columns; ++i) {
        const std::int64_t row = 3 + i / columns, column = 24 + i % columns;
        const std::int64_t tile = row / 16 * (args.ldo / 32) + column / 32;
        ASSERT_EQ(tiles[static_cast<std::size_t>(tile * 512 + row % 16 * 32 + column % 32)].bits,
                  tensor::to_bfloat16(out[static_cast<std::size_t>(i)]).bits)
            << what;
      }
    }
  }
}

TEST_P(AttentionTest, StoredTokensReadBack) {
  const std::int64_t head_dim = 80;
  const auto k = random(kPageTokens * head_dim), v = random(kPageTokens * head_dim);
  for (const KvFormat format : {KvFormat::kF32, KvFormat::kBF16}) {
    Scratch page(kv_page_bytes(format, head_dim));
    kv_store(format, page.data(), head_dim, 0, kPageTokens, k.data(), head_dim, v.data(), head_dim);
    for (std::int64_t token = 0; token < kPageTokens; ++token) {
      std::vector<float> key(80), value(80);
      kv_load(format, page.data(), head_dim, token, key.data(), value.data());
      for (std::int64_t i = 0; i < head_dim; ++i) {
        const float key_in = k[token * head_dim + i], value_in = v[token * head_dim + i];
        const bool exact = format == KvFormat::kF32;
        ASSERT_EQ(key[i], exact ? key_in : tensor::to_float(tensor::to_bfloat16(key_in)));
        ASSERT_EQ(value[i], exact ? value_in : tensor::to_float(tensor::to_bfloat16(value_in)));
      }
    }
  }
}

TEST_P(AttentionTest, RowsOfBf16AreStoredAsThoseOfF32) {
  for (const std::int64_t head_dim : {64, 33}) {
    const auto k = random(kPageTokens * head_dim), v = random(kPageTokens * head_dim);
    std::vector<tensor::BFloat16> narrow_k, narrow_v;
    for (const float x : k) narrow_k.push_back(tensor::to_bfloat16(x));
    for (const float x : v) narrow_v.push_back(tensor::to_bfloat16(x));
    const auto bytes = static_cast<std::size_t>(kv_page_bytes(KvFormat::kBF16, head_dim));
    for (const std::int64_t first : {0, 1}) {
      for (const std::int64_t count : {1, 2, 7, 31}) {
        Scratch wide(kv_page_bytes(KvFormat::kBF16, head_dim)),
            narrow(kv_page_bytes(KvFormat::kBF16, head_dim));
        std::memset(wide.data(), 0, bytes);
        std::memset(narrow.data(), 0, bytes);
        kv_store(KvFormat::kBF16, wide.data(), head_dim, first, count, k.data(), head_dim, v.data(),
                 head_dim);
        kv_store(narrow.data(), head_dim, first, count, narrow_k.data(), head_dim, narrow_v.data(), head_dim);
        EXPECT_EQ(std::memcmp(wide.data(), narrow.data(), bytes), 0)
            << head_dim << ", " << count << " from " << first;
      }
    }
  }
}

TEST(KvPageTest, RefusesHeadsThatDoNotFit) {
  EXPECT_THROW(kv_page_bytes(KvFormat::kF32, 0), std::invalid_argument);
  EXPECT_THROW(kv_page_bytes(KvFormat::kF32, 257), std::invalid_argument);
}

}  // namespace
}  // namespace vedette::models::backend::cpu::kernels
