#include "router/tool/load_connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstring>

#include "core/base/limits.h"
#include "router/protocol/frame_codec.h"
#include "router/tool/ask.h"
#include "router/tool/endpoint.h"
#include "router/tool/json_text.h"
#include "router/tool/wire.h"

namespace semroute::router::tool {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr Clock::time_point kNotInFlight = Clock::time_point::min();
constexpr std::string_view kJsonIdPrefix = R"({"id":)";
constexpr std::string_view kJsonOk = R"(,"ok":true)";

}  // namespace

LoadConnection::LoadConnection(asio::io_context& io, const LoadPlan& plan, LoadClock& clock, LoadTally& tally,
                               std::size_t first)
    : socket_(io),
      plan_(plan),
      clock_(clock),
      tally_(tally),
      next_(first % plan.encoded.size()),
      begun_(plan.pipeline, kNotInFlight),
      received_(core::kReadChunkBytes) {}

core::Result<void> LoadConnection::connect() {
  const auto endpoint = parse_endpoint(plan_.server);
  if (!endpoint) return endpoint.error();
  auto& io = static_cast<asio::io_context&>(socket_.get_executor().context());
  error_code problem;
  asio::ip::tcp::resolver resolver(io);
  const auto addresses = resolver.resolve(endpoint->host, std::to_string(endpoint->port), problem);
  if (!problem) {
    problem = asio::error::timed_out;
    asio::async_connect(socket_, addresses,
                        [&problem](error_code code, const asio::ip::tcp::endpoint&) { problem = code; });
    io.restart();
    io.run_for(kConnectTimeout);
    if (!io.stopped()) {
      error_code ignored;
      socket_.close(ignored);
      io.run();
      problem = asio::error::timed_out;
    }
    io.restart();
  }
  if (problem) {
    return core::Error{core::ErrorCode::unavailable,
                       "cannot connect to " + plan_.server + ": " + problem.message() +
                           ". Is the daemon running, and is limits.max_connections high enough?"};
  }
  socket_.set_option(asio::ip::tcp::no_delay(true), problem);
  return {};
}

void LoadConnection::start() {
  const auto now = Clock::now();
  for (std::size_t slot = 0; slot < plan_.pipeline; ++slot) begin_request(slot, now);
  if (in_flight_ == 0) return;
  write();
  read();
}

void LoadConnection::begin_request(std::size_t slot, Clock::time_point now) {
  if (!clock_.take(now)) return;
  const std::string& encoded = plan_.encoded[next_];
  next_ = next_ + 1 == plan_.encoded.size() ? 0 : next_ + 1;
  if (plan_.wire == Wire::binary) {
    const std::size_t at = due_.size();
    due_ += encoded;
    set_frame_id(std::span(due_).subspan(at), static_cast<std::uint32_t>(slot));
  } else {
    due_ += kJsonIdPrefix;
    due_ += std::to_string(slot);
    due_ += ',';
    due_.append(encoded, 1);
    due_ += '\n';
  }
  begun_[slot] = now;
  ++in_flight_;
}

void LoadConnection::write() {
  if (due_.empty() || !writing_.empty()) return;
  writing_.swap(due_);
  asio::async_write(socket_, asio::buffer(writing_), [this](error_code problem, std::size_t) {
    writing_.clear();
    if (problem) return lose(problem.message());
    write();
  });
}

void LoadConnection::read() {
  if (received_bytes_ == received_.size()) {
    if (received_.size() >= kMaxReplyBytes) return lose("a reply over " + std::to_string(kMaxReplyBytes) + " bytes");
    received_.resize(received_.size() * 2);
  }
  socket_.async_read_some(asio::buffer(received_.data() + received_bytes_, received_.size() - received_bytes_),
                          [this](error_code problem, std::size_t count) {
                            if (problem) return lose(problem.message());
                            on_bytes(count);
                          });
}

void LoadConnection::on_bytes(std::size_t count) {
  received_bytes_ += count;
  const auto now = Clock::now();
  std::string_view have(received_.data(), received_bytes_);
  while (!have.empty() && !lost_) {
    const std::size_t bytes = plan_.wire == Wire::binary ? take_frame(have, now) : take_line(have, now);
    if (bytes == 0) break;
    have.remove_prefix(bytes);
  }
  if (lost_) return;
  std::memmove(received_.data(), have.data(), have.size());
  received_bytes_ = have.size();
  if (in_flight_ == 0) {
    error_code ignored;
    socket_.close(ignored);
    return;
  }
  write();
  read();
}

std::size_t LoadConnection::take_frame(std::string_view have, Clock::time_point now) {
  const FramePeek peek = peek_frame(have, kMaxReplyBytes);
  if (peek.error) {
    lose("bytes that are no frame");
    return 0;
  }
  if (!peek.header || have.size() < peek.frame_bytes) return 0;
  const bool failed = (peek.header->flags & kFrameFlagError) != 0;
  answered(peek.header->request_id, failed ? error_code_of(have.substr(0, peek.frame_bytes)) : std::string{}, now);
  return peek.frame_bytes;
}

std::size_t LoadConnection::take_line(std::string_view have, Clock::time_point now) {
  const auto end = have.find('\n');
  if (end == std::string_view::npos) return 0;
  const std::string_view line = have.substr(0, end);
  std::size_t slot = begun_.size();
  std::string_view rest;
  if (line.starts_with(kJsonIdPrefix)) {
    const auto [after, problem] = std::from_chars(line.data() + kJsonIdPrefix.size(), line.data() + line.size(), slot);
    if (problem == std::errc{}) rest = line.substr(static_cast<std::size_t>(after - line.data()));
  }
  std::string error;
  if (!rest.starts_with(kJsonOk)) {
    const auto reply = parse_json(line);
    error = reply ? refusal_of(*reply).code : "internal";
  }
  answered(slot, error, now);
  return end + 1;
}

void LoadConnection::answered(std::size_t slot, const std::string& error, Clock::time_point now) {
  if (slot >= begun_.size() || begun_[slot] == kNotInFlight) {
    return lose(error.empty() ? "a reply to no request" : "an error that ends the connection: " + error);
  }
  const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(now - begun_[slot]).count();
  tally_.latency_ns.record(static_cast<std::uint64_t>(took));
  if (!error.empty()) ++tally_.errors[error];
  ++tally_.answered;
  tally_.last_reply = now;
  begun_[slot] = kNotInFlight;
  --in_flight_;
  begin_request(slot, now);
}

void LoadConnection::lose(std::string why) {
  if (lost_) return;
  lost_ = true;
  if (in_flight_ > 0 && tally_.why_lost.empty()) tally_.why_lost = std::move(why);
  tally_.lost += in_flight_;
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace semroute::router::tool
