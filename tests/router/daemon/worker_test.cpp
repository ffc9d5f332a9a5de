// A worker whose daemon is still loading, with a connection of its own.
#include "router/daemon/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <future>

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
  return build_service_state(std::move(config), std::move(routing), previous, metrics);
}

class NoControl final : public Control {
 public:
  void request_reload(std::function<void(core::Result<std::uint64_t>)>) override { FAIL() << "nobody asked"; }
  [[nodiscard]] Metrics& metrics() override { return metrics_; }
  [[nodiscard]] Clock::time_point started() const override { return {}; }

 private:
  Metrics metrics_;
};

TEST(LoadingWorker, AnswersUnavailableUntilTheRoutesAreThere) {
  NoControl control;
  ConnectionCounts connections;  // outlives every connection
  const auto loading = loading_state(sections());
  EXPECT_TRUE(loading->is_loading());
  Worker worker(0, loading, control.metrics().add_worker(), control, nullptr);
  asio::io_context here;
  tcp::acceptor acceptor(here, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket client(here);
  client.connect(acceptor.local_endpoint());
  worker.adopt(acceptor.accept(worker.io()), connections.take("test"));
  worker.start();
  const auto ask = [&](const std::string& line) {
    asio::write(client, asio::buffer(line + "\n"));
    std::string reply;
    asio::read_until(client, asio::dynamic_buffer(reply), '\n');
    return reply;
  };
  for (const char* line : {R"({"id":1,"op":"ping"})", R"({"id":1,"op":"match","embedding":[1,0]})",
                           R"({"id":1,"op":"routes.list"})", R"({"id":1,"op":"stats"})", R"({"id":1,"op":"reload"})"}) {
    const auto reply = ask(line);
    EXPECT_THAT(reply, HasSubstr(R"("code":"unavailable")")) << line;
    EXPECT_THAT(reply, HasSubstr(R"("retryable":true)")) << line;
  }
  // What cannot be read is told apart from that.
  EXPECT_THAT(ask(R"({"id":1,"op":"dance"})"), HasSubstr("bad_request"));

  std::promise<void> adopted;
  worker.publish(loaded(*loading, control.metrics()), [&] { adopted.set_value(); });
  adopted.get_future().wait();
  EXPECT_THAT(ask(R"({"id":1,"op":"ping"})"), HasSubstr(R"("revision":1)"));
  EXPECT_THAT(ask(R"({"id":1,"op":"match","embedding":[1,0]})"), HasSubstr(R"("route":"one")"));
  worker.stop();
  worker.join();
}

}  // namespace
}  // namespace semroute::router
