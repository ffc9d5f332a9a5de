// RawClient: a plain blocking TCP client, for tests that send exactly the bytes they mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace semroute::test {

class RawClient {
 public:
  // `host` is an IPv4 address.
  explicit RawClient(std::uint16_t port, const std::string& host = "127.0.0.1");
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) const;
  // False when the peer has closed or the buffer stays full for 60 s.
  [[nodiscard]] bool try_send(std::string_view bytes) const;
  // True once the peer's system has taken all of it, whether or not the peer reads; false when it does not for 60 s.
  [[nodiscard]] bool delivered() const;
  // The next line without "\n"; nothing at the end of input or after `seconds`.
  [[nodiscard]] std::optional<std::string> read_line(int seconds = 60);
  // Exactly `n` bytes, or nothing.
  [[nodiscard]] std::optional<std::string> read_bytes(std::size_t n, int seconds = 60);
  // A whole binary frame, or nothing.
  [[nodiscard]] std::optional<std::string> read_frame(int seconds = 60);
  // Everything until the peer closes.
  [[nodiscard]] std::string read_all(int seconds = 60);
  // True when the peer closes (after any unread bytes) within `seconds`.
  [[nodiscard]] bool closed(int seconds = 60);
  // Whether the end that was seen was a reset rather than an orderly close.
  [[nodiscard]] bool was_reset() const { return reset_; }
  // One line there, one line back.
  [[nodiscard]] std::string ask(const std::string& line);
  void shutdown_send() const;
  // Closes with a reset.
  void reset();

 private:
  bool fill(int seconds);
  int fd_ = -1;
  bool ended_ = false;
  bool reset_ = false;
  std::string buffer_;
};

// One HTTP/1.1 request; the whole answer as text.
[[nodiscard]] std::string http_get(std::uint16_t port, const std::string& path, const std::string& method = "GET");

}  // namespace semroute::test
