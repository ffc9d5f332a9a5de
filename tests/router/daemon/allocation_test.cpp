// Counts what goes through operator new on a worker's thread while it answers frames. Asio's own operations do not:
// they come from its recycling allocator, one for each wait.
#include <gtest/gtest.h>

#include <array>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "router/daemon/worker.h"
#include "router/protocol/client_codec.h"
#include "router/protocol/frame_codec.h"
#include "router/routes/table_writer.h"
#include "tests/router/decide/tables.h"
#include "tests/support/allocation_count.h"

namespace semroute::router {
namespace {

namespace asio = boost::asio;

class NoControl final : public Control {
 public:
  explicit NoControl(Metrics& metrics) : metrics_(metrics) {}
  void request_reload(std::function<void(core::Result<std::uint64_t>)> done) override {
    done(core::Error{core::ErrorCode::unavailable, "there is no file to read"});
  }
  void change_routes(std::vector<RouteChange>, ChangeThread::ChangeDone done) override {
    done({core::Error{core::ErrorCode::unavailable, "there is no table to change"}});
  }
  Metrics& metrics() override { return metrics_; }
  Clock::time_point started() const override { return {}; }

 private:
  Metrics& metrics_;
};

std::shared_ptr<const ServiceState> serving(const config::Config& config, Metrics& metrics) {
  config::Config sections = config;
  sections.routes.clear();
  return build_service_state(config, build_routing_state(config).value(), *loading_state(std::move(sections)), metrics,
                             1);
}

// A worker with one connection, and its client.
class WorkerWithClient {
 public:
  explicit WorkerWithClient(const config::Config& config)
      : worker_(0, serving(config, metrics_), metrics_.add_worker(), control_, nullptr), client_(io_) {
    asio::ip::tcp::acceptor acceptor(io_, {asio::ip::address_v4::loopback(), 0});
    client_.connect(acceptor.local_endpoint());
    worker_.adopt(acceptor.accept(worker_.io()), nullptr);
    worker_.start();
  }
  ~WorkerWithClient() {
    worker_.stop();
    worker_.join();
  }

  // `frames` at once, then all their replies; returns the last one.
  std::string ask(const std::string& frame, std::size_t frames) {
    std::string bytes;
    for (std::size_t i = 0; i < frames; ++i) bytes += frame;
    asio::write(client_, asio::buffer(bytes));
    std::string reply;
    for (std::size_t i = 0; i < frames; ++i) {
      reply.resize(kFrameHeaderBytes);
      asio::read(client_, asio::buffer(reply));
      const std::size_t whole = peek_frame(reply, ~std::uint32_t{0}).frame_bytes;
      reply.resize(whole);
      asio::read(client_, asio::buffer(reply.data() + kFrameHeaderBytes, whole - kFrameHeaderBytes));
    }
    return reply;
  }

  // Of the worker's thread.
  std::size_t allocations() {
    std::promise<std::size_t> count;
    asio::post(worker_.io(), [&count] { count.set_value(semroute::test::allocation_count()); });
    return count.get_future().get();
  }

 private:
  Metrics metrics_;
  NoControl control_{metrics_};
  Worker worker_;
  asio::io_context io_;
  asio::ip::tcp::socket client_;
};

std::string match_frame(const std::vector<float>& embedding, std::uint16_t top_k) {
  std::string frame;
  ClientRequest request;
  request.values = embedding;
  request.id = 7;
  request.top_k = top_k;
  encode_client_frame(request, frame);
  return frame;
}

class WorkerAllocations : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!semroute::test::kAllocationsAreCounted) GTEST_SKIP() << "a sanitizer build counts no allocations";
  }

  WorkerWithClient worker_{test::config_of({{"billing", {1.0F, 0.0F, 0.0F, 0.9F, 0.1F, 0.0F}},
                                            {"refund", {0.0F, 1.0F, 0.0F, 0.1F, 0.9F, 0.0F}},
                                            {"a route whose name is longer than a short string", {0.0F, 0.0F, 1.0F}}},
                                           test::max_at(0.5), core::Metric::cosine, 3)};
};

TEST_F(WorkerAllocations, AFrameOfOneMatchCostsNone) {
  const std::vector<std::string> frames{match_frame({0.0F, 0.1F, 1.0F}, 1), match_frame({1.0F, 0.2F, 0.1F}, 3),
                                        match_frame({-1.0F, -1.0F, -1.0F}, 1)};
  const auto ask_all = [&](int times) {
    for (int i = 0; i < times; ++i)
      for (const std::string& frame : frames) worker_.ask(frame, 1);
  };
  // Long enough for the counter in the request ids not to grow a digit afterwards.
  ask_all(100);
  const std::size_t before = worker_.allocations();
  ask_all(400);
  EXPECT_EQ(worker_.allocations(), before);

  const auto reply = decode_reply(worker_.ask(frames[0], 1));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->results.at(0).route, "a route whose name is longer than a short string");
  EXPECT_EQ(reply->id, 7U);
}

// How many frames arrive together is the network's affair, and the largest burst so far has made the output as large as
// its replies: a few allocations for hundreds of requests, never one each.
TEST_F(WorkerAllocations, ABurstCostsAtMostAGrowingBuffer) {
  const std::string frame = match_frame({1.0F, 0.2F, 0.1F}, 3);
  worker_.ask(frame, 64);
  const std::size_t before = worker_.allocations();
  for (int i = 0; i < 16; ++i) worker_.ask(frame, 64);
  EXPECT_LE(worker_.allocations() - before, 16U);
}

TEST_F(WorkerAllocations, TheCountCounts) {
  const std::size_t before = worker_.allocations();
  // Each route's name among the references of an explanation.
  ClientRequest request;
  const std::vector<float> embedding{1.0F, 0.2F, 0.1F};
  request.id = 8;
  request.values = embedding;
  request.explain = true;
  std::string frame;
  encode_client_frame(request, frame);
  worker_.ask(frame, 1);
  EXPECT_GT(worker_.allocations(), before);
}

}  // namespace
}  // namespace semroute::router
