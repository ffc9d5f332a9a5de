#include "router/admin/admin_server.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "config/header_rules.h"
#include "core/base/limits.h"
#include "router/admin/request_head.h"
#include "router/net/listener.h"

namespace semroute::router {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

class AdminServer::Impl : public std::enable_shared_from_this<AdminServer::Impl> {
 public:
  Impl(asio::io_context& io, AdminAnswers given, std::chrono::milliseconds timeout_given)
      : answers(std::move(given)),
        timeout(timeout_given),
        listener(
            io, [&io]() -> asio::io_context& { return io; },
            [this](asio::ip::tcp::socket socket) { serve(std::move(socket)); }) {}

  void serve(asio::ip::tcp::socket socket);

  AdminAnswers answers;
  std::chrono::milliseconds timeout;
  Listener listener;
  std::size_t connections = 0;
};

namespace {

using Response = http::response<http::string_body>;

// Such a path may be one thing here and another to a proxy in front.
bool has_two_meanings(std::string_view path) {
  const std::string lower = config::lower_case(path);
  return (lower + '/').find("/../") != std::string::npos || lower.find("%2e") != std::string::npos ||
         lower.find("%2f") != std::string::npos || lower.find("%00") != std::string::npos;
}

Response answer(const AdminAnswers& answers, const http::request<http::empty_body>& request) {
  const auto make = [&](http::status status, std::string_view type, std::string body) {
    Response r(status, request.version());
    r.set(http::field::content_type, std::string(type));
    r.set(http::field::cache_control, "no-store");
    r.body() = std::move(body);
    return r;
  };
  constexpr std::string_view kJson = "application/json";
  const std::string target(request.target());
  const std::string path = target.substr(0, target.find('?'));
  if (has_two_meanings(path)) {
    return make(http::status::bad_request, kJson,
                R"({"ok":false,"error":{"code":"bad_request","message":"the path holds .. or an escaped /, . or NUL"}})"
                "\n");
  }
  if (path != "/healthz" && path != "/readyz" && path != "/metrics") {
    return make(http::status::not_found, kJson,
                R"({"ok":false,"error":{"code":"not_found","message":"there is /healthz, /readyz and /metrics"}})"
                "\n");
  }
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    auto r = make(http::status::method_not_allowed, kJson,
                  R"({"ok":false,"error":{"code":"bad_request","message":"only GET and HEAD are allowed here"}})"
                  "\n");
    r.set(http::field::allow, "GET, HEAD");
    return r;
  }
  if (path == "/metrics") return make(http::status::ok, "text/plain; version=0.0.4; charset=utf-8", answers.metrics());
  if (path == "/healthz") return make(http::status::ok, kJson, "{\"ok\":true}\n");
  const std::string not_ready = answers.not_ready();
  if (not_ready.empty()) return make(http::status::ok, kJson, "{\"ready\":true}\n");
  return make(http::status::service_unavailable, kJson, "{\"ready\":false,\"not_ready\":[\"" + not_ready + "\"]}\n");
}

// One HTTP connection: reading a request, answering it, and so on; at the end lingering until the client has closed.
class Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  Conversation(asio::ip::tcp::socket socket, const AdminAnswers& answers, std::chrono::milliseconds timeout,
               std::shared_ptr<void> guard)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        timeout_(timeout),
        answers_(answers),
        guard_(std::move(guard)) {}

  void read() {
    state_ = State::reading;
    begun_ = buffer_.size() > 0;
    parser_.emplace();
    parser_->header_limit(core::kAdminMaxHeaderBytes);
    parser_->body_limit(std::uint64_t{0});
    end_after(timeout_);
    judge();
  }

 private:
  enum class State : std::uint8_t { reading, writing, lingering, closed };

