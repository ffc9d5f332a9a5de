#include "router/changes/route_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/router/changes/changes.h"
#include "tests/support/places.h"

namespace semroute::router {
namespace {

using core::ErrorCode;
using testing::HasSubstr;

config::Value scalar(auto data) {
  config::Value value;
  value.data = std::move(data);
  return value;
}

RouteChange full_put() {
  RouteChange change;
  change.kind = RouteChange::Kind::put;
  change.name = "billing";
  change.fields.description = "invoices, and süß";
  change.fields.targets = {{"api", 90}, {"süd", 10}};
  change.fields.fallbacks = {"canned", "api"};
  change.fields.mirror = config::Mirror{"shadow", 2.5};
  change.fields.score_threshold = 0.625;
  config::Value::Map members;
  members.push_back({"tier", {}, scalar(std::string("gold"))});
  members.push_back({"level", {}, scalar(std::int64_t{-3})});
  members.push_back({"share", {}, scalar(0.1)});
  members.push_back({"internal", {}, scalar(true)});
  change.fields.metadata = scalar(std::move(members));
  change.references = test::rows_of({0.1F, -0.0F, 1e-39F, 4.0F, 5.0F, 6.0F}, 2, {"", "my invoice"});
  change.negatives = test::rows_of({7.0F, 8.0F}, 2);
  return change;
}

config::Destination destination_of_put() {
  return {{{"api", 90}, {"süd", 10}}, {"canned", "api"}, config::Mirror{"shadow", 2.5}};
}

RouteChange full_patch() {
  RouteChange change = test::patch("billing", {9.0F, 10.0F}, {2, 0}, 2);
  change.references.texts = {"nine"};
  change.negatives = test::rows_of({11.0F, 12.0F}, 2, {"eleven"});
  change.remove_negatives = {0};
  change.fields.targets = {{"other", 1}};
  change.fields.fallbacks.emplace();
  change.fields.mirror = std::optional<config::Mirror>();
  change.fields.score_threshold = std::optional<double>();
  return change;
}

std::vector<std::string> chain() {
  return {journal_change(full_put(), 5).record, journal_change(full_patch(), 9).record};
}

core::Result<StoredRoute> replayed(const std::vector<std::string>& records, std::size_t dimension = 2) {
  const std::vector<std::string_view> views(records.begin(), records.end());
  return replay("billing", views, dimension);
}

// Bit for bit, so that -0 and denormals count.
std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> made;
  for (const float value : values) made.push_back(std::bit_cast<std::uint32_t>(value));
  return made;
}

TEST(RouteRecord, APutComesBackAsItWas) {
  const RouteChange change = full_put();
  const JournalChange kept = journal_change(change, 5);
  EXPECT_EQ(kept.kind, JournalChange::Kind::set);
  EXPECT_EQ(kept.key, "billing");
  const auto route = replayed({kept.record});
  ASSERT_TRUE(route.ok()) << route.error().message;
  EXPECT_EQ(route->version, 5U);
  const config::RouteConfig& content = route->content;
  EXPECT_EQ(content.name, "billing");
  EXPECT_EQ(content.description, "invoices, and süß");
  EXPECT_EQ(content.destination, destination_of_put());
  EXPECT_EQ(content.score_threshold, 0.625);
  EXPECT_EQ(content.metadata, *change.fields.metadata);
  EXPECT_EQ(bits(content.references.values), bits(change.references.values));
  EXPECT_EQ(content.references.texts, (std::vector<std::string>{"", "my invoice", ""}));
  EXPECT_EQ(content.negatives.values, (std::vector<float>{7.0F, 8.0F}));
  EXPECT_TRUE(content.negatives.texts.empty());
}

TEST(RouteRecord, PatchesAreAppliedInOrder) {
  const auto route = replayed(chain());
  ASSERT_TRUE(route.ok()) << route.error().message;
  EXPECT_EQ(route->version, 9U);
  EXPECT_EQ(route->content.references.values, (std::vector<float>{1e-39F, 4.0F, 9.0F, 10.0F}));
  EXPECT_EQ(route->content.references.texts, (std::vector<std::string>{"my invoice", "nine"}));
  EXPECT_EQ(route->content.negatives.values, (std::vector<float>{11.0F, 12.0F}));
  EXPECT_EQ(route->content.negatives.texts, (std::vector<std::string>{"eleven"}));
  EXPECT_EQ(route->content.destination, (config::Destination{{{"other", 1}}, {}, std::nullopt}));
  EXPECT_FALSE(route->content.score_threshold.has_value());
  EXPECT_EQ(route->content.description, "invoices, and süß") << "what a patch does not name stays";
  EXPECT_TRUE(replayed({chain()[0], journal_change(test::patch("billing", {1, 2}, {}, 2), 5).record}).ok())
      << "changes of one batch have one version";
}

TEST(RouteRecord, JoinedRecordsMakeTheSameRoute) {
  const std::vector<std::string> records = chain();
  std::vector<std::string_view> before(records.begin(), records.end() - 1);
  const auto whole = joined({JournalChange::Kind::append, "billing", records.back()}, before, 2);
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_EQ(whole->kind, JournalChange::Kind::set);
  EXPECT_EQ(whole->key, "billing");
  const auto one = replayed({whole->record});
  const auto all = replayed(records);
  ASSERT_TRUE(one.ok() && all.ok());
  EXPECT_EQ(one->version, all->version);
  EXPECT_EQ(one->content.description, all->content.description);
  EXPECT_EQ(one->content.destination, all->content.destination);
  EXPECT_EQ(one->content.score_threshold, all->content.score_threshold);
  EXPECT_EQ(one->content.metadata, all->content.metadata);
  EXPECT_EQ(bits(one->content.references.values), bits(all->content.references.values));
  EXPECT_EQ(one->content.references.texts, all->content.references.texts);
  EXPECT_EQ(bits(one->content.negatives.values), bits(all->content.negatives.values));
  EXPECT_EQ(one->content.negatives.texts, all->content.negatives.texts);
  EXPECT_FALSE(joined({JournalChange::Kind::append, "billing", "x"}, before, 2).ok());
}

TEST(RouteRecord, AnEraseHasNoRecord) {
  const JournalChange kept = journal_change(test::erase("billing"), 7);
  EXPECT_EQ(kept.kind, JournalChange::Kind::erase);
  EXPECT_TRUE(kept.record.empty());
}

TEST(RouteRecord, EveryCutIsRefused) {
  for (const std::size_t which : {0U, 1U}) {
    const std::string whole = chain()[which];
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
      std::vector<std::string> records = chain();
      records[which].resize(bytes);
      EXPECT_FALSE(replayed(records).ok()) << which << " cut at " << bytes;
      // Each cut record in memory of its own size, for the sanitizers.
      records[which].shrink_to_fit();
    }
    std::vector<std::string> longer = chain();
    longer[which] += '\0';
    EXPECT_FALSE(replayed(longer).ok());
  }
}

