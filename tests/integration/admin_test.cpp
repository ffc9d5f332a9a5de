// The admin address of the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Admin, HealthReadyMetricsAndRefusals) {
  const DaemonProcess daemon(tiny_config());
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"id":1,"embedding":[1,0,0,0]})"), HasSubstr("\"dispatched\":true"));
  const auto port = daemon.admin_port();
  EXPECT_THAT(http_get(port, "/healthz"), HasSubstr("200 OK"));
  EXPECT_THAT(http_get(port, "/readyz"), HasSubstr("\"ready\":true"));
  EXPECT_THAT(http_get(port, "/nothing"), HasSubstr("404"));
  EXPECT_THAT(http_get(port, "/metrics", "DELETE"), HasSubstr("405"));
  const auto metrics = http_get(port, "/metrics");
  for (const char* expected :
       {"semrouted_decisions_total{route=\"billing\",decision=\"matched\",reason=\"passed\"} 1",
        "semrouted_score_bucket{route=\"billing\"", "semrouted_stage_seconds_bucket{stage=\"search\"",
        "semrouted_dispatch_total{target=\"canned\",outcome=\"ok\"} 1", "semrouted_connections 1",
        "semrouted_references 4", "semrouted_revision 1", "semrouted_reload_success 1",
        "semrouted_build_info{version=", "process_resident_memory_bytes"}) {
    EXPECT_THAT(metrics, HasSubstr(expected));
  }
  EXPECT_THAT(http_get(port, "/metrics", "HEAD"), Not(HasSubstr("semrouted_")));
}

}  // namespace
}  // namespace semroute::test
