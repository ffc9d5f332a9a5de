// The keys of an http target: what is read, and what is refused, each by name.
#include "plugins/targets/http/settings.h"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include "tests/config/scratch.h"
#include "tests/plugins/http/fixture.h"

namespace semroute::plugins::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

const config::Member kUrl = text_of("url", "http://127.0.0.1:1/");

std::vector<config::Diagnostic> problems(std::vector<config::Member> keys) {
  return problems_of(target_of("a", "http", std::move(keys)));
}
std::vector<config::Diagnostic> problems_with(config::Member key) { return problems({kUrl, std::move(key)}); }

HttpSettings read(std::vector<config::Member> keys) {
  config::Diagnostics diagnostics("routes.yaml");
  auto settings = read_http_settings(target_of("a", "http", std::move(keys)), "targets[0]", diagnostics, nullptr);
  for (const auto& problem : diagnostics.all()) ADD_FAILURE() << to_string(problem);
  return settings ? *std::move(settings) : HttpSettings();
}

config::Member list_key(std::string key, config::Value::List list) {
  return {std::move(key), {}, scalar(std::move(list))};
}
config::Value text(std::string value) { return scalar(std::move(value)); }

// One problem, at `path`, that says `what`.
void expect_problem(const std::vector<config::Diagnostic>& found, const std::string& path, const std::string& what) {
  ASSERT_EQ(found.size(), 1U) << path << ": " << what;
  EXPECT_EQ(found[0].key_path, "targets[0]." + path);
  EXPECT_THAT(found[0].message, HasSubstr(what));
}

