#include "bench/router/paced_client.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "bench/router/pipelined_client.h"
#include "router/protocol/frame_codec.h"
#include "router/tool/wire.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kReceiveBytes = std::size_t{256} << 10;  // more than a reply has

double us_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

}  // namespace

PacedClient::PacedClient(std::uint16_t port) : fd_(connect_to(port)), received_(kReceiveBytes) {}

PacedClient::~PacedClient() { ::close(fd_); }

PacedClient::Turn PacedClient::run(const Pace& pace, const NextFrame& next, const OnReply& replied) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // nanosecond: the system's default makes every sleep 50 us longer
  Turn turn;
  const auto begin = Clock::now();
  const auto end = begin + pace.duration;
  const bool is_paced = std::isfinite(pace.per_second);
  const auto due_of = [&](std::uint64_t request) {
    return begin + std::chrono::duration_cast<Clock::duration>(
                       std::chrono::duration<double>(static_cast<double>(request) / pace.per_second));
  };
  auto now = begin;
  auto heard = begin;
  while (is_open_) {
    now = Clock::now();
    auto due = is_paced ? due_of(turn.sent) : now;
    while (is_open_ && turn.sent < pace.most && in_flight_ < pace.most_in_flight && due <= now && now < end) {
      send(due, next, turn);
      now = heard = Clock::now();
      due = is_paced ? due_of(turn.sent) : now;
    }
    const bool is_done = turn.sent >= pace.most || std::max(due, now) >= end;
    if (is_done && in_flight_ == 0) break;
    if (now > heard + kPatience) break;
    const bool waits_for_time = !is_done && in_flight_ < pace.most_in_flight;
    const auto wake = waits_for_time ? due : heard + kPatience;
    const auto wait = std::max(Clock::duration::zero(), wake - now);
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(wait);
    const ::timespec timeout{whole.count(), std::chrono::nanoseconds(wait - whole).count()};
    ::pollfd polled{fd_, POLLIN, 0};
    if (::ppoll(&polled, 1, &timeout, nullptr) > 0) {
      heard = Clock::now();
      is_open_ = receive(replied, turn);
    }
  }
  turn.seconds = us_between(begin, Clock::now()) / 1e6;
  in_flight_ = 0;
  return turn;
}

void PacedClient::send(Clock::time_point due, const NextFrame& next, Turn& turn) {
  const auto id = static_cast<std::uint32_t>(flights_.size() + 1);
  const std::span<char> frame = next(id);
  router::tool::set_frame_id(frame, id);
  const auto now = Clock::now();
  flights_.push_back({due, now});
  turn.late_us.push_back(us_between(due, now));
  ++turn.sent;
  ++in_flight_;
  for (std::size_t at = 0; at < frame.size();) {
    const auto sent = ::send(fd_, frame.data() + at, frame.size() - at, MSG_NOSIGNAL);
    is_open_ = sent > 0;
    if (!is_open_) return;
    at += static_cast<std::size_t>(sent);
  }
}

bool PacedClient::receive(const OnReply& replied, Turn& turn) {
  const auto got = ::recv(fd_, received_.data() + received_bytes_, received_.size() - received_bytes_, 0);
  if (got <= 0) return false;
  const auto now = Clock::now();
  received_bytes_ += static_cast<std::size_t>(got);
  std::string_view rest(received_.data(), received_bytes_);
  for (;;) {
    const router::FramePeek peek = router::peek_frame(rest, received_.size() - router::kFrameHeaderBytes);
    if (peek.error) return false;
    if (!peek.header || rest.size() < peek.frame_bytes) break;
    take(rest.substr(0, peek.frame_bytes), now, replied, turn);
    rest.remove_prefix(peek.frame_bytes);
  }
  std::memmove(received_.data(), rest.data(), rest.size());
  received_bytes_ = rest.size();
  return true;
}

void PacedClient::take(std::string_view frame, Clock::time_point now, const OnReply& replied, Turn& turn) {
  const std::uint32_t id = router::peek_frame(frame, frame.size()).header->request_id;
  if (id == 0 || id > flights_.size() || flights_[id - 1].is_answered) {
    ++turn.strange;
    return;
  }
  Flight& flight = flights_[id - 1];
  flight.is_answered = true;
  ++turn.answered;
  --in_flight_;
  replied({id, us_between(flight.due, now), us_between(flight.sent, now), frame});
}

}  // namespace semroute::bench
