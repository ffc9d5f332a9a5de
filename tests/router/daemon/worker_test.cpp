// A worker with a connection of its own, and a daemon that the test plays.
#include "router/daemon/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <future>

#include "router/routes/table_writer.h"

namespace semroute::router {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ::testing::HasSubstr;

config::Config sections() {
  config::Config config;
  config.index.dimension = 2;
  config.decision.default_route = "one";
  config.decision.score_threshold = 0.5;
  return config;
}

std::shared_ptr<const ServiceState> loaded(const ServiceState& previous, Metrics& metrics) {
  config::Config config = sections();
  config.routes.emplace_back();
  config.routes[0].name = "one";
  config.routes[0].references.values = {1.0F, 0.0F};
  auto routing = build_routing_state(config).value();
  return build_service_state(std::move(config), std::move(routing), previous, metrics, 1);
}

class EndingControl final : public Control {
 public:
  void request_reload(std::function<void(core::Result<std::uint64_t>)> done) override {
    done(core::Error{core::ErrorCode::unavailable, "the daemon is shutting down"});
  }
  void change_routes(std::vector<RouteChange>, ChangeThread::ChangeDone done) override {
    done({core::Error{core::ErrorCode::unavailable, "the daemon is shutting down"}});
  }
  [[nodiscard]] Metrics& metrics() override { return metrics_; }
  [[nodiscard]] Clock::time_point started() const override { return {}; }

 private:
  Metrics metrics_;
};

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    asio::ip::tcp::acceptor acceptor(here_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    client_.connect(acceptor.local_endpoint());
    worker_.adopt(acceptor.accept(worker_.io()), connections_.take("test"));
    worker_.start();
  }
  ~WorkerTest() override {
    worker_.stop();
    worker_.join();
  }
  std::string ask(const std::string& line) {
    asio::write(client_, asio::buffer(line + "\n"));
    std::string reply;
    asio::read_until(client_, asio::dynamic_buffer(reply), '\n');
    return reply;
  }
  void finish_loading() {
    std::promise<void> adopted;
    worker_.publish(loaded(*loading_, control_.metrics()), [&] { adopted.set_value(); });
    adopted.get_future().wait();
  }

  EndingControl control_;
  ConnectionCounts connections_;  // outlives every connection
  std::shared_ptr<const ServiceState> loading_ = loading_state(sections());
  Worker worker_{0, loading_, control_.metrics().add_worker(), control_, nullptr};
  asio::io_context here_;
  tcp::socket client_{here_};
};

TEST_F(WorkerTest, AnswersUnavailableUntilTheRoutesAreThere) {
  for (const char* line : {R"({"id":1,"op":"ping"})", R"({"id":1,"op":"match","embedding":[1,0]})",
                           R"({"id":1,"op":"routes.list"})", R"({"id":1,"op":"stats"})", R"({"id":1,"op":"reload"})"}) {
    const auto reply = ask(line);
    EXPECT_THAT(reply, HasSubstr(R"("code":"unavailable")")) << line;
    EXPECT_THAT(reply, HasSubstr("loading")) << line;
    EXPECT_THAT(reply, HasSubstr(R"("retryable":true)")) << line;
  }
  // What cannot be read is told apart from that.
  EXPECT_THAT(ask(R"({"id":1,"op":"dance"})"), HasSubstr("bad_request"));
  finish_loading();
  EXPECT_THAT(ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("revision":1)"));
  EXPECT_THAT(ask(R"({"id":1,"op":"match","embedding":[1,0]})"), HasSubstr(R"("route":"one")"));
}

TEST_F(WorkerTest, AReloadThatComesTooLateMayBeTriedElsewhere) {
  finish_loading();
  const auto reply = ask(R"({"id":1,"op":"reload"})");
  EXPECT_THAT(reply, HasSubstr("shutting down"));
  EXPECT_THAT(reply, HasSubstr(R"("code":"unavailable")"));
  EXPECT_THAT(reply, HasSubstr(R"("retryable":true)"));
}

}  // namespace
}  // namespace semroute::router
