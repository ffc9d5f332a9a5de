#include "router/tool/client.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/base/limits.h"
#include "router/protocol/frame_codec.h"
#include "router/tool/endpoint.h"

namespace semroute::router::tool {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using core::Error;
using core::ErrorCode;

std::uint32_t little_endian_u32(const char* bytes) noexcept {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8U * i);
  }
  return value;
}

}  // namespace

struct Client::State {
  explicit State(std::string server_name) : server(std::move(server_name)) {}

  std::string server;
  asio::io_context io{1};
  asio::ip::tcp::socket socket{io};
  std::string received;  // from `consumed` on: bytes not handed out yet
  std::size_t consumed = 0;
  std::vector<char> chunk = std::vector<char>(core::kReadChunkBytes);

  // Runs what was started until it completes; past the timeout the socket is closed, which completes it.
  // False: timed out.
  bool complete_within(std::chrono::milliseconds timeout) {
    io.restart();
    io.run_for(timeout);
    if (io.stopped()) return true;
    error_code ignored;
    socket.close(ignored);
    io.run();
    return false;
  }

  Error timed_out(std::string_view what, std::chrono::milliseconds timeout) const {
    return {ErrorCode::timeout, server + " " + std::string(what) + " within " + std::to_string(timeout.count()) +
                                    " ms; is it semrouted's `listen` address, and is the machine overloaded?"};
  }

  // Until `deadline`; `timeout` is what the caller was given, for the message.
  core::Result<void> read_some(std::chrono::steady_clock::time_point deadline, std::chrono::milliseconds timeout) {
    if (consumed > 0) {
      received.erase(0, consumed);
      consumed = 0;
    }
    if (received.size() > kMaxReplyBytes) {
      return Error{ErrorCode::too_large,
                   server + " sent a reply over " + std::to_string(kMaxReplyBytes) + " bytes; ask for less at once"};
    }
    error_code problem;
    std::size_t count = 0;
    socket.async_read_some(asio::buffer(chunk), [&](error_code code, std::size_t bytes) {
      problem = code;
      count = bytes;
    });
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (!complete_within(std::max(left, std::chrono::milliseconds{0}))) return timed_out("did not answer", timeout);
    if (problem) {
      const std::string how = problem == asio::error::eof ? "closed the connection" : problem.message();
      return Error{
          ErrorCode::unavailable,
          server + ": " + how + " before the reply was complete; the daemon's log says why, if it is semrouted"};
    }
    received.append(chunk.data(), count);
    return {};
  }
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::Client(Client&& other) noexcept = default;
Client& Client::operator=(Client&& other) noexcept = default;
Client::~Client() = default;

core::Result<Client> Client::connect(const std::string& server, std::chrono::milliseconds timeout) {
  const auto endpoint = parse_endpoint(server);
  if (!endpoint) return endpoint.error();
  auto state = std::make_unique<State>(server);
  const std::string advice =
      ". Is the daemon running? Start it with \"semrouted --config FILE\", or name another with --server or "
      "$SEMROUTE_SERVER";
  error_code problem;
  asio::ip::tcp::resolver resolver(state->io);
  const auto addresses = resolver.resolve(endpoint->host, std::to_string(endpoint->port), problem);
  if (problem) return Error{ErrorCode::unavailable, "cannot resolve " + server + ": " + problem.message() + advice};
  asio::async_connect(state->socket, addresses,
                      [&problem](error_code code, const asio::ip::tcp::endpoint&) { problem = code; });
  if (!state->complete_within(timeout)) {
    return Error{ErrorCode::unavailable,
                 "cannot connect to " + server + " within " + std::to_string(timeout.count()) + " ms" + advice};
  }
  if (problem) return Error{ErrorCode::unavailable, "cannot connect to " + server + ": " + problem.message() + advice};
  state->socket.set_option(asio::ip::tcp::no_delay(true), problem);
  return Client(std::move(state));
}

core::Result<void> Client::send(std::string_view bytes, std::chrono::milliseconds timeout) {
  error_code problem;
  asio::async_write(state_->socket, asio::buffer(bytes), [&problem](error_code code, std::size_t) { problem = code; });
  if (!state_->complete_within(timeout)) return state_->timed_out("did not take the request", timeout);
  if (problem) {
    return Error{ErrorCode::unavailable, "cannot send to " + state_->server + ": " + problem.message()};
  }
  return {};
}

core::Result<std::string> Client::receive_line(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::size_t looked = 0;  // bytes after `consumed` that hold no line end
  while (true) {
    const auto end = state_->received.find('\n', state_->consumed + looked);
    if (end != std::string::npos) {
      std::string line = state_->received.substr(state_->consumed, end - state_->consumed);
      state_->consumed = end + 1;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      return line;
    }
    looked = state_->received.size() - state_->consumed;
    const auto more = state_->read_some(deadline, timeout);
    if (!more) return more.error();
  }
}

core::Result<std::string> Client::receive_frame(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const std::string_view have = std::string_view(state_->received).substr(state_->consumed);
    if (!have.empty() && static_cast<std::uint8_t>(have[0]) != kFrameMagic) {
      return Error{ErrorCode::internal, state_->server + " answered with bytes that are no frame; is it semrouted?"};
    }
    if (have.size() >= kFrameHeaderBytes) {
      const std::size_t bytes = kFrameHeaderBytes + little_endian_u32(have.data() + 8);
      if (bytes > kMaxReplyBytes) {
        return Error{ErrorCode::too_large, state_->server + " announced a reply of " + std::to_string(bytes) +
                                               " bytes; ask for less at once"};
      }
      if (have.size() >= bytes) {
        std::string frame(have.substr(0, bytes));
        state_->consumed += bytes;
        return frame;
      }
    }
    const auto more = state_->read_some(deadline, timeout);
    if (!more) return more.error();
  }
}

}  // namespace semroute::router::tool
