// StreamSettings: what the own keys of a tcp or unix target said, checked; shared as const by all workers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace semroute::plugins {

// How requests and replies are told apart on a connection.
//   line  the payload and "\n"; the reply up to "\n", with a "\r" before it taken off
//   u32   four bytes, most significant first, that tell how many follow; the reply alike
enum class Framing : std::uint8_t { line, u32 };

struct StreamSettings {
  std::string address;  // as configured
  bool is_unix = false;
  std::string host;  // tcp: a name or an address, without brackets
  std::uint16_t port = 0;
  std::string path;  // unix
  Framing framing = Framing::line;
  bool idempotent = false;
  std::chrono::milliseconds connect_timeout{1'000};  // name resolution and all addresses together
  std::chrono::milliseconds timeout{60'000};         // from dispatch until the reply is complete
  // Of all workers together.
  std::size_t connections = 128;
  std::size_t pending = 256;
  std::size_t max_reply_bytes = std::size_t{8} << 20;
};

}  // namespace semroute::plugins
