// What the real daemon writes to stderr: --log-format and --log-level, at start and later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace json = boost::json;

// The messages of a log in JSON lines, each checked to be one.
std::string messages_of(const std::string& log, const std::string& level) {
  std::istringstream lines(log);
  std::string messages;
  for (std::string line; std::getline(lines, line);) {
    boost::system::error_code ec;
    const auto value = json::parse(line, ec);
    EXPECT_FALSE(ec) << line;
    if (ec) continue;
    EXPECT_EQ(value.at("time").as_string().size(), std::string_view("2000-01-01T00:00:00.000Z").size()) << line;
    if (value.at("level").as_string() == level) messages += std::string(value.at("message").as_string()) + "\n";
  }
  return messages;
}

TEST(Logging, JsonIsOneObjectALineWhateverHappens) {
  const DaemonProcess daemon(tiny_config(), {}, {"--log-format", "json"});
  RawClient client(daemon.port());
  daemon.rewrite("index: {dimension: 4}\n\"quo\\\"ted\": 1\n");
  EXPECT_THAT(client.ask(R"({"id":1,"op":"reload"})"), HasSubstr("quo"));
  EXPECT_THAT(messages_of(daemon.log(), "info"), HasSubstr("listening on 127.0.0.1:"));
  EXPECT_THAT(messages_of(daemon.log(), "error"), HasSubstr("quo\"ted: unknown key"));
}

TEST(Logging, ProblemsOfTheConfigurationAreInTheFormatAskedFor) {
  const TemporaryFolder folder;
  folder.write("bad.yaml", "index: {dimension: 4}\nadmin: off\nlisten: 127.0.0.1:0\nroutes: [{name: a}]\ncolour: 1\n");
  const auto started = run_program({daemon_path(), "--log-format", "json", "--config", folder.path() + "/bad.yaml"});
  EXPECT_EQ(started.exit_code, 78);
  const auto errors = messages_of(started.output, "error");
  EXPECT_THAT(errors, HasSubstr("bad.yaml:4:10: routes[0].references: "));
  EXPECT_THAT(errors, HasSubstr("bad.yaml:5:1: colour: unknown key"));
  EXPECT_THAT(errors, HasSubstr("not started"));
}

TEST(Logging, TheLevelDecidesWhatIsWritten) {
  const DaemonProcess daemon(tiny_config("limits: {max_connections: 1}\n"), {}, {"--log-level", "debug"});
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"id":1,"op":"ping"})"), HasSubstr("\"ok\":true"));
  EXPECT_TRUE(daemon.wait_for_log("debug a connection from 127.0.0.1:"));
  RawClient refused(daemon.port());
  EXPECT_TRUE(refused.closed());
  EXPECT_TRUE(daemon.wait_for_log("debug a connection was refused: limits.max_connections is reached"));

  const DaemonProcess usual(tiny_config());
  RawClient other(usual.port());
  EXPECT_THAT(other.ask(R"({"id":1,"op":"reload"})"), HasSubstr("\"ok\":true"));
  EXPECT_THAT(usual.log(), Not(HasSubstr("debug")));

  const TemporaryFolder folder;
  folder.write("bad.yaml", "index: {dimension: 0}\n");
  const auto errors = run_program({daemon_path(), "--log-level", "error", "-c", folder.path() + "/bad.yaml"});
  EXPECT_THAT(errors.output, HasSubstr(" error "));
  EXPECT_THAT(errors.output, Not(HasSubstr(" info ")));
}

}  // namespace
}  // namespace semroute::test
