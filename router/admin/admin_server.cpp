#include "router/admin/admin_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "core/base/limits.h"
#include "router/net/listener.h"

namespace semroute::router {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

class AdminServer::Impl : public std::enable_shared_from_this<AdminServer::Impl> {
 public:
  Impl(asio::io_context& io, AdminAnswers given)
      : answers(std::move(given)),
        listener(
            io, [&io]() -> asio::io_context& { return io; },
            [this](asio::ip::tcp::socket socket) { serve(std::move(socket)); }) {}

  void serve(asio::ip::tcp::socket socket);

  AdminAnswers answers;
  Listener listener;
  std::size_t connections = 0;
};

namespace {

using Response = http::response<http::string_body>;

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

// One HTTP connection.
class Conversation : public std::enable_shared_from_this<Conversation> {
 public:
  Conversation(asio::ip::tcp::socket socket, const AdminAnswers& answers, std::shared_ptr<void> guard)
      : stream_(std::move(socket)), answers_(answers), guard_(std::move(guard)) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(core::kAdminMaxHeaderBytes);
    parser_->body_limit(std::uint64_t{0});
    stream_.expires_after(core::kAdminTimeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const error_code& ec, std::size_t) { self->on_read(ec); });
  }

 private:
  void on_read(const error_code& ec) {
    if (!ec)
      return write(answer(answers_, parser_->get()), parser_->get().method() == http::verb::head,
                   parser_->get().keep_alive());
    if (ec == http::error::end_of_stream || ec == beast::error::timeout ||
        ec.category() == asio::error::get_system_category()) {
      return close();
    }
    auto status = http::status::bad_request;
    if (ec == http::error::header_limit) status = http::status::request_header_fields_too_large;
    if (ec == http::error::body_limit || ec == http::error::unexpected_body) status = http::status::payload_too_large;
    Response r(status, 11);
    r.body() = "{\"ok\":false,\"error\":{\"code\":\"bad_request\",\"message\":\"" + ec.message() + "\"}}\n";
    write(std::move(r), false, false);
  }

  void write(Response response, bool head, bool keep_alive) {
    response_ = std::move(response);
    response_.keep_alive(keep_alive);
    response_.prepare_payload();
    if (head) response_.body().clear();
    const auto done = [self = shared_from_this(), keep_alive](const error_code& ec, std::size_t) {
      if (ec || !keep_alive) return self->close();
      self->read();
    };
    http::async_write(stream_, response_, done);
  }

  void close() {
    error_code ec;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ec);
    stream_.close();
  }

  beast::tcp_stream stream_;
  const AdminAnswers& answers_;
  std::shared_ptr<void> guard_;  // keeps the answers alive and the connection counted
  beast::flat_buffer buffer_{core::kAdminMaxHeaderBytes + 1024};
  std::optional<http::request_parser<http::empty_body>> parser_;
  Response response_;
};

}  // namespace

void AdminServer::Impl::serve(asio::ip::tcp::socket socket) {
  if (connections >= core::kAdminMaxConnections) return;  // closes it
  ++connections;
  const std::shared_ptr<void> guard(nullptr, [self = shared_from_this()](void*) { --self->connections; });
  std::make_shared<Conversation>(std::move(socket), answers, guard)->read();
}

AdminServer::AdminServer(asio::io_context& io, AdminAnswers answers)
    : impl_(std::make_shared<Impl>(io, std::move(answers))) {}

AdminServer::~AdminServer() { close(); }

core::Result<void> AdminServer::open(const config::Address& address) {
  if (auto opened = impl_->listener.open(address); !opened.ok()) return opened;
  impl_->listener.start();
  return {};
}

config::Address AdminServer::address() const { return impl_->listener.address(); }

void AdminServer::close() { impl_->listener.close(); }

}  // namespace semroute::router
