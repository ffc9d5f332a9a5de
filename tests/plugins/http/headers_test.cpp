#include "plugins/targets/http/headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/header_rules.h"

namespace semroute::plugins {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

HttpUrl url() { return parse_http_url("http://127.0.0.1:8080/billing?a=b%20c").value(); }

std::string head_of(const DispatchRequest& request, const HttpHeaders& configured = {}) {
  std::string head = request_start(url(), configured);
  EXPECT_TRUE(append_request_headers(configured, request, head).ok());
  return head;
}

core::Result<void> appended(const DispatchRequest& request) {
  std::string head;
  return append_request_headers({}, request, head);
}

TEST(HttpHeaders, TheHeadHoldsTheFactsOfTheDecision) {
  DispatchRequest request;
  request.payload = "null";
  request.content_type = "application/json";
  request.request_id = "abc.1";
  request.route = "billing";
  request.decision = "matched";
  request.score = 0.83F;
  request.has_score = true;
  request.revision = 17;
  request.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  request.headers = {{"x-tenant", "acme"}};
  EXPECT_EQ(head_of(request, {{"X-Team", "billing"}}),
            "POST /billing?a=b%20c HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Team: billing\r\n"
            "User-Agent: semrouted/" SEMROUTE_VERSION
            "\r\nContent-Type: application/json\r\nContent-Length: 4\r\nX-Semroute-Route: billing\r\n"
            "X-Semroute-Score: 0.83\r\nX-Semroute-Decision: matched\r\nX-Semroute-Revision: 17\r\n"
            "X-Request-Id: abc.1\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
            "x-tenant: acme\r\n\r\n");
}

TEST(HttpHeaders, ACopySaysThatItIsOne) {
  DispatchRequest request;
  EXPECT_THAT(head_of(request), Not(HasSubstr("X-Semroute-Mirror")));
  request.is_mirror = true;
  EXPECT_THAT(head_of(request), HasSubstr("\r\nX-Semroute-Mirror: 1\r\n"));
  request.headers = {{"x-semroute-mirror", "0"}};
  EXPECT_FALSE(appended(request).ok()) << "no client says so";
}

TEST(HttpHeaders, NamesAndIdsArePercentEncoded) {
  DispatchRequest request;
  request.route =
      "r\xc3\xbc"
      "ck 100%\r\nX-Evil: 1";
  request.request_id = std::string("a\0b", 3);
  const std::string head = head_of(request);
  EXPECT_THAT(head, HasSubstr("X-Semroute-Route: r%C3%BCck%20100%25%0D%0AX-Evil:%201\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Request-Id: a%00b\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("\nX-Evil")));
}

TEST(HttpHeaders, NoByteOfANameEndsALine) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string encoded = percent_encoded(std::string(1, static_cast<char>(byte)));
    const bool visible = byte > 0x20 && byte < 0x7f && byte != '%';
    EXPECT_EQ(encoded.size(), visible ? 1U : 3U) << byte;
    EXPECT_TRUE(config::is_header_value(encoded)) << byte;
  }
}

TEST(HttpHeaders, HeadersThatHttpCannotCarryAreRefused) {
  const std::vector<std::pair<std::string, std::string>> bad = {{"x-a", "1\r\nX-Evil: 1"},
                                                                {"x-a", "1\n"},
                                                                {"x-a", std::string("\0", 1)},
                                                                {"x-a", "caf\xc3\xa9"},
                                                                {"x-a", " 1"},
                                                                {"x-a", "1\x7f"},
                                                                {"x a", "1"},
                                                                {"", "1"},
                                                                {"x-a:", "1"},
                                                                {"x-a\r\nX-Evil", "1"},
                                                                {"Host", "a"},
                                                                {"content-length", "0"},
                                                                {"Transfer-Encoding", "chunked"},
                                                                {"connection", "close"},
                                                                {"X-Semroute-Route", "a"},
                                                                {"X-REQUEST-ID", "a"}};
  for (const auto& header : bad) {
    DispatchRequest request;
    request.headers = {header};
    const auto head = appended(request);
    ASSERT_FALSE(head.ok()) << header.first << ": " << header.second;
    EXPECT_EQ(head.error().code, core::ErrorCode::bad_request);
    EXPECT_TRUE(config::is_header_value(head.error().message));
  }
  for (std::string DispatchRequest::*field : {&DispatchRequest::content_type, &DispatchRequest::traceparent}) {
    DispatchRequest request;
    request.*field = "a\r\nX-Evil: 1";
    EXPECT_FALSE(appended(request).ok());
  }
}

TEST(HttpHeaders, AConfiguredHeaderWinsOverTheClients) {
  DispatchRequest request;
  request.headers = {{"authorization", "client"}, {"user-agent", "mine"}};
  const std::string head = head_of(request, {{"Authorization", "secret"}});
  EXPECT_THAT(head, HasSubstr("Authorization: secret\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("client")));
  EXPECT_THAT(head, HasSubstr("user-agent: mine\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("User-Agent: semrouted")));
}

TEST(HttpHeaders, ARouteWithoutScoreSendsNone) { EXPECT_THAT(head_of({}), Not(HasSubstr("X-Semroute-Score"))); }

TEST(HttpUrl, IsReadIntoItsParts) {
  const HttpUrl plain = parse_http_url("http://api.internal").value();
  EXPECT_EQ(plain.host, "api.internal");
  EXPECT_EQ(plain.port, 80);
  EXPECT_EQ(plain.authority, "api.internal");
  EXPECT_EQ(plain.target, "/");
  const HttpUrl six = parse_http_url("http://[::1]:8080/a?b=c").value();
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.port, 8080);
  EXPECT_EQ(six.authority, "[::1]:8080");
  EXPECT_EQ(six.target, "/a?b=c");
}

TEST(HttpUrl, HasThePortOfItsScheme) {
  const HttpUrl tls = parse_http_url("https://api.internal/a").value();
  EXPECT_TRUE(tls.is_tls);
  EXPECT_EQ(tls.port, 443);
  EXPECT_EQ(tls.authority, "api.internal");
  EXPECT_EQ(parse_http_url("https://a:80/").value().authority, "a:80");
  EXPECT_EQ(parse_http_url("http://a:443/").value().authority, "a:443");
}

TEST(HttpUrl, RefusesWhatIsNoHttpUrl) {
  for (const char* text :
       {"", "127.0.0.1:80", "ftp://a/", "http:///a", "http://u:p@a/", "http://a/#f", "http://a:0/", "http://a:65536/",
        "http://a:65537/", "http://a:99999/", "http://a:99999999999999999999/", "http://a:80:80/", "http://a b/",
        "http://a%0d%0ab/", "http://a/\r\nX: 1", "http:a", "http://[v1.x]/", "/a"}) {
    EXPECT_FALSE(parse_http_url(text).ok()) << text;
  }
}

}  // namespace
}  // namespace semroute::plugins
