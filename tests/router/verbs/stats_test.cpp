#include <gmock/gmock.h>

#include "tests/router/verbs/scripted_worker.h"

namespace semroute::router {
namespace {

using ::testing::HasSubstr;
using Stats = test::ScriptedWorkerTest;

TEST_F(Stats, TellOfEveryTargetAndItsEndpoints) {
  api_->shown.state = "breaker_open";
  api_->shown.pending = 3;
  plugins::EndpointStats first{.address = "http://[::1]:80/\"x\""};
  first.state = "ejected";
  first.in_flight = 2;
  first.requests = 9;
  first.retries = 4;
  first.failures = {{"timeout", 1}, {"reset", 5}};
  first.p50_us = 100;
  first.p90_us = 200;
  first.p99_us = 300;
  plugins::EndpointStats second{.address = "http://b"};
  second.retries = 1;
  api_->shown.endpoints = {first, second};
  begin();
  send("{\"op\":\"stats\"}\n");
  const std::string stats = line();
  EXPECT_THAT(
      stats,
      HasSubstr(
          R"("api":{"ok":0,"in_flight":0,"errors":{},"kind":"scripted","state":"breaker_open","pending":3,"retries":5,)"
          R"("endpoints":[{"address":"http://[::1]:80/\"x\"","state":"ejected","in_flight":2,"requests":9,"retries":4,)"
          R"("failures":{"timeout":1,"reset":5},"latency_us":{"p50":100,"p90":200,"p99":300}},)"
          R"({"address":"http://b","state":"healthy","in_flight":0,"requests":0,"retries":1,"failures":{},)"
          R"("latency_us":{"p50":0,"p90":0,"p99":0}}]})"));
  EXPECT_THAT(stats, HasSubstr(R"("spare":{"ok":0,"in_flight":0,"errors":{},"kind":"scripted","state":"healthy",)"
                               R"("pending":0,"retries":0,"endpoints":[]})"));
}

}  // namespace
}  // namespace semroute::router