std::string golden(const std::string& name) {
  std::ifstream file(semroute::test::source_path("tests/router/changes/golden/" + name), std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  EXPECT_FALSE(bytes.str().empty()) << name;
  return bytes.str();
}

// Written by hand from FORMAT.md.
TEST(RouteRecord, RecordsOfEveryVersionAreReadForEver) {
  const auto first = replayed({golden("put_version_1")});
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->version, 5U);
  EXPECT_EQ(first->content.description, "invoices");
  EXPECT_EQ(first->content.destination, (config::Destination{{{"api", 1}}, {}, std::nullopt}));
  EXPECT_EQ(first->content.score_threshold, 0.625);
  EXPECT_EQ(first->content.references.texts, (std::vector<std::string>{"", "mine"}));
  EXPECT_EQ(first->content.negatives.values, (std::vector<float>{7, 8}));
  const auto patched = replayed({golden("put_version_1"), golden("patch_version_1")});
  ASSERT_TRUE(patched.ok()) << patched.error().message;
  EXPECT_EQ(patched->content.destination, config::Destination{});
  EXPECT_EQ(patched->content.references.values, (std::vector<float>{3, 4, 9, 10}));

  const auto second = replayed({golden("put_version_2")});
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ(second->content.destination,
            (config::Destination{{{"api", 90}, {"spare", 10}}, {"canned"}, config::Mirror{"shadow", 2.5}}));
  const auto both = replayed({golden("put_version_1"), golden("patch_version_1"), golden("patch_version_2")});
  ASSERT_TRUE(both.ok()) << both.error().message;
  EXPECT_EQ(both->content.destination, (config::Destination{{{"spare", 1}}, {}, std::nullopt}));

  const auto third = replayed({golden("put_version_3"), golden("patch_version_3")});
  ASSERT_TRUE(third.ok()) << third.error().message;
  EXPECT_EQ(*third->content.metadata.find("account")->large_integer(), 18446744073709551615U);
  std::string older = golden("put_version_3");
  older[0] = 2;
  EXPECT_EQ(replayed({older}).error().code, ErrorCode::damaged) << "no older version has such integers";
}

