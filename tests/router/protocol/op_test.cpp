// The ops by number and word, and that verbs.cpp handles just those that are served.
#include "router/protocol/op.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "router/verbs/verb.h"
#include "tests/router/protocol/decoding.h"

namespace semroute::router {
namespace {

TEST(Op, EveryOpIsFoundByItsNumberAndByItsWord) {
  for (const OpEntry& entry : ops()) {
    EXPECT_EQ(find_op(entry.word), &entry);
    EXPECT_EQ(find_op(static_cast<std::uint8_t>(entry.op)), &entry) << entry.word;
  }
  EXPECT_EQ(find_op("no-such-op"), nullptr);
  EXPECT_EQ(find_op(""), nullptr);
  EXPECT_EQ(find_op(std::uint8_t{0}), nullptr);
  EXPECT_EQ(find_op(std::uint8_t{255}), nullptr);
}

TEST(Op, EveryServedOpHasAVerbAndTheOthersAreRefused) {
  for (const OpEntry& entry : ops()) {
    EXPECT_EQ(find_verb(entry.op) != nullptr, entry.is_served) << entry.word;
    const auto read = test::decoded("{\"op\":\"" + std::string(entry.word) + "\"}");
    EXPECT_EQ(read.message().find("not in this version") != std::string::npos, !entry.is_served) << entry.word;
  }
  EXPECT_EQ(verbs().size(), static_cast<std::size_t>(std::ranges::count_if(ops(), &OpEntry::is_served)));
}

}  // namespace
}  // namespace semroute::router
