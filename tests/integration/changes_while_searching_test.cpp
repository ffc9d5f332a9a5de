// Changes while requests flow: every reply is that of a table before a change or after it, and none is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <random>
#include <thread>

#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/runs_slowly.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;

std::uint64_t number_after(const std::string& text, const std::string& key) {
  const auto at = text.find("\"" + key + "\":");
  EXPECT_NE(at, std::string::npos) << text;
  return at == std::string::npos ? 0 : std::stoull(text.substr(at + key.size() + 3));
}

// The table is a function of its revision, and a reply names the revision that it was made from. From revision 2 on:
// even ones have the route `left` and odd ones `right`, with the same references, from one batch; `count` has as many
// references as the revision says.
constexpr const char* kFlow = R"(workers: 2
index: {dimension: 4}
decision: {aggregation: sum_top, top_m: 1000, score_threshold: 0.1}
routes: [{name: file, references: {vectors: [[1, 0, 0, 0]]}}]
)";

std::string swap_to(const std::string& made, const std::string& gone, bool is_first) {
  std::string line = R"({"op":"routes.batch","changes":[)";
  if (!is_first) line += R"({"delete":{"name":")" + gone + R"("}},)";
  line += R"({"put":{"route":{"name":")" + made + R"(","references":[[0,0,1,0],[0,0,1,0]]}}},)";
  line += is_first ? R"({"put":{"route":{"name":"count","references":[[0,1,0,0]]}}})"
                   : R"({"patch":{"name":"count","add":[[0,1,0,0]]}})";
  return line + "]}";
}

TEST(ChangesWhileSearching, Fault44EveryReplyIsOfOneTable) {
  const std::uint64_t last = runs_slowly() ? 60 : 400;
  const DaemonProcess daemon(kFlow);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> replies{0};
  const auto search = [&](unsigned which) {
    RawClient client(daemon.port());
    std::uint64_t seen = 0;
    while (!done) {
      // Several at once, so that changes fall between requests that have arrived together, too.
      std::string lines;
      for (int i = 0; i < 8; ++i)
        lines += which % 2 == 0 ? "{\"op\":\"match\",\"embedding\":[0,0,1,0],\"top_k\":10}\n"
                                : "{\"op\":\"match\",\"embedding\":[0,1,0,0],\"top_k\":10}\n";
      client.send(lines);
      for (int i = 0; i < 8; ++i) {
        const auto reply = client.read_line();
        ASSERT_TRUE(reply.has_value()) << "a reply is missing";
        ++replies;
        const std::uint64_t revision = number_after(*reply, "revision");
        ASSERT_GE(revision, seen) << "a connection never goes back";
        seen = revision;
        if (revision == 1) continue;
        const std::string expected = revision % 2 == 0 ? "left" : "right";
        const std::string other = revision % 2 == 0 ? "right" : "left";
        ASSERT_EQ(reply->find("\"" + other + "\""), std::string::npos) << *reply;
        const std::string match = which % 2 == 0 ? R"("route":")" + expected + R"(","score":2)"
                                                 : R"("route":"count","score":)" + std::to_string(revision - 1);
        ASSERT_THAT(*reply, HasSubstr("\"decision\":\"matched\",\"reason\":\"passed\"," + match + ",")) << *reply;
        ASSERT_THAT(*reply, HasSubstr("{\"route\":\"" + expected + "\"")) << *reply;
      }
    }
  };
  std::vector<std::thread> searchers;
  for (unsigned i = 0; i < 4; ++i) searchers.emplace_back(search, i);
  RawClient writer(daemon.port());
  for (std::uint64_t revision = 2; revision <= last; ++revision) {
    const bool is_even = revision % 2 == 0;
    const std::string reply =
        writer.ask(swap_to(is_even ? "left" : "right", is_even ? "right" : "left", revision == 2));
    EXPECT_THAT(reply, HasSubstr("\"revision\":" + std::to_string(revision) + "}")) << revision;
    // Whoever asks after the answer sees it.
    RawClient after(daemon.port());
    EXPECT_EQ(number_after(after.ask(R"({"op":"match","embedding":[0,1,0,0]})"), "revision"), revision);
    if (testing::Test::HasFailure()) break;
  }
  done = true;
  for (std::thread& searcher : searchers) searcher.join();
  EXPECT_GT(replies, last);
  EXPECT_THAT(writer.ask(R"({"op":"routes.get","name":"count"})"),
              HasSubstr("\"reference_count\":" + std::to_string(last - 1)));
}