TEST(RouteRecord, WritesTheGoldenRecordsOfItsVersion) {
  RouteChange put;
  put.kind = RouteChange::Kind::put;
  put.name = "billing";
  put.fields.targets = {{"api", 90}, {"spare", 10}};
  put.fields.fallbacks = {"canned"};
  put.fields.mirror = config::Mirror{"shadow", 2.5};
  config::Member account{"account", {}, {}};
  account.value.data = std::uint64_t{18446744073709551615U};
  put.fields.metadata.emplace().data = config::Value::Map{std::move(account)};
  put.references = test::rows_of({1, 2}, 2);
  EXPECT_EQ(journal_change(put, 12).record, golden("put_version_3"));
  RouteChange patch = test::patch("billing", {}, {}, 2);
  patch.fields.targets = {{"spare", 1}};
  patch.fields.fallbacks.emplace();
  patch.fields.mirror.emplace();
  EXPECT_EQ(journal_change(patch, 15).record, golden("patch_version_3"));
}

TEST(RouteRecord, NoFlippedBitDoesHarm) {
  for (const std::size_t which : {0U, 1U}) {
    for (std::size_t bit = 0; bit < 8 * chain()[which].size(); ++bit) {
      std::vector<std::string> records = chain();
      records[which][bit / 8] = static_cast<char>(records[which][bit / 8] ^ (1 << (bit % 8)));
      const auto route = replayed(records);
      if (!route.ok()) continue;
      EXPECT_EQ(route->content.references.values.size() % 2, 0U);
      EXPECT_FALSE(route->content.references.values.empty());
    }
  }
}

TEST(RouteRecord, NoBytesDoHarm) {
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = chain()[random() % 2];
    for (auto flips = random() % 4; flips > 0; --flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    bytes.resize(random() % (bytes.size() + 1));
    (void)replayed({bytes});
    (void)replayed({chain()[0], bytes});
  }
}

TEST(RouteRecord, WhatIsRefusedSaysWhy) {
  EXPECT_EQ(replayed(chain(), 3).error().code, ErrorCode::dimension_mismatch);
  EXPECT_THAT(replayed(chain(), 3).error().message, HasSubstr("2 numbers, index.dimension is 3"));
  std::vector<std::string> later = chain();
  later[0][0] = 4;
  EXPECT_EQ(replayed(later).error().code, ErrorCode::unsupported_version);
  EXPECT_THAT(replayed(later).error().message, HasSubstr("format version 4"));
  EXPECT_FALSE(replayed({}).ok());
  EXPECT_FALSE(replayed({chain()[1]}).ok()) << "a patch of nothing";
  EXPECT_FALSE(replayed({chain()[0], chain()[0]}).ok()) << "a put begins a chain";
  EXPECT_FALSE(replayed({chain()[0], journal_change(full_patch(), 4).record}).ok()) << "versions rise";
  EXPECT_FALSE(replayed({chain()[0], journal_change(test::patch("billing", {}, {3}, 2), 9).record}).ok());
  EXPECT_FALSE(replayed({chain()[0], journal_change(test::patch("billing", {}, {0, 1, 2}, 2), 9).record}).ok())
      << "no references left";
}

}  // namespace
}  // namespace semroute::router
