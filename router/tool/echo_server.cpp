#include "router/tool/echo_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <optional>

#include "config/header_rules.h"
#include "core/base/limits.h"
#include "core/base/utf8.h"
#include "router/protocol/json_codec.h"
#include "router/protocol/json_values.h"
#include "router/tool/limits.h"

namespace semroute::router::tool {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;

using Request = http::request<http::string_body>;

EchoedRequest echoed(const Request& request) {
  EchoedRequest out{std::string(request.method_string()), std::string(request.target()), {}, request.body()};
  for (const auto& field : request) {
    const auto given = field.name_string();
    std::string name = config::lower_case({given.data(), given.size()});
    if (name.starts_with("x-") || name == "traceparent")
      out.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return out;
}

// One connection. Kept alive by its pending operation.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const EchoRules& rules, const EchoServer::OnRequest& on_request, std::size_t& open)
      : stream_(std::move(socket)),
        delay_(stream_.get_executor()),
        rules_(rules),
        on_request_(on_request),
        open_(open) {
    ++open_;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { --open_; }

  void read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(kEchoMaxHeaderBytes));
    parser_->body_limit(kEchoMaxBodyBytes);
    stream_.expires_after(kEchoIdleTimeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code problem, std::size_t) { self->on_read(problem); });
  }

 private:
  void on_read(error_code problem) {
    if (problem == http::error::body_limit || problem == http::error::header_limit) {
      return answer(413, R"({"error":"the request is too large"})", false);
    }
    if (problem.category() == http::make_error_code(http::error::bad_method).category() &&
        problem != http::error::end_of_stream && problem != http::error::partial_message) {
      return answer(400, R"({"error":"no HTTP/1.1 request"})", false);
    }
    if (problem) return;
    const Request request = parser_->release();
    const EchoedRequest got = echoed(request);
    on_request_(got);
    std::string body = echo_json(got);
    const bool keep = request.keep_alive();
    if (rules_.delay.count() == 0) return answer(rules_.status, std::move(body), keep);
    delay_.expires_after(rules_.delay);
    delay_.async_wait([self = shared_from_this(), body = std::move(body), keep](error_code cancelled) mutable {
      if (!cancelled) self->answer(self->rules_.status, std::move(body), keep);
    });
  }

  void answer(unsigned status, std::string body, bool keep) {
    reply_ = {};
    reply_.version(11);
    reply_.result(status);
    reply_.set(http::field::content_type, "application/json");
    reply_.keep_alive(keep);
    reply_.body() = std::move(body);
    reply_.prepare_payload();
    stream_.expires_after(kEchoIdleTimeout);
    http::async_write(stream_, reply_, [self = shared_from_this(), keep](error_code problem, std::size_t) {
      if (problem) return;
      if (keep) return self->read();
      error_code ignored;
      self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  beast::tcp_stream stream_;
  asio::steady_timer delay_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> reply_;
  const EchoRules& rules_;
  const EchoServer::OnRequest& on_request_;
  std::size_t& open_;
};

}  // namespace

std::string echo_json(const EchoedRequest& request) {
  std::string out = R"({"method":)";
  append_json_string(request.method, out);
  out += R"(,"path":)";
  append_json_string(request.path, out);
  out += R"(,"headers":{)";
  for (const auto& [name, value] : request.headers) {
    if (out.back() != '{') out += ',';
    append_json_string(name, out);
    out += ':';
    append_json_string(value, out);
  }
  out += R"(},"body_bytes":)" + std::to_string(request.body.size()) + R"(,"body":)";
  if (is_json(request.body)) {
    out += request.body;
  } else if (request.body.empty() || !core::is_utf8(request.body)) {
    out += "null";
  } else {
    append_json_string(request.body, out);
  }
  return out + "}";
}

struct EchoServer::State {
  State(EchoRules echo_rules, OnRequest callback) : rules(echo_rules), on_request(std::move(callback)) {}

  EchoRules rules;
  OnRequest on_request;
  std::size_t open = 0;  // connections; outlives them, as they die with `io`
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer backoff{io};

  void accept() {
    acceptor.async_accept([this](error_code problem, tcp::socket socket) {
      if (problem == asio::error::operation_aborted) return;
      if (problem || open >= kEchoMaxConnections) {
        // Out of descriptors, or of connections: the peer may come again.
        backoff.expires_after(core::kAcceptBackoff);
        backoff.async_wait([this](error_code cancelled) {
          if (!cancelled) accept();
        });
        return;
      }
      std::make_shared<Connection>(std::move(socket), rules, on_request, open)->read();
      accept();
    });
  }
};

EchoServer::EchoServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
EchoServer::~EchoServer() = default;

core::Result<std::unique_ptr<EchoServer>> EchoServer::listen(const Endpoint& endpoint, EchoRules rules,
                                                             OnRequest on_request) {
  auto state = std::make_unique<State>(rules, std::move(on_request));
  error_code problem;
  tcp::resolver resolver(state->io);
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, problem);
  if (!problem) {
    const tcp::endpoint address = found.begin()->endpoint();
    state->acceptor.open(address.protocol(), problem);
    if (!problem) state->acceptor.set_option(tcp::acceptor::reuse_address(true), problem);
    if (!problem) state->acceptor.bind(address, problem);
    if (!problem) state->acceptor.listen(tcp::acceptor::max_listen_connections, problem);
  }
  if (problem) {
    return core::Error{core::ErrorCode::unavailable,
                       "cannot listen on " + to_string(endpoint) + ": " + problem.message()};
  }
  return std::unique_ptr<EchoServer>(new EchoServer(std::move(state)));
}

Endpoint EchoServer::address() const {
  error_code ignored;
  const tcp::endpoint local = state_->acceptor.local_endpoint(ignored);
  return {local.address().to_string(), local.port()};
}

void EchoServer::run(const std::vector<int>& signals) {
  asio::signal_set ends(state_->io);
  for (const int signal : signals) ends.add(signal);
  if (!signals.empty()) {
    ends.async_wait([this](error_code cancelled, int) {
      if (!cancelled) state_->io.stop();
    });
  }
  state_->accept();
  state_->io.run();
}

void EchoServer::stop() {
  asio::post(state_->io, [this] { state_->io.stop(); });
}

}  // namespace semroute::router::tool
