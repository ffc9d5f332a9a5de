// The http target before servers of others: nginx (kept-alive, chunked, streamed, TLS), HAProxy before two upstreams,
// and Python's http.server.
#include <gmock/gmock.h>

#include "tests/plugins/http/collector.h"
#include "tests/plugins/http/fixture.h"
#include "tests/support/peer_program.h"

namespace semroute::plugins::test {
namespace {

using core::ErrorCode;
using semroute::test::file_text;
using semroute::test::Files;
using semroute::test::free_port;
using semroute::test::haproxy;
using semroute::test::nginx;
using semroute::test::PeerProgram;
using semroute::test::python_http_server;
using semroute::test::run_program;
using semroute::test::TemporaryFolder;
using testing::HasSubstr;

using HttpPeers = HttpFixture;

std::string url(std::uint16_t port, const std::string& path, const std::string& scheme = "http",
                const std::string& host = "127.0.0.1") {
  return scheme + "://" + host + ":" + std::to_string(port) + path;
}

TEST_F(HttpPeers, NginxKeepsItsConnection) {
  const PeerProgram server(
      nginx("location / { default_type text/plain; return 200 '$connection $request_method\n'; }"));
  open_keys({text_of("url", url(server.port(), "/a"))});
  const std::string first = exchange().reply.value().body;
  EXPECT_THAT(first, HasSubstr(" POST"));
  for (int i = 0; i < 50; ++i) expect_reply(exchange(request(std::string(3'000, 'x'))), 200, first);
}

TEST_F(HttpPeers, NginxChunksWhatItCompresses) {
  // A body that nginx makes as it goes has no length.
  const std::string text(200'000, 'x');
  const PeerProgram server(nginx("root @FOLDER@; location /page { ssi on; ssi_types *; error_page 405 =200 $uri; }",
                                 {{"page", text + "<!--# echo var=\"request_method\" -->" + text}}));
  open_keys({text_of("url", url(server.port(), "/page"))});
  for (int i = 0; i < 3; ++i) {
    const DispatchOutcome outcome = exchange();
    ASSERT_TRUE(outcome.reply.ok()) << outcome.reply.error().message;
    EXPECT_GE(outcome.reply.value().body.size(), 2 * text.size());
  }
}

// 100 MiB by nginx, a rate limit before it as for a model that thinks: the bytes come as they come, and none are kept.
TEST_F(HttpPeers, NginxStreams) {
  constexpr std::size_t kBytes = std::size_t{100} << 20;
  const PeerProgram server(
      nginx("root @FOLDER@; location /large { error_page 405 =200 $uri; }", {{"large", std::string(kBytes, 'x')}}));
  open_keys({text_of("url", url(server.port(), "/large"))});
  const auto sink = std::make_shared<Collector>();
  sink->keeps = false;
  expect_reply(finish(dispatch(request(), sink)), 200, "");
  EXPECT_EQ(sink->total, kBytes);
  EXPECT_LE(sink->largest, std::size_t{64} << 10);
  // Whole it is too large for max_reply.
  expect_error(exchange(), ErrorCode::upstream_error, true);
}

TEST_F(HttpPeers, HaproxyInFrontOfTwoUpstreams) {
  const PeerProgram a(nginx("location / { return 200 'a'; } location /healthz { return 204; }"));
  const PeerProgram b(nginx("location / { return 200 'b'; }"));
  const PeerProgram proxy(haproxy("  balance roundrobin\n  server a 127.0.0.1:" + std::to_string(a.port()) +
                                  "\n  server b 127.0.0.1:" + std::to_string(b.port())));
  open_keys({text_of("url", url(proxy.port(), "/"))});
  std::map<std::string, int> answers;
  for (int i = 0; i < 20; ++i) ++answers[exchange().reply.value().body];
  EXPECT_EQ(answers["a"], 10);
  EXPECT_EQ(answers["b"], 10);
}

TEST_F(HttpPeers, HaproxyWithoutUpstreamsIsAGatewayThatFails) {
  const std::uint16_t nobody = free_port();
  const PeerProgram proxy(haproxy("  retries 0\n  server a 127.0.0.1:" + std::to_string(nobody)));
  open_keys({text_of("url", url(proxy.port(), "/")), map_of("ejection", {number_of("consecutive_failures", 2)})});
  for (int i = 0; i < 2; ++i) {
    const DispatchOutcome outcome = exchange();
    ASSERT_TRUE(outcome.reply.ok());
    EXPECT_EQ(outcome.reply.value().status, 503);
    EXPECT_EQ(outcome.attempts.at(0).outcome, "503");
  }
  EXPECT_EQ(target_->stats().endpoints[0].state, "ejected");
}

TEST_F(HttpPeers, PythonHasNoPostAndIsHealthy) {
  const PeerProgram server(python_http_server({{"healthz", "well"}}));
  open_keys({text_of("url", url(server.port(), "/")),
             map_of("health", {text_of("path", "/healthz"), text_of("interval", "20ms"), text_of("timeout", "30s")})});
  target_->start(io_);
  // It knows no POST, says so, and closes.
  for (int i = 0; i < 3; ++i) {
    const DispatchOutcome outcome = exchange();
    ASSERT_TRUE(outcome.reply.ok()) << outcome.reply.error().message;
    EXPECT_EQ(outcome.reply.value().status, 501);
  }
  EXPECT_EQ(target_->stats().endpoints[0].state, "healthy");
  target_->stop();
}

// An authority and a certificate of it for billing.internal and 127.0.0.1, made anew; it is valid for `days`.
class Certificates {
 public:
  explicit Certificates(const std::string& days = "2") {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=test authority", "-keyout", path("ca.key"), "-out", path("ca.pem")});
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=ignored",
             "-keyout", path("server.key"), "-out", path("server.csr")});
    folder_.write("names", "subjectAltName=DNS:billing.internal,IP:127.0.0.1\n");
    openssl({"x509", "-req", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-days", days,
             "-extfile", path("names"), "-out", path("server.pem")});
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  [[nodiscard]] PeerProgram::Prepare server(const std::string& protocols = "ssl_protocols TLSv1.2 TLSv1.3;") const {
    return nginx(protocols + "ssl_certificate " + path("server.pem") + "; ssl_certificate_key " + path("server.key") +
                     "; location / { default_type text/plain; return 200 '$ssl_protocol $ssl_server_name "
                     "$connection'; }",
                 {}, "ssl");
  }

 private:
  static void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/usr/bin/openssl");
    const auto ended = run_program(arguments);
    if (ended.exit_code != 0) ADD_FAILURE() << ended.output;
  }

  TemporaryFolder folder_;
};

TEST_F(HttpPeers, TlsIsVerifiedNamedAndKeptAlive) {
  const Certificates certificates;
  const PeerProgram server(certificates.server());
  const auto tls = [&](std::vector<config::Member> also = {}) {
    also.push_back(text_of("ca_file", certificates.path("ca.pem")));
    return map_of("tls", std::move(also));
  };
  // By the address, and by a name given.
  open_keys({text_of("url", url(server.port(), "/", "https")), tls()});
  const DispatchOutcome by_address = exchange();
  ASSERT_TRUE(by_address.reply.ok()) << by_address.reply.error().message;
  EXPECT_THAT(by_address.reply.value().body, testing::StartsWith("TLSv1.3  "));
  open_keys({text_of("url", url(server.port(), "/", "https")), tls({text_of("server_name", "billing.internal")})});
  const std::string named = exchange().reply.value().body;
  EXPECT_THAT(named, testing::StartsWith("TLSv1.3 billing.internal "));
  for (int i = 0; i < 10; ++i) expect_reply(exchange(), 200, named);

  // Another name, another authority, the system's, and plain text where TLS is spoken.
  const auto refused = [&](std::vector<config::Member> keys, const std::string& why) {
    open_keys(std::move(keys));
    const auto outcome = exchange();
    expect_error(outcome, ErrorCode::upstream_unavailable, false);
    EXPECT_THAT(outcome.reply.error().message, HasSubstr("the target cannot be connected: TLS: " + why));
  };
  const std::string another_name = "its certificate is for another name (see tls.server_name)";
  refused({text_of("url", url(server.port(), "/", "https")), tls({text_of("server_name", "shop.internal")})},
          another_name);
  refused({text_of("url", url(server.port(), "/", "https")), tls({text_of("server_name", "127.0.0.2")})}, another_name);
  refused({text_of("url", url(server.port(), "/", "https", "localhost")), tls()}, another_name);
  const std::string not_trusted = "its certificate is of an authority that is not trusted (see tls.ca_file)";
  const Certificates others;
  refused(
      {text_of("url", url(server.port(), "/", "https")), map_of("tls", {text_of("ca_file", others.path("ca.pem"))})},
      not_trusted);
  refused({text_of("url", url(server.port(), "/", "https"))}, not_trusted);
  const PeerProgram plain(nginx("location / { return 200 'plain'; }"));
  refused({text_of("url", url(plain.port(), "/", "https")), tls()}, "wrong version number");

  const Certificates old("-1");
  const PeerProgram expired(old.server());
  refused({text_of("url", url(expired.port(), "/", "https")), map_of("tls", {text_of("ca_file", old.path("ca.pem"))})},
          "its certificate has expired");
  const PeerProgram alone(nginx("ssl_certificate " + old.path("ca.pem") + "; ssl_certificate_key " +
                                    old.path("ca.key") + "; location / { return 200 ''; }",
                                {}, "ssl"));
  refused({text_of("url", url(alone.port(), "/", "https")), tls()},
          "its certificate is signed by itself (see tls.ca_file)");
}

TEST_F(HttpPeers, TlsOlderThan12IsRefused) {
  const Certificates certificates;
  const PeerProgram server(certificates.server("ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"));
  open_keys({text_of("url", url(server.port(), "/", "https")),
             map_of("tls", {text_of("ca_file", certificates.path("ca.pem"))})});
  expect_error(exchange(), ErrorCode::upstream_unavailable, false);
}

TEST_F(HttpPeers, TlsStreamsAndIsChecked) {
  constexpr std::size_t kBytes = std::size_t{8} << 20;
  const Certificates certificates;
  const PeerProgram server(nginx("ssl_certificate " + certificates.path("server.pem") + "; ssl_certificate_key " +
                                     certificates.path("server.key") +
                                     "; root @FOLDER@; location /large { error_page 405 =200 $uri; }",
                                 {{"large", std::string(kBytes, 'x')}, {"healthz", "well"}}, "ssl"));
  open_keys({text_of("url", url(server.port(), "/large", "https")),
             map_of("tls", {text_of("ca_file", certificates.path("ca.pem"))}),
             map_of("health", {text_of("path", "/healthz"), text_of("interval", "10ms"), text_of("timeout", "30s"),
                               number_of("unhealthy_after", 1)})});
  target_->start(io_);
  for (int i = 0; i < 2; ++i) {
    const auto sink = std::make_shared<Collector>();
    sink->keeps = false;
    expect_reply(finish(dispatch(request(), sink)), 200, "");
    EXPECT_EQ(sink->total, kBytes);
  }
  EXPECT_EQ(target_->stats().state, "healthy");
  target_->stop();
}

}  // namespace
}  // namespace semroute::plugins::test
