// HttpFixture: an http target, not started: no health checks, unless a test does, and its channel.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/plugins/target_fixture.h"

namespace semroute::plugins::test {

class HttpFixture : public TargetFixture {
 protected:
  // `keys` beside the url, as the YAML reader would give them.
  void open(std::uint16_t port, std::vector<config::Member> keys = {}, const std::string& host = "127.0.0.1") {
    keys.push_back({"url", {}, scalar("http://" + host + ":" + std::to_string(port) + "/echo?x=1")});
    open_keys(std::move(keys));
  }

  void open(const std::vector<std::uint16_t>& ports, std::vector<config::Member> keys = {}) {
    config::Value::List endpoints;
    // Different ones, though they may be of one server.
    for (const std::uint16_t port : ports) {
      endpoints.push_back(map({text_of("url", url_of(port) + "?e=" + std::to_string(endpoints.size()))}));
    }
    keys.push_back({"endpoints", {}, scalar(std::move(endpoints))});
    open_keys(std::move(keys));
  }

  static std::string url_of(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port) + "/echo"; }

  void open_keys(std::vector<config::Member> keys) {
    TargetFixture::open(target_of("service", "http", std::move(keys)), false);
  }
};

inline std::string reply_of(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

// Answers every request of every connection with the same bytes.
inline FaultServer::Script always(std::string reply) {
  return [reply = std::move(reply)](FaultServer::Connection& connection) {
    while (connection.read_request() && connection.send(reply)) {
    }
  };
}

}  // namespace semroute::plugins::test
