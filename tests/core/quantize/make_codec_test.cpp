#include "core/quantize/make_codec.h"

#include <gtest/gtest.h>

#include "tests/core/quantize/codec_check.h"

namespace semroute::core {
namespace {

TEST(MakeCodec, MakesWhatTheWordSays) {
  const testing::Vector rows = testing::flat(testing::ordinary(Metric::cosine, 384, 300, 1));
  const auto make = [&](Quantization kind) {
    return make_codec(kind, Metric::cosine, 384, rows, 42, active_kernels());
  };
  const std::unique_ptr<Codec> f16 = make(Quantization::f16);
  EXPECT_EQ(f16->row_bytes(), 768U);
  EXPECT_TRUE(f16->proven());
  const std::unique_ptr<Codec> pq = make(Quantization::pq);
  EXPECT_EQ(pq->row_bytes(), 64U);
  EXPECT_GT(pq->bytes(), 384U * 1'024U);
  const std::unique_ptr<Codec> binary = make(Quantization::binary);
  EXPECT_EQ(binary->row_bytes(), 64U);
  EXPECT_LT(binary->bytes(), 384U * 64U);
}

}  // namespace
}  // namespace semroute::core