// Two writers that race for one route by version: each success is one step, and nobody's is lost.
TEST(ChangesWhileSearching, VersionsLetWritersCount) {
  const int steps = runs_slowly() ? 20 : 100;
  const DaemonProcess daemon(kFlow);
  const auto write = [&](int which) {
    RawClient client(daemon.port());
    for (int step = 0; step < steps;) {
      const std::string now = client.ask(R"({"op":"routes.get","name":"shared"})");
      const bool is_new = now.find("not_found") != std::string::npos;
      const std::string version = is_new ? "0" : std::to_string(number_after(now, "version"));
      const std::string reply =
          is_new
              ? client.ask(R"({"op":"routes.put","if_version":0,"route":{"name":"shared","references":[[1,0,0,1]]}})")
              : client.ask(R"({"op":"routes.patch","name":"shared","add":[[1,0,1,0]],"if_version":)" + version + "}");
      if (reply.find("\"ok\":true") != std::string::npos) {
        ++step;
      } else {
        ASSERT_THAT(reply, HasSubstr("\"code\":\"conflict\"")) << which;
      }
    }
  };
  std::thread other(write, 1);
  write(2);
  other.join();
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"op":"routes.get","name":"shared","limit":1})"),
              HasSubstr("\"reference_count\":" + std::to_string(2 * steps) + ","));
}

std::vector<float> unit_row(std::mt19937& random, std::size_t dimension) {
  std::normal_distribution<float> normal;
  std::vector<float> row(dimension);
  double norm = 0.0;
  for (float& x : row) {
    x = normal(random);
    norm += double{x} * double{x};
  }
  for (float& x : row) x = static_cast<float>(double{x} / std::sqrt(norm));
  return row;
}

std::string array_of(const std::vector<float>& row) {
  std::string text = "[";
  for (const float x : row) text += (text.size() > 1 ? "," : "") + std::to_string(x);
  return text + "]";
}

// Through a graph: every route is found by its own references after all of them were deleted and put again.
TEST(ChangesWhileSearching, Fault46DeletedAndPutAgain) {
  constexpr std::size_t kDimension = 16;
  const int routes = runs_slowly() ? 10 : 40;
  const DaemonProcess daemon(
      "index: {dimension: 16, algorithm: hnsw}\ndecision: {aggregation: max, score_threshold: 0.9}\n"
      "limits: {max_request: 1MiB}\nroutes: [{name: file, references: {vectors: "
      "[[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]}}]\n");
  RawClient client(daemon.port());
  std::mt19937 random(5);
  std::vector<std::vector<std::string>> rows(static_cast<std::size_t>(routes));
  for (auto& route : rows)
    for (int row = 0; row < 50; ++row) route.push_back(array_of(unit_row(random, kDimension)));
  const auto put_all = [&] {
    for (int route = 0; route < routes; ++route) {
      std::string line = R"({"op":"routes.put","route":{"name":"r)" + std::to_string(route) + R"(","references":[)";
      for (const std::string& row : rows[static_cast<std::size_t>(route)]) line += row + ",";
      line.back() = ']';
      EXPECT_THAT(client.ask(line + "}}"), HasSubstr("\"ok\":true"));
    }
  };
  for (int round = 0; round < 3; ++round) {
    put_all();
    std::size_t found = 0;
    for (int route = 0; route < routes; ++route)
      for (const std::string& row : rows[static_cast<std::size_t>(route)])
        found += client.ask(R"({"op":"match","embedding":)" + row + "}")
                             .find("\"route\":\"r" + std::to_string(route) + "\",\"score\":") != std::string::npos
                     ? 1
                     : 0;
    EXPECT_GE(found, static_cast<std::size_t>(routes) * 50 * 99 / 100) << "round " << round;
    for (int route = 0; route < routes; ++route)
      EXPECT_THAT(client.ask(R"({"op":"routes.delete","name":"r)" + std::to_string(route) + "\"}"),
                  HasSubstr("\"ok\":true"));
  }
  EXPECT_THAT(client.ask(R"({"op":"match","embedding":)" + rows[0][0] + "}"), HasSubstr("no_match"));
}

}  // namespace
}  // namespace semroute::test
