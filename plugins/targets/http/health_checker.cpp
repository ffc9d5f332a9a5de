#include "plugins/targets/http/health_checker.h"

#include <algorithm>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include "config/header_rules.h"

namespace semroute::plugins {

namespace asio = boost::asio;

// The checks of one endpoint, one after another.
class HttpHealthChecker::Check final : private HttpConnection::User, private HttpTimed {
 public:
  Check(asio::io_context& io, HttpDeadlines& deadlines, std::shared_ptr<HttpUpstream> upstream, std::size_t endpoint)
      : io_(io),
        deadlines_(deadlines),
        upstream_(std::move(upstream)),
        number_(endpoint),
        endpoint_(upstream_->endpoint(endpoint)),
        health_(*upstream_->settings().health),
        request_("GET " + health_.path + " HTTP/1.1\r\nHost: " + endpoint_.url.authority +
                 "\r\nUser-Agent: semrouted/" SEMROUTE_VERSION "\r\nConnection: close\r\n") {
    for (const auto& [name, value] : upstream_->settings().headers) {
      if (!config::equal_ignoring_case(name, "user-agent")) request_ += name + ": " + value + "\r\n";
    }
    request_ += "\r\n";
    begin();
  }
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;
  ~Check() { drop(); }

 private:
  void begin() {
    began_ = Clock::now();
    is_running_ = true;
    const bool is_out = endpoint_.ejection.state() != HttpEjection::State::in;
    // What was well before the ejection says nothing about what came of it.
    if (is_out && !std::exchange(was_out_, is_out)) passed_ = 0;
    was_out_ = is_out;
    deadlines_.set(*this, began_ + health_.timeout);
    if (endpoint_.addresses->known(began_) != nullptr) return connect();
    waits_ = std::make_shared<bool>(true);
    endpoint_.addresses->wait(this, [this, &io = io_, waits = std::weak_ptr<bool>(waits_)] {
      asio::post(io, [this, waits] {
        if (!waits.expired()) connect();
      });
    });
  }

  void connect() {
    waits_.reset();
    auto known = endpoint_.addresses->known(Clock::now());
    if (known == nullptr) return end(false);
    connection_ = std::make_shared<HttpConnection>(io_, endpoint_.tls, endpoint_.url.host, ConnectionPermit());
    connection_->use(*this);
    connection_->connect(std::move(known), upstream_->settings().deny_networks);
  }

  void on_connected(const boost::system::error_code& error) override {
    if (error) return end(false);
    connection_->reader().start(upstream_->settings().max_reply_bytes);
    const auto written = connection_->write({asio::buffer(request_), {}, {}}, upstream_);
    if (written.error) return end(false);
    connection_->read();
  }

  void on_written(const boost::system::error_code& /*error*/, std::size_t /*bytes*/) override {
    // Reading tells.
  }

  void on_read(const boost::system::error_code& error, std::size_t bytes) override {
    if (error && error != asio::error::eof) return end(false);
    if (error) {
      connection_->reader().commit_end();
    } else {
      connection_->reader().commit(bytes);
    }
    switch (connection_->reader().next()) {
      case HttpReplyReader::Event::more: return connection_->read();
      case HttpReplyReader::Event::head: return end(connection_->reader().status() / 100 == 2);
      default: return end(false);
    }
  }

  void on_due() override {
    if (is_running_) {
      end(false);
    } else {
      begin();
    }
  }

  void drop() {
    if (std::exchange(waits_, nullptr) != nullptr) endpoint_.addresses->forget(this);
    if (const auto connection = std::exchange(connection_, nullptr)) connection->close();
  }

  void end(bool has_passed) {
    drop();
    is_running_ = false;
    const auto now = Clock::now();
    if (has_passed) {
      failed_ = 0;
      if (++passed_ >= health_.healthy_after) upstream_->on_healthy(number_, now);
    } else {
      passed_ = 0;
      if (++failed_ >= health_.unhealthy_after) upstream_->on_unhealthy(number_);
    }
    deadlines_.set(*this, std::max(began_ + health_.interval, now));
  }

  asio::io_context& io_;
  HttpDeadlines& deadlines_;
  const std::shared_ptr<HttpUpstream> upstream_;
  const std::size_t number_;
  HttpEndpoint& endpoint_;
  const HttpHealthSettings& health_;
  std::string request_;
  std::shared_ptr<HttpConnection> connection_;
  std::shared_ptr<bool> waits_;  // while a look-up is waited for
  Clock::time_point began_;
  std::uint64_t passed_ = 0;  // in a row
  std::uint64_t failed_ = 0;
  bool is_running_ = false;
  bool was_out_ = false;
};

HttpHealthChecker::HttpHealthChecker(asio::io_context& io, std::shared_ptr<HttpUpstream> upstream) : deadlines_(io) {
  for (std::size_t i = 0; i < upstream->size(); ++i) {
    checks_.push_back(std::make_unique<Check>(io, deadlines_, upstream, i));
  }
}

HttpHealthChecker::~HttpHealthChecker() = default;

}  // namespace semroute::plugins
