#include "core/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace semroute::core {
namespace {

TEST(Result, HoldsAValueOrAnError) {
  const Result<std::string> good = std::string("yes");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*good, "yes");
  EXPECT_EQ(good->size(), 3U);
  const Result<std::string> bad = Error{ErrorCode::not_found, "no such thing"};
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, ErrorCode::not_found);
  EXPECT_EQ(bad.error().message, "no such thing");
}

TEST(Result, MovesValuesOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, OfNothingIsGoodUnlessGivenAnError) {
  EXPECT_TRUE(Result<void>().ok());
  const Result<void> bad = Error{ErrorCode::conflict, "taken"};
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, ErrorCode::conflict);
}

TEST(ResultDeathTest, AskingForWhatIsNotThereAborts) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const Result<int> bad = Error{};
  const Result<int> good = 1;
  EXPECT_DEATH(static_cast<void>(*bad), "broken invariant");
  EXPECT_DEATH(static_cast<void>(good.error()), "broken invariant");
}

// The names are the protocol's, and each code has its own.
TEST(ErrorCode, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (std::uint16_t code = 1; code <= 19; ++code) names.insert(to_string(static_cast<ErrorCode>(code)));
  EXPECT_EQ(names.size(), 19U);
  EXPECT_EQ(to_string(ErrorCode::bad_vector), "bad_vector");
  EXPECT_EQ(to_string(ErrorCode::internal), "internal");
}

}  // namespace
}  // namespace semroute::core
