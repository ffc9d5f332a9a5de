// Routes made at run time that outlive the daemon: what a client, an operator and the next start see of data_dir.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPut =
    R"({"op":"routes.put","route":{"name":"new","target":"canned","references":[[0,0,1,0],{"embedding":[0,0,1,1],"text":"hi"}],"negatives":[[0,0,0,1]],"score_threshold":0.6,"metadata":{"tier":"new"}}})";
constexpr const char* kGet = R"({"op":"routes.get","request_id":"x","name":"new","vectors":true})";

std::string kept_in(const TemporaryFolder& folder, const std::string& more = {}) {
  return tiny_config("data_dir: " + folder.path() + "/data\n" + more);
}

TEST(DataDir, RoutesAreThereAgainAfterAKill) {
  const TemporaryFolder folder;
  std::string route;
  {
    DaemonProcess daemon(kept_in(folder));
    RawClient client(daemon.port());
    EXPECT_THAT(client.ask(kPut), HasSubstr(R"("version":2,"revision":2)"));
    EXPECT_THAT(client.ask(R"({"op":"routes.patch","name":"new","add":[[0,1,1,0]],"remove":[0]})"),
                HasSubstr(R"("version":3)"));
    EXPECT_THAT(client.ask(R"({"op":"routes.put","route":{"name":"gone","references":[[0,0,0,1]]}})"),
                HasSubstr(R"("version":4)"));
    EXPECT_THAT(client.ask(R"({"op":"routes.delete","name":"gone"})"), HasSubstr(R"("revision":5)"));
    route = client.ask(kGet);
    EXPECT_THAT(route, AllOf(HasSubstr(R"("source":"run_time")"), HasSubstr(R"("text":"hi")")));
    daemon.signal(SIGKILL);
    (void)daemon.wait(10);
  }
  DaemonProcess daemon(kept_in(folder));
  RawClient client(daemon.port());
  const std::string again = client.ask(kGet);
  EXPECT_EQ(again.substr(again.find("\"route\":")), route.substr(route.find("\"route\":")));
  EXPECT_THAT(client.ask(R"({"op":"routes.list"})"), AllOf(HasSubstr(R"("revision":6)"), Not(HasSubstr("gone"))));
  EXPECT_THAT(client.ask(R"({"op":"match","embedding":[0,0,1,1]})"), HasSubstr(R"("route":"new")"));
  EXPECT_THAT(client.ask(kPut), HasSubstr(R"("version":7)")) << "versions are not used again";
  EXPECT_THAT(daemon.log(), HasSubstr("1 keys with 2 records, up to 5"));
}

TEST(DataDir, IsSeenInStatsAndMetrics) {
  const TemporaryFolder folder;
  DaemonProcess daemon(kept_in(folder, "store: {durability: interval, interval: 10ms}\n"));
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"op":"stats"})"), HasSubstr(R"("store":{"live_bytes":0,)"));
  ASSERT_THAT(client.ask(kPut), HasSubstr("\"ok\":true"));
  EXPECT_THAT(client.ask(R"({"op":"stats"})"),
              AllOf(HasSubstr(R"("store":{"live_bytes":)"), HasSubstr(R"("read_only":null})"),
                    Not(HasSubstr(R"("live_bytes":0)"))));
  EXPECT_THAT(http_get(daemon.admin_port(), "/metrics"),
              AllOf(HasSubstr("semrouted_store_writable 1\n"), HasSubstr("semrouted_store_bytes{part=\"live\"}")));
  DaemonProcess without(tiny_config());
  RawClient other(without.port());
  EXPECT_THAT(other.ask(R"({"op":"stats"})"), HasSubstr(R"("store":null)"));
}

TEST(DataDir, IsServedAndNotWrittenByAReader) {
  const TemporaryFolder folder;
  {
    DaemonProcess daemon(kept_in(folder));
    RawClient client(daemon.port());
    ASSERT_THAT(client.ask(kPut), HasSubstr("\"ok\":true"));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(20), 0);
  }
  DaemonProcess first(kept_in(folder), {}, {"--read-only"});
  DaemonProcess second(kept_in(folder), {}, {"--read-only"});  // readers do not exclude one another
  for (DaemonProcess* daemon : {&first, &second}) {
    RawClient client(daemon->port());
    EXPECT_THAT(client.ask(R"({"op":"match","embedding":[0,0,1,1]})"), HasSubstr(R"("route":"new")"));
    EXPECT_THAT(client.ask(R"({"op":"routes.delete","name":"new"})"),
                AllOf(HasSubstr(R"("code":"unavailable")"), HasSubstr("started with --read-only"),
                      HasSubstr(R"("retryable":false)")));
    EXPECT_THAT(client.ask(R"({"op":"routes.list"})"), HasSubstr(R"("name":"new")"));
  }
}

}  // namespace
}  // namespace semroute::test
