// One of three endpoints is killed under load and comes back, through the daemon: what clients are told, and what it
// tells of the endpoint. How long that takes is what bench/router/failover_bench.cpp measures.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/raw_client.h"
#include "tests/support/runs_slowly.h"
#include "tests/support/steady_load.h"
#include "tests/support/three_endpoints.h"

namespace semroute::test {
namespace {

namespace json = boost::json;

constexpr std::size_t kConnections = 16;
constexpr std::size_t kWindow = 4;

// An ejection that would end by itself, if checks did not end it, ends long after the test; a slow machine fails no
// check.
const std::string kKeys =
    "    ejection: {consecutive_failures: 5, base_time: 1h}\n"
    "    health: {path: /healthz, interval: 50ms, timeout: 30s, healthy_after: 2}\n";

class KilledEndpoint : public testing::Test {
 protected:
  // The counts of what the clients were told.
  SteadyLoad::Outcomes kill_and_bring_back(const std::string& keys) {
    ThreeEndpoints endpoints;
    const DaemonProcess daemon(endpoints.configuration(3, kKeys + keys));
    SteadyLoad load(daemon.port(), R"("embedding":[1,0],"payload":{"n":1})", kConnections, kWindow);
    const std::uint64_t many = runs_slowly() ? 500 : 5'000;
    const auto third = [&] {
      RawClient client(daemon.port());
      const auto stats = json::parse(client.ask(R"({"id":1,"op":"stats"})"));
      return stats.at("targets").at("service").at("endpoints").at(2);
    };
    const auto requests = [&] { return third().at("requests").to_number<std::uint64_t>(); };
    const auto is_in = [&] { return third().at("state") == "healthy"; };
    const auto goes_on = [&] {
      const std::uint64_t before = load.answered();
      return eventually([&] { return load.answered() > before + many; });
    };
    EXPECT_TRUE(goes_on());
    EXPECT_GT(requests(), 0U);

    endpoints.kill_third();
    EXPECT_TRUE(eventually([&] { return !is_in(); })) << "it gets requests still";
    const std::uint64_t before = requests();
    EXPECT_TRUE(goes_on()) << "the others serve";
    EXPECT_EQ(requests(), before) << "requests to an endpoint that is out";

    endpoints.bring_third_back();
    EXPECT_TRUE(eventually(is_in)) << "checks end its ejection";
    EXPECT_TRUE(eventually([&] { return requests() > before; }));
    EXPECT_TRUE(goes_on());
    load.stop();
    EXPECT_EQ(third().at("in_flight").to_number<std::uint64_t>(), 0U);
    return load.outcomes();
  }
};

TEST_F(KilledEndpoint, FailsNoRequestOfAnIdempotentTarget) {
  const auto told = kill_and_bring_back(
      "    idempotent: true\n    retry_on: [connect_failure, reset_before_request, reset]\n    retries: 2\n");
  EXPECT_EQ(told.size(), 1U) << testing::PrintToString(told);
  EXPECT_TRUE(told.contains("ok"));
}

TEST_F(KilledEndpoint, FailsOfOthersOnlyWhatWasOnItsWay) {
  auto told = kill_and_bring_back("");
  EXPECT_LE(told["upstream_error"], kConnections * kWindow);
  told.erase("upstream_error");
  EXPECT_EQ(told.size(), 1U) << testing::PrintToString(told);
}

}  // namespace
}  // namespace semroute::test
