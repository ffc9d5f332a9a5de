// The http target before nginx through a proxy that does one thing wrong (faults 62-68, 72): what the caller is told,
// and that the next request over a proxy that does nothing wrong is served.
#include <gmock/gmock.h>

#include "tests/plugins/http/fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/peer_program.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using semroute::test::FaultProxy;
using semroute::test::nginx;
using semroute::test::PeerProgram;
using std::chrono::milliseconds;
using Fault = FaultProxy::Fault;

class HttpFaultProxy : public HttpFixture {
 protected:
  void open_proxy(std::vector<config::Member> keys = {}) {
    keys.push_back(text_of("url", url_of(proxy_.port())));
    open_keys(std::move(keys));
  }
  // Once the fault is over, all is well.
  void expect_recovery() {
    proxy_.set(Fault::none);
    expect_reply(exchange(), 200, "well");
  }

  PeerProgram server_{nginx("location / { default_type text/plain; return 200 'well'; }")};
  FaultProxy proxy_{server_.port()};
};

TEST_F(HttpFaultProxy, WithoutAFaultItIsNotSeen) {
  open_proxy();
  for (int i = 0; i < 5; ++i) expect_reply(exchange(), 200, "well");
  EXPECT_EQ(proxy_.connections(), 1U);
}

TEST_F(HttpFaultProxy, Fault62Refused) {
  open_proxy();
  expect_reply(exchange(), 200, "well");
  proxy_.refuse();
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
  proxy_.accept();
  expect_recovery();
}

TEST_F(HttpFaultProxy, Fault63Held) {
  proxy_.set(Fault::hold);
  const auto outcome = until_sent([&](milliseconds timeout) {
    open_proxy({text_of("timeout", std::to_string(timeout.count()) + "ms")});
    return exchange();
  });
  expect_error(outcome, ErrorCode::upstream_timeout, true);
  open_proxy();
  expect_recovery();
}

TEST_F(HttpFaultProxy, Fault64Reset) {
  for (const Fault fault : {Fault::reset_request, Fault::reset_reply}) {
    proxy_.set(fault);
    open_proxy();
    expect_error(exchange(), ErrorCode::upstream_error, true);
    expect_recovery();
  }
}

TEST_F(HttpFaultProxy, Fault65Stale) {
  open_proxy({number_of("retries", 0)});
  expect_reply(exchange(), 200, "well");
  // All its connections close; the one that is kept here is not used again.
  proxy_.refuse();
  proxy_.accept();
  expect_reply(exchange(), 200, "well");
}

TEST_F(HttpFaultProxy, Fault66Garbage) {
  proxy_.set(Fault::garbage);
  open_proxy();
  expect_error(exchange(), ErrorCode::upstream_error, true);
  expect_recovery();
}

TEST_F(HttpFaultProxy, Fault67Drip) {
  proxy_.set(Fault::drip);
  // It takes longer than a second to drip the whole reply, so that no timeout here lets it through by chance.
  open_proxy({text_of("timeout", "200ms")});
  const DispatchOutcome outcome = exchange();
  ASSERT_FALSE(outcome.reply.ok());
  EXPECT_EQ(outcome.reply.error().code, outcome.sent ? ErrorCode::upstream_timeout : ErrorCode::timeout);
  open_proxy();
  expect_reply(exchange(), 200, "well");  // patience gets it
  channel_.reset();
  open_proxy();
  expect_recovery();
}

TEST_F(HttpFaultProxy, Fault68HalfClosed) {
  proxy_.set(Fault::half_close);
  open_proxy();
  expect_error(exchange(), ErrorCode::upstream_error, true);
  expect_recovery();
}

TEST_F(HttpFaultProxy, Fault72Flapping) {
  open_proxy({map_of("ejection", {number_of("consecutive_failures", 2), text_of("base_time", "50ms")})});
  for (int round = 0; round < 3; ++round) {
    proxy_.set(Fault::reset_request);
    ASSERT_TRUE(run_until([&] {
      exchange();
      return target_->stats().endpoints[0].state == "ejected";
    }));
    proxy_.set(Fault::none);
    ASSERT_TRUE(run_until([&] { return target_->stats().state == "healthy"; }));
    expect_reply(exchange(), 200, "well");
    EXPECT_EQ(target_->stats().endpoints[0].state, "healthy");
  }
}

}  // namespace
}  // namespace semroute::plugins::test
