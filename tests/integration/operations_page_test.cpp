// docs/operations.md names exactly what the daemon tells about itself: metrics, fields of the decision log.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/places.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

namespace json = boost::json;
using Names = std::set<std::string>;

std::string text_of(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

// The names in backquotes in the first column of the table below a heading.
Names documented(const std::string& heading) {
  std::istringstream page(text_of(source_path("docs/operations.md")));
  Names names;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.rfind('#', 0) == 0) inside = line == heading;
    if (!inside || line.rfind("| `", 0) != 0) continue;
    const std::string column = line.substr(2, line.find(" |", 2) - 2);
    for (auto at = column.find('`'); at != std::string::npos; at = column.find('`', at + 1)) {
      const auto end = column.find('`', at + 1);
      names.insert(column.substr(at + 1, end - at - 1));
      at = end;
    }
  }
  return names;
}

TEST(OperationsPage, NamesEveryMetricAndNoOther) {
  const DaemonProcess daemon(tiny_config());
  RawClient client(daemon.port());
  (void)client.ask(R"({"id":1,"embedding":[1,0,0,0]})");
  std::istringstream metrics(http_get(daemon.admin_port(), "/metrics"));
  Names exposed;
  for (std::string line; std::getline(metrics, line);) {
    std::istringstream words(line);
    std::string mark;
    std::string what;
    std::string name;
    if (words >> mark >> what >> name && mark == "#" && what == "TYPE") exposed.insert(name);
  }
  EXPECT_FALSE(exposed.empty());
  EXPECT_EQ(documented("### Metrics"), exposed);
}

TEST(OperationsPage, NamesEveryFieldOfTheDecisionLogAndNoOther) {
  DaemonProcess daemon(tiny_config("decision_log: {file: d.jsonl, embedding: true}\n"));
  RawClient client(daemon.port());
  (void)client.ask(R"({"id":1,"embedding":[1,0,0,0]})");
  daemon.signal(SIGTERM);
  ASSERT_EQ(daemon.wait(60), 0);
  Names written;
  const std::string log = text_of(daemon.folder().path() + "/d.jsonl");
  const auto line = json::parse(log.substr(0, log.find('\n'))).as_object();
  for (const auto& member : line) written.insert(std::string(member.key()));
  EXPECT_EQ(documented("## The decision log"), written);
}

TEST(OperationsPage, NamesEveryOptionOfTheDaemon) {
  const auto help = run_program({daemon_path(), "--help"}).output;
  Names options;
  for (auto at = help.find("--"); at != std::string::npos; at = help.find("--", at + 2)) {
    options.insert(help.substr(at, help.find_first_of(" \n", at) - at));
  }
  Names named;
  for (const std::string& name : documented("## Starting")) {
    if (name.rfind("--", 0) == 0) named.insert(name.substr(0, name.find(' ')));
  }
  EXPECT_EQ(named, options);
}

}  // namespace
}  // namespace semroute::test
