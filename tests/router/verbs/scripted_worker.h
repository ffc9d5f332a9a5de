// ScriptedWorkerTest: a worker with one connection, whose targets the test plays; and a daemon that does nothing.
//
// Threads: targets and calls are the worker's, on_worker() goes there.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "router/daemon/worker.h"
#include "router/protocol/client_codec.h"
#include "router/protocol/frame_codec.h"
#include "router/routes/table_writer.h"
#include "tests/router/dispatch/scripted_target.h"
#include "tests/support/eventually.h"

namespace semroute::router::test {

namespace asio = boost::asio;
using asio::ip::tcp;

class NoControl final : public Control {
 public:
  void request_reload(std::function<void(core::Result<std::uint64_t>)> done) override {
    done(core::Error{core::ErrorCode::unavailable, "there is no file"});
  }
  void change_routes(std::vector<RouteChange>, ChangeThread::ChangeDone done) override {
    done({core::Error{core::ErrorCode::unavailable, "there is no table"}});
  }
  [[nodiscard]] Metrics& metrics() override { return metrics_; }
  [[nodiscard]] Clock::time_point started() const override { return {}; }

 private:
  Metrics metrics_;
};

// One route to the target "api", whose fallback is "spare".
class ScriptedWorkerTest : public ::testing::Test {
 protected:
  void begin(const config::LimitsConfig& limits = {}) {
    config::Config config;
    config.index.dimension = 2;
    config.limits = limits;
    config.routes.resize(1);
    config.routes[0].name = "one";
    config.routes[0].references.values = {1.0F, 0.0F};
    config::Config sections = config;
    sections.routes.clear();
    const auto built = build_service_state(config, build_routing_state(config).value(),
                                           *loading_state(std::move(sections)), control_.metrics(), 1);
    auto state = std::make_shared<ServiceState>(*built);
    state->targets = {api_, spare_};
    const DispatchTarget api{api_, &control_.metrics().target("api")};
    const DispatchTarget spare{spare_, &control_.metrics().target("spare")};
    state->route_targets = {
        std::make_shared<const RouteTargets>("one", std::vector<std::pair<DispatchTarget, double>>{{api, 1.0}},
                                             std::vector<DispatchTarget>{spare}, std::nullopt)};
    worker_ = std::make_unique<Worker>(0, std::move(state), control_.metrics().add_worker(), control_, nullptr);
    worker_->start();
    client_ = connect();
  }
  tcp::socket connect() {
    tcp::acceptor acceptor(here_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    tcp::socket client(here_);
    client.open(tcp::v4());
    client.set_option(asio::socket_base::receive_buffer_size(64 * 1024));
    client.connect(acceptor.local_endpoint());
    worker_->adopt(acceptor.accept(worker_->io()), connections_.take("test"));
    return client;
  }

  // What `work` returns, done on the worker's thread.
  template <class Work>
  auto on_worker(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    asio::post(worker_->io(), [&task] { task(); });
    return result.get();
  }
  // The n-th call that the target gets, once it is there.
  std::shared_ptr<ScriptedCall> call(const std::shared_ptr<ScriptedTarget>& target, std::size_t n = 0) {
    EXPECT_TRUE(semroute::test::eventually([&] { return on_worker([&] { return target->calls.size() > n; }); }));
    return on_worker([&] { return target->calls.at(n); });
  }

  void TearDown() override {
    if (worker_ == nullptr) return;
    // What is still under way completes, so that nothing holds anything.
    on_worker([this] {
      for (const auto& target : {api_, spare_})
        for (const auto& call : target->calls) call->fail(core::ErrorCode::cancelled, true);
    });
    worker_->finish_drain([] {});
    client_.close();
    EXPECT_TRUE(semroute::test::eventually([this] { return control_.metrics().totals().connections_open == 0; }));
    EXPECT_EQ(control_.metrics().totals().in_flight, 0U);
    worker_->stop();
    worker_->join();
  }

  void send(const std::string& bytes) { asio::write(client_, asio::buffer(bytes)); }
  void ask(const std::string& more = {}) {
    send(R"({"id":1,"embedding":[1,0],"request_id":"r","stream":true)" + more + "}\n");
  }
  // Without its end.
  std::string line() {
    const std::size_t n = asio::read_until(client_, asio::dynamic_buffer(in_), '\n');
    std::string line = in_.substr(0, n - 1);
    in_.erase(0, n);
    return line;
  }
  ClientReply frame() {
    const auto fill = [this](std::size_t bytes) {
      if (in_.size() < bytes)
        asio::read(client_, asio::dynamic_buffer(in_), asio::transfer_exactly(bytes - in_.size()));
    };
    fill(kFrameHeaderBytes);
    const std::size_t bytes = peek_frame(in_, ~std::uint32_t{0}).frame_bytes;
    fill(bytes);
    auto reply = decode_reply(in_.substr(0, bytes));
    in_.erase(0, bytes);
    EXPECT_TRUE(reply.ok());
    return reply.ok() ? std::move(reply).value() : ClientReply{};
  }
  static std::string route_frame(std::uint32_t id = 9) {
    const std::vector<float> embedding{1.0F, 0.0F};
    std::string frame;
    encode_client_frame({.op = Op::route, .id = id, .values = embedding, .extras = R"({"stream":true,"key":"k"})"},
                        frame);
    return frame;
  }
  void head(const std::shared_ptr<ScriptedCall>& call) {
    on_worker([&] { call->sink->on_head(200, "text/event-stream"); });
  }
  bool bytes(const std::shared_ptr<ScriptedCall>& call, const std::string& some) {
    return on_worker([&] { return call->sink->on_bytes(some); });
  }

  NoControl control_;
  ConnectionCounts connections_;
  std::shared_ptr<ScriptedTarget> api_ = std::make_shared<ScriptedTarget>("api");
  std::shared_ptr<ScriptedTarget> spare_ = std::make_shared<ScriptedTarget>("spare");
  std::unique_ptr<Worker> worker_;
  asio::io_context here_;
  tcp::socket client_{here_};
  std::string in_;
};

}  // namespace semroute::router::test