TEST(HttpSettings, HaveTheDefaultsOfTheContract) {
  const HttpSettings settings = read({kUrl});
  ASSERT_EQ(settings.endpoints.size(), 1U);
  EXPECT_EQ(settings.endpoints[0].weight, 1U);
  EXPECT_EQ(settings.balance, HttpBalance::least_request);
  EXPECT_EQ(settings.connect_timeout, milliseconds(1'000));
  EXPECT_FALSE(settings.per_try_timeout);
  EXPECT_EQ(settings.timeout, milliseconds(60'000));
  EXPECT_EQ(settings.stream_idle_timeout, milliseconds(30'000));
  EXPECT_FALSE(settings.idempotent);
  EXPECT_EQ(settings.retries, 1U);
  EXPECT_TRUE(settings.retry_on.connect_failure && settings.retry_on.reset_before_request);
  EXPECT_FALSE(settings.retry_on.reset || settings.retry_on.per_try_timeout);
  EXPECT_EQ(settings.retry_budget_percent, 20);
  EXPECT_EQ(settings.retry_budget_min, 3U);
  EXPECT_FALSE(settings.health);
  EXPECT_EQ(settings.ejection_failures, 5U);
  EXPECT_EQ(settings.ejection_base_time, milliseconds(30'000));
  EXPECT_EQ(settings.ejection_max_percent, 50U);
  EXPECT_EQ(settings.max_connections, 128U);
  EXPECT_EQ(settings.max_pending, 256U);
  EXPECT_EQ(settings.max_requests, 1'024U);
  EXPECT_FALSE(settings.max_request_bytes);
  EXPECT_EQ(settings.max_reply_bytes, std::size_t{8} << 20);
  EXPECT_EQ(settings.tls, nullptr);
}

TEST(HttpSettings, UrlAndEndpointsExcludeEachOther) {
  const auto endpoint = [](std::string url, std::int64_t weight) {
    return map({text_of("url", std::move(url)), number_of("weight", weight)});
  };
  const HttpSettings settings = read({list_key("endpoints", {endpoint("http://a:1/x", 2), endpoint("https://b/", 1)})});
  ASSERT_EQ(settings.endpoints.size(), 2U);
  EXPECT_EQ(settings.endpoints[0].weight, 2U);
  EXPECT_EQ(settings.endpoints[0].url.target, "/x");
  EXPECT_TRUE(settings.endpoints[1].url.is_tls);
  EXPECT_NE(settings.tls, nullptr);

  expect_problem(problems({}), "url", "is required");
  expect_problem(problems_with(list_key("endpoints", {endpoint("http://a/", 1)})), "endpoints", "either");
  expect_problem(problems({list_key("endpoints", {})}), "endpoints", "1..64");
  expect_problem(problems({list_key("endpoints", {endpoint("http://a/", 0)})}), "endpoints[0].weight", "1..1000");
  expect_problem(problems({list_key("endpoints", {endpoint("ftp://a/", 1)})}), "endpoints[0].url", "https://");
}

TEST(HttpSettings, AnEndpointIsThereOnce) {
  const auto two = [](const char* a, const char* b) {
    return problems({list_key("endpoints", {map({text_of("url", a)}), map({text_of("url", b)})})});
  };
  expect_problem(two("http://a/x", "http://a/x"), "endpoints[1].url", "the same endpoint");
  expect_problem(two("http://a/x", "http://A:80/x"), "endpoints[1].url", "give that one a weight");
  for (const char* other : {"http://a/y", "http://a/x?y", "http://b/x", "http://a:81/x", "https://a/x"}) {
    EXPECT_TRUE(two("http://a/x", other).empty()) << other;
  }
}

TEST(HttpSettings, APartOfTheTimeoutIsNotLongerThanAll) {
  for (const char* key : {"connect_timeout", "per_try_timeout"}) {
    expect_problem(problems({kUrl, text_of("timeout", "500ms"), text_of(key, "2s")}), key,
                   "expected at most timeout, 500ms, found 2s");
    expect_problem(problems_with(text_of(key, "2m")), key, "expected at most timeout, 1m, found 2m");
    EXPECT_TRUE(problems({kUrl, text_of("timeout", "2s"), text_of(key, "2s")}).empty());
  }
  EXPECT_TRUE(problems_with(text_of("timeout", "500ms")).empty()) << "a default is nobody's mistake";
}

TEST(HttpSettings, TheNameThatTlsVerifiesIsOne) {
  const auto named = [](const std::string& name) {
    return problems({text_of("url", "https://a/"), map_of("tls", {text_of("server_name", name)})});
  };
  for (const char* name : {"billing.internal", "a", "10.0.0.1", "::1", "x_y.z"})
    EXPECT_TRUE(named(name).empty()) << name;
  for (const std::string& name : {std::string(), std::string("a b"), std::string("https://a"), std::string("a:443"),
                                  std::string("[::1]"), std::string(".a"), std::string("a\0b", 3)}) {
    expect_problem(named(name), "tls.server_name", "expected a host name");
  }
}

TEST(HttpSettings, AFileOfAuthoritiesHasSome) {
  config::test::Scratch scratch;
  const auto with = [](const std::string& file) {
    return problems({text_of("url", "https://a/"), map_of("tls", {text_of("ca_file", file)})});
  };
  expect_problem(with(""), "tls.ca_file", "expected a file of PEM certificates");
  // Without any, the system's would be trusted.
  expect_problem(with(scratch.write("empty.pem", "")), "tls.ca_file", "is empty");
  expect_problem(with(scratch.write("other.pem", "nothing of that kind")), "tls.ca_file", "PEM certificates");
}

TEST(HttpSettings, WhatMayHaveBeenServedIsTriedAgainOnlyIfIdempotent) {
  const auto on = [](config::Value value) { return list_key("retry_on", {std::move(value)}); };
  for (const char* word : {"reset", "per_try_timeout"}) {
    expect_problem(problems_with(on(text(word))), "retry_on", "idempotent: true");
    EXPECT_TRUE(problems({kUrl, {"idempotent", {}, scalar(true)}, on(text(word))}).empty()) << word;
  }
  expect_problem(problems_with(on(scalar(std::int64_t{503}))), "retry_on", "idempotent: true");
  expect_problem(problems_with(on(scalar(std::int64_t{200}))), "retry_on", "400..599");
  expect_problem(problems_with(on(text("always"))), "retry_on", "expected connect_failure");
  expect_problem(problems_with(list_key("retry_on", {})), "retry_on", "write retries: 0");
  const HttpSettings settings =
      read({kUrl, {"idempotent", {}, scalar(true)}, list_key("retry_on", {text("reset"), scalar(std::int64_t{503})})});
  EXPECT_TRUE(settings.retry_on.reset);
  EXPECT_FALSE(settings.retry_on.connect_failure);
  EXPECT_THAT(settings.retry_on.statuses, testing::ElementsAre(503));
}

TEST(HttpSettings, HeadersAreChecked) {
  const auto header = [&](const char* name, const std::string& value) {
    return problems_with(map_of("headers", {text_of(name, value)}));
  };
  EXPECT_TRUE(header("X-Team", "billing one").empty());
  for (const char* name :
       {"Host", "content-length", "Transfer-Encoding", "Connection", "X-Semroute-Route", "X-Request-Id", "a b", "a:"}) {
    EXPECT_EQ(header(name, "1").size(), 1U) << name;
  }
  EXPECT_EQ(header("X-Team", "a\r\nX-Evil: 1").size(), 1U);
  EXPECT_EQ(problems_with(map_of("headers", {text_of("A", "1"), text_of("a", "2")})).size(), 1U);
}

// faults.md 38
TEST(HttpSettings, Fault38ASecretThatOthersCanReadIsRefused) {
  config::test::Scratch scratch;
  const std::string path = scratch.write("token", "Bearer s3cret\n");
  const auto key = [&] { return map_of("header_files", {text_of("Authorization", path)}); };
  ::chmod(path.c_str(), 0644);
  const auto open = problems_with(key());
  expect_problem(open, "header_files", "can be read or written by others");
  EXPECT_THAT(open[0].message, testing::Not(HasSubstr("s3cret")));
  ::chmod(path.c_str(), 0600);
  const HttpSettings settings = read({kUrl, key()});
  ASSERT_EQ(settings.headers.size(), 1U);
  EXPECT_EQ(settings.headers[0].second, "Bearer s3cret");
  EXPECT_FALSE(files_have_changed(settings));
  scratch.write("token", "Bearer n3w\n");
  EXPECT_TRUE(files_have_changed(settings));
  scratch.write("token", "two\nlines\n");
  const auto lines = problems_with(key());
  expect_problem(lines, "header_files", "one line");
  EXPECT_THAT(lines[0].message, testing::Not(HasSubstr("two")));
  scratch.write("token", "\n");
  expect_problem(problems_with(key()), "header_files", "is empty");
  expect_problem(problems_with(map_of("header_files", {text_of("X", path + ".no")})), "header_files",
                 "cannot be opened");
}

TEST(HttpSettings, OtherKeysAreChecked) {
  expect_problem(problems_with(map_of("limits", {text_of("max_reply", "1B")})), "limits.max_reply", "1KiB..1GiB");
  expect_problem(problems_with(map_of("limits", {number_of("connections", 0)})), "limits.connections", "1..");
  expect_problem(problems_with(map_of("limits", {text_of("max_request", "1B")})), "limits.max_request", "1KiB..1GiB");
  EXPECT_EQ(read({kUrl, map_of("limits", {text_of("max_request", "2KiB")})}).max_request_bytes, 2'048U);
  expect_problem(problems_with(number_of("limits", 1)), "limits", "expected a map");
  expect_problem(problems_with(text_of("timeout", "0s")), "timeout", "1ms..24h");
  expect_problem(problems({text_of("url", "http://a:/")}), "url", "without a port behind it");
  expect_problem(problems_with(text_of("per_try_timeout", "soon")), "per_try_timeout", "1ms..24h");
  expect_problem(problems_with(number_of("retrys", 1)), "retrys", "retries");
  expect_problem(problems_with(text_of("balance", "fair")), "balance", "round_robin");
  expect_problem(problems_with(map_of("health", {text_of("path", "healthz")})), "health.path", "/healthz");
  expect_problem(problems_with(map_of("health", {text_of("path", "/a b")})), "health.path", "/healthz");
  expect_problem(problems_with(map_of("health", {})), "health.path", "is required");
  expect_problem(problems_with(map_of("tls", {text_of("server_name", "a")})), "tls", "https://");
  expect_problem(problems_with(list_key("deny_networks", {text("10.0.0.0/33")})), "deny_networks", "10.0.0.0/8");
  expect_problem(problems_with(list_key("deny_networks", {text("10.0.0.1/8")})), "deny_networks", "bits set");
  expect_problem(problems({text_of("url", "https://a/"), map_of("tls", {text_of("ca_file", "/none.pem")})}),
                 "tls.ca_file", "cannot be opened");
}

}  // namespace
}  // namespace semroute::plugins::test
