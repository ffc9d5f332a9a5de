#include "plugins/targets/http_reply.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "config/header_rules.h"
#include "core/base/limits.h"

namespace semroute::plugins {
namespace {

namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
constexpr int kMaxInterimReplies = 8;  // a target that only ever says "processing" must end
constexpr std::string_view kHeaderEnd = "\r\n\r\n";
constexpr std::string_view kStart = "HTTP/1.";

std::string_view view(boost::beast::string_view text) noexcept { return {text.data(), text.size()}; }

}  // namespace

struct HttpReplyReader::Impl {
  explicit Impl(std::size_t max_body) : max_body_bytes(max_body) { start_parser(); }

  std::size_t max_body_bytes;
  std::vector<char> buffer;
  std::size_t begin = 0;   // first byte not parsed yet
  std::size_t end = 0;     // one past the last byte read
  std::size_t looked = 0;  // bytes after `begin` already searched for the end of the header
  std::optional<Parser> parser;
  int interim_replies = 0;
  bool header_done = false;
  bool keep = false;
  std::string content_type;
  std::string problem;

  void start_parser() {
    parser.emplace();
    parser->header_limit(static_cast<std::uint32_t>(core::kHttpMaxReplyHeaderBytes));
    parser->body_limit(max_body_bytes);
    // One element a call until the header has passed the gate, everything at once from there.
    parser->eager(false);
    header_done = false;
    looked = 0;
  }

  State fail(std::string why) {
    problem = std::move(why);
    return State::failed;
  }

  State fail(const boost::beast::error_code& error) {
    if (error == http::error::body_limit) {
      return fail("the reply is larger than limits.max_reply (" + std::to_string(max_body_bytes) + " bytes)");
    }
    return fail("the reply is not HTTP/1.1: " + error.message());
  }

  [[nodiscard]] std::string_view unread() const noexcept { return {buffer.data() + begin, end - begin}; }

  State parse() {
    while (!header_done) {
      const State state = parse_header();
      if (state != State::complete) return state;
    }
    while (begin < end && !parser->is_done()) {
      boost::beast::error_code error;
      begin += parser->put(boost::asio::buffer(unread().data(), unread().size()), error);
      if (error == http::error::need_more) break;
      if (error) return fail(error);
    }
    if (parser->is_done()) return State::complete;
    // Only the line before a chunk stays unparsed here.
    if (end - begin > core::kHttpMaxReplyHeaderBytes) return fail("the reply is not HTTP/1.1: endless chunk header");
    return State::more;
  }

  // `complete`: a header was parsed (of an interim reply, if header_done is still false).
  State parse_header() {
    const std::string_view bytes = unread();
    const std::size_t start = std::min(bytes.size(), kStart.size());
    if (bytes.substr(0, start) != kStart.substr(0, start)) return fail("the reply is not HTTP/1.1");
    const std::size_t found = bytes.find(kHeaderEnd, looked);
    const std::size_t header_bytes = found == std::string_view::npos ? bytes.size() : found + kHeaderEnd.size();
    if (header_bytes > core::kHttpMaxReplyHeaderBytes) {
      return fail("the reply's header is larger than " + std::to_string(core::kHttpMaxReplyHeaderBytes) + " bytes");
    }
    if (found == std::string_view::npos) {
      looked = bytes.size() < kHeaderEnd.size() ? 0 : bytes.size() - (kHeaderEnd.size() - 1);
      return State::more;
    }
    const std::string_view header = bytes.substr(0, header_bytes);
    if (header.find("\r\n ") != std::string_view::npos || header.find("\r\n\t") != std::string_view::npos) {
      return fail("the reply's header has a folded line");
    }
    boost::beast::error_code error;
    const std::size_t used = parser->put(boost::asio::buffer(header.data(), header.size()), error);
    if (error) return fail(error);
    if (used != header.size() || !parser->is_header_done()) return fail("the reply's header is not HTTP/1.1");
    begin += used;

    const unsigned status = parser->get().result_int();
    if (status / 100 == 1) {
      if (status == 101) return fail("the reply switches protocols, which nobody asked for");
      if (++interim_replies > kMaxInterimReplies) return fail("the reply is interim (1xx) too many times");
      start_parser();
      return State::complete;
    }
    return pass_gate(status);
  }

  // What Beast lets through and another reader of the connection might frame in another way.
  State pass_gate(unsigned status) {
    const auto& reply = parser->get();
    const bool version_1_1 = reply.version() == 11;
    if (status < 200 || status > 599) return fail("the reply's status " + std::to_string(status) + " does not exist");
    const std::size_t lengths = reply.count(http::field::content_length);
    const std::size_t encodings = reply.count(http::field::transfer_encoding);
    if (encodings > 0) {
      const bool chunked = encodings == 1 && boost::beast::iequals(reply[http::field::transfer_encoding], "chunked");
      if (!chunked || lengths > 0 || !version_1_1) return fail("the reply's Transfer-Encoding leaves its end in doubt");
    }
    if (lengths > 1 || (lengths == 1 && !config::is_content_length(view(reply[http::field::content_length])))) {
      return fail("the reply's Content-Length leaves its end in doubt");
    }
    const bool bodiless = status == 204 || status == 304;
    // A body announced where there is none may still be sent.
    const bool announced = encodings > 0 || (lengths == 1 && view(reply[http::field::content_length]) != "0");
    keep = version_1_1 && parser->keep_alive() && !(bodiless && announced);
    content_type = view(reply[http::field::content_type]);
    if (!config::is_header_value(content_type)) content_type = "application/octet-stream";
    header_done = true;
    parser->eager(true);
    return State::complete;
  }
};

HttpReplyReader::HttpReplyReader(std::size_t max_body_bytes) : impl_(std::make_unique<Impl>(max_body_bytes)) {}
HttpReplyReader::~HttpReplyReader() = default;

std::span<char> HttpReplyReader::prepare() {
  Impl& impl = *impl_;
  if (impl.begin > 0) {
    std::memmove(impl.buffer.data(), impl.buffer.data() + impl.begin, impl.end - impl.begin);
    impl.end -= impl.begin;
    impl.begin = 0;
  }
  if (impl.buffer.size() - impl.end < kReadBytes / 4) impl.buffer.resize(impl.end + kReadBytes);
  return std::span(impl.buffer).subspan(impl.end);
}

HttpReplyReader::State HttpReplyReader::commit(std::size_t bytes) {
  impl_->end += bytes;
  return impl_->parse();
}

HttpReplyReader::State HttpReplyReader::finish() {
  Impl& impl = *impl_;
  impl.keep = false;
  if (!impl.header_done || !impl.parser->need_eof()) {
    return impl.fail(impl.end == 0 && !impl.header_done ? "the connection was closed without a reply"
                                                        : "the connection was closed within the reply");
  }
  boost::beast::error_code error;
  impl.parser->put_eof(error);
  return error ? impl.fail(error) : State::complete;
}

DispatchReply HttpReplyReader::take() {
  auto& message = impl_->parser->get();
  return {static_cast<int>(message.result_int()), std::move(impl_->content_type), std::move(message.body())};
}

bool HttpReplyReader::reusable() const noexcept {
  // Bytes after the end belong to no request of ours.
  return impl_->keep && impl_->begin == impl_->end;
}

const std::string& HttpReplyReader::problem() const noexcept { return impl_->problem; }

}  // namespace semroute::plugins
