// A reload changes a target's settings: what is known of the endpoints that stay goes on.
#include <gmock/gmock.h>

#include "plugins/targets/http/upstream.h"
#include "tests/plugins/http/fixture.h"

namespace semroute::plugins::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Clock::time_point kNow{hours(1'000)};

HttpSettings settings(const std::vector<std::string>& urls) {
  HttpSettings settings;
  for (const std::string& url : urls) settings.endpoints.push_back({parse_http_url(url).value(), 1});
  settings.ejection_failures = 1;
  settings.ejection_base_time = seconds(30);
  settings.ejection_max_percent = 50;
  return settings;
}

std::shared_ptr<HttpUpstream> upstream(HttpSettings settings) {
  return std::make_shared<HttpUpstream>(std::move(settings));
}

std::vector<std::string> states(const HttpUpstream& upstream) {
  std::vector<std::string> states;
  for (const EndpointStats& endpoint : upstream.stats().endpoints) states.emplace_back(endpoint.state);
  return states;
}

TEST(HttpInherit, CountersGoOnByAddressWhateverTheOrder) {
  const auto old = upstream(settings({"http://127.0.0.1:1/a?secret=1", "http://127.0.0.1:2/a"}));
  old->endpoint(0).counters->begin(false);
  old->endpoint(0).counters->end_ok(7);
  old->endpoint(1).counters->begin(true);
  const auto now =
      upstream(settings({"http://127.0.0.1:3/a", "http://127.0.0.1:2/a", "http://127.0.0.1:1/a?secret=2"}));
  now->inherit(*old, kNow);
  EXPECT_EQ(now->stats().endpoints[0].requests, 0U);
  EXPECT_EQ(now->stats().endpoints[1].retries, 1U);
  EXPECT_EQ(now->stats().endpoints[2].requests, 1U);
  // A request of before the reload ends: it is not in flight for ever.
  EXPECT_EQ(now->endpoint(1).counters->in_flight(), 1U);
  old->endpoint(1).counters->end_failed(Failure::reset);
  EXPECT_EQ(now->endpoint(1).counters->in_flight(), 0U);
  EXPECT_EQ(now->stats().endpoints[1].failures.size(), 1U);
}

TEST(HttpInherit, AnEndpointThatIsOutStaysOutAndComesBack) {
  const auto old = upstream(settings({"http://127.0.0.1:1/", "http://127.0.0.1:2/"}));
  old->on_failure(0, false, kNow);
  const auto now = upstream(settings({"http://127.0.0.1:1/", "http://127.0.0.1:2/"}));
  now->inherit(*old, kNow + seconds(1));
  EXPECT_THAT(states(*now), testing::ElementsAre("ejected", "healthy"));
  EXPECT_FALSE(now->is_usable(0, kNow + seconds(29)));
  EXPECT_TRUE(now->is_usable(0, kNow + seconds(30))) << "as it would have been";
  now->on_failure(1, false, kNow + seconds(1));
  EXPECT_TRUE(now->is_usable(1, kNow + seconds(1))) << "half of them may be out, and are";
  ASSERT_TRUE(now->endpoint(0).ejection.claim_probe(kNow + seconds(30)));
  now->on_success(0, true, kNow + seconds(30));
  EXPECT_THAT(states(*now), testing::ElementsAre("healthy", "healthy"));
  now->on_failure(1, false, kNow + seconds(31));
  EXPECT_THAT(states(*now), testing::ElementsAre("healthy", "ejected")) << "there is room for another one";
}

TEST(HttpInherit, AnEjectionIsNoLongerThanTheNewSettingsSay) {
  const auto old = upstream(settings({"http://127.0.0.1:1/"}));
  old->on_failure(0, false, kNow);
  HttpSettings shorter = settings({"http://127.0.0.1:1/"});
  shorter.ejection_base_time = seconds(2);
  const auto now = upstream(shorter);
  now->inherit(*old, kNow + seconds(1));
  EXPECT_FALSE(now->is_usable(0, kNow + milliseconds(2'999)));
  EXPECT_TRUE(now->is_usable(0, kNow + seconds(3)));
  HttpSettings never = settings({"http://127.0.0.1:1/"});
  never.ejection_failures = 0;
  const auto kept_in = upstream(never);
  kept_in->inherit(*old, kNow + seconds(1));
  EXPECT_THAT(states(*kept_in), testing::ElementsAre("healthy"));
}

TEST(HttpInherit, AProbeOnItsWayIsTheOldOnes) {
  const auto old = upstream(settings({"http://127.0.0.1:1/"}));
  old->on_failure(0, false, kNow);
  ASSERT_TRUE(old->endpoint(0).ejection.claim_probe(kNow + seconds(30)));
  const auto now = upstream(settings({"http://127.0.0.1:1/"}));
  now->inherit(*old, kNow + seconds(31));
  EXPECT_TRUE(now->endpoint(0).ejection.claim_probe(kNow + seconds(31)));
}

TEST(HttpInherit, HealthIsTakenOverWhereItIsChecked) {
  HttpSettings checked = settings({"http://127.0.0.1:1/", "http://127.0.0.1:2/"});
  checked.health = HttpHealthSettings{.path = "/healthz"};
  const auto old = upstream(checked);
  old->on_unhealthy(1);
  const auto now = upstream(checked);
  now->inherit(*old, kNow);
  EXPECT_THAT(states(*now), testing::ElementsAre("healthy", "unhealthy"));
  now->on_healthy(1, kNow);
  EXPECT_THAT(states(*now), testing::ElementsAre("healthy", "healthy"));
  const auto unchecked = upstream(settings({"http://127.0.0.1:1/", "http://127.0.0.1:2/"}));
  unchecked->inherit(*old, kNow);
  EXPECT_THAT(states(*unchecked), testing::ElementsAre("healthy", "healthy"))
      << "nothing would ever say that it is well";
}

TEST(HttpInherit, ATargetOfAnotherKindHasNothingToGive) {
  const auto http = make_target(target_of("service", "http", {text_of("url", "http://127.0.0.1:1/")}));
  const auto fixed = make_target(target_of("service", "static", {text_of("reply", "x")}));
  http->inherit(*fixed);
  fixed->inherit(*http);
  EXPECT_EQ(http->stats().endpoints.at(0).requests, 0U);
}

}  // namespace
}  // namespace semroute::plugins::test