  // What has arrived is whole, refused, or waits for more.
  void judge() {
    const HeadVerdict verdict = judge_head({static_cast<const char*>(buffer_.data().data()), buffer_.size()});
    switch (verdict.kind) {
      case HeadVerdict::Kind::more: return read_more();
      case HeadVerdict::Kind::refused: return refuse(http::int_to_status(verdict.status), verdict.reason);
      case HeadVerdict::Kind::whole: break;
    }
    http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](const error_code& ec, std::size_t) {
      if (self->state_ == State::reading) self->on_request(ec);
    });
  }

  void read_more() {
    const auto room = buffer_.prepare(std::min(buffer_.max_size() - buffer_.size(), core::kAdminMaxHeaderBytes));
    socket_.async_read_some(room, [self = shared_from_this()](const error_code& ec, std::size_t n) {
      if (self->state_ != State::reading) return;
      self->buffer_.commit(n);
      self->begun_ = self->begun_ || n > 0;
      if (!ec) return self->judge();
      if (ec == asio::error::eof && self->buffer_.size() > 0)
        return self->refuse(http::status::bad_request, "the request ends in its middle");
      self->close();
    });
  }

  void on_request(const error_code& ec) {
    if (!ec)
      return write(answer(answers_, parser_->get()), parser_->get().method() == http::verb::head,
                   parser_->get().keep_alive());
    if (ec == http::error::body_limit) return refuse(http::status::payload_too_large, "no request here has a body");
    if (ec.category() == asio::error::get_system_category()) return close();
    refuse(http::status::bad_request, ec.message());
  }

  void refuse(http::status status, std::string_view reason) {
    const std::string_view code = status == http::status::request_timeout ? "timeout"
                                  : status == http::status::bad_request   ? "bad_request"
                                                                          : "too_large";
    Response r(status, 11);
    r.set(http::field::content_type, "application/json");
    r.body() = "{\"ok\":false,\"error\":{\"code\":\"" + std::string(code) + "\",\"message\":\"" + std::string(reason) +
               "\"}}\n";
    write(std::move(r), false, false);
  }

  void write(Response response, bool head, bool keep_alive) {
    state_ = State::writing;
    end_after(timeout_);
    response_ = std::move(response);
    response_.keep_alive(keep_alive);
    response_.prepare_payload();
    if (head) response_.body().clear();
    http::async_write(socket_, response_, [self = shared_from_this(), keep_alive](const error_code& ec, std::size_t) {
      if (self->state_ != State::writing) return;
      if (ec) return self->close();
      if (keep_alive) return self->read();
      self->linger();
    });
  }

  // FIN first, then wait for the client's: closing on bytes that were not read would be a reset, which may overtake
  // the reply.
  void linger() {
    state_ = State::lingering;
    end_after(core::kLingerTimeout);
    error_code ec;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ec);
    if (ec) return close();
    throw_away();
  }

  void throw_away() {
    buffer_.clear();
    socket_.async_read_some(buffer_.prepare(core::kAdminMaxHeaderBytes),
                            [self = shared_from_this()](const error_code& ec, std::size_t) {
                              if (self->state_ != State::lingering) return;
                              if (ec) return self->close();
                              self->throw_away();
                            });
  }

  void end_after(std::chrono::milliseconds time) {
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this()](const error_code& ec) {
      if (!ec && self->timer_.expiry() <= asio::steady_timer::clock_type::now()) self->on_timeout();
    });
  }

  void on_timeout() {
    // Between requests there is nobody to tell.
    if (state_ != State::reading || !begun_) return close();
    state_ = State::writing;  // the read that is called off has nothing more to say
    error_code ec;
    socket_.cancel(ec);
    refuse(http::status::request_timeout, "the request did not arrive in time");
  }

  void close() {
    state_ = State::closed;
    timer_.cancel();
    error_code ec;
    socket_.close(ec);
  }

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  std::chrono::milliseconds timeout_;
  const AdminAnswers& answers_;
  std::shared_ptr<void> guard_;  // keeps the answers alive and the connection counted
  State state_ = State::reading;
  bool begun_ = false;  // something of the next request has arrived
  beast::flat_buffer buffer_{2 * core::kAdminMaxHeaderBytes};
  std::optional<http::request_parser<http::empty_body>> parser_;
  Response response_;
};

}  // namespace

void AdminServer::Impl::serve(asio::ip::tcp::socket socket) {
  if (connections >= core::kAdminMaxConnections) return;  // closes it
  ++connections;
  const std::shared_ptr<void> guard(nullptr, [self = shared_from_this()](void*) { --self->connections; });
  std::make_shared<Conversation>(std::move(socket), answers, timeout, guard)->read();
}

AdminServer::AdminServer(asio::io_context& io, AdminAnswers answers, std::chrono::milliseconds timeout)
    : impl_(std::make_shared<Impl>(io, std::move(answers), timeout)) {}

AdminServer::~AdminServer() { close(); }

core::Result<void> AdminServer::open(const config::Address& address) {
  if (auto opened = impl_->listener.open(address); !opened.ok()) return opened;
  impl_->listener.start();
  return {};
}

config::Address AdminServer::address() const { return impl_->listener.address(); }

void AdminServer::close() { impl_->listener.close(); }

}  // namespace semroute::router
