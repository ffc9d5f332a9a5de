// `semroute routes put | patch | delete | export | import` on the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RoutesFiles : public ::testing::Test {
 protected:
  Finished tool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {tool_path(), "routes"});
    return run_program(arguments, 60, {"SEMROUTE_SERVER=127.0.0.1:" + std::to_string(daemon_.port())});
  }
  void expect_done(const std::vector<std::string>& arguments, const std::string& words) {
    const Finished done = tool(arguments);
    EXPECT_EQ(done.exit_code, 0) << done.output;
    EXPECT_THAT(done.output, HasSubstr(words));
  }
  void expect_failed(const std::vector<std::string>& arguments, int exit_code, const std::string& words) {
    const Finished done = tool(arguments);
    EXPECT_EQ(done.exit_code, exit_code) << done.output;
    EXPECT_THAT(done.output, HasSubstr(words));
  }
  std::string get(const std::string& name) {
    return client_.ask(R"({"op":"routes.get","name":")" + name + R"(","vectors":true,"request_id":"r"})");
  }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  static std::map<std::string, std::string> files_of(const std::string& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ostringstream text;
      text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      files[entry.path().filename().string()] = text.str();
    }
    return files;
  }

  TemporaryFolder folder_;
  DaemonProcess daemon_{tiny_config("limits: {max_request: 4KiB, max_change: 16KiB, max_output_buffer: 1MiB}\n")};
  RawClient client_{daemon_.port()};
};

// Its pages are as small as limits.max_output_buffer makes them.
TEST_F(RoutesFiles, ARouteWithLongTextsIsExportedWhole) {
  const auto row = [](int i) {
    return R"({"embedding":[)" + std::to_string(i + 1) + R"(,1,0,0],"text":")" + std::string(14'000, 't') + "\"}";
  };
  (void)client_.ask(R"({"op":"routes.put","route":{"name":"long","references":[)" + row(0) + "]}}");
  constexpr int kRows = 100;
  for (int i = 1; i < kRows; ++i)
    EXPECT_THAT(client_.ask(R"({"op":"routes.patch","name":"long","add":[)" + row(i) + "]}"), HasSubstr("\"ok\":true"));
  expect_done({"export", path("long")}, "1 routes are in");
  const auto files = files_of(path("long"));
  const std::string& texts = files.at("00001-long.references.jsonl");
  EXPECT_EQ(std::count(texts.begin(), texts.end(), '\n'), kRows);
  EXPECT_EQ(files.at("00001-long.references.npy").size(), 128U + kRows * 4 * sizeof(float));
}

TEST_F(RoutesFiles, ARouteIsPutPatchedAndDeleted) {
  folder_.write("new.yaml",
                "name: new\ntarget: canned\nreferences: {vectors: [[0, 0, 1, 0], new.jsonl]}\nmetadata: {tier: new}\n");
  folder_.write("new.jsonl", R"({"embedding":[0,0,0,1],"text":"hi"})");
  expect_done({"put", path("new.yaml"), "--if-version", "0"}, "route \"new\" is served");
  EXPECT_THAT(get("new"),
              AllOf(HasSubstr(R"("version":2)"), HasSubstr(R"("target":"canned")"), HasSubstr(R"({"tier":"new"})"),
                    HasSubstr(R"([{"row":0,"embedding":[0,0,1,0]},{"row":1,"text":"hi","embedding":[0,0,0,1]}])")));
  expect_failed({"put", path("new.yaml"), "--if-version", "0"}, 65, "conflict: ");
  expect_done({"patch", "new", "--remove", "0", "--add", path("new.jsonl"), "--target", "", "--score-threshold", "0.25",
               "--if-version", "2"},
              "route \"new\" is changed");
  EXPECT_THAT(get("new"),
              AllOf(HasSubstr(R"("version":3)"), HasSubstr(R"("negative_count":0,"score_threshold":0.25)"),
                    HasSubstr(R"([{"row":0,"text":"hi","embedding":[0,0,0,1]},{"row":1,"text":"hi","embedding")")));
  expect_failed({"patch", "new", "--remove", "x"}, 64, "--remove: expected");
  expect_failed({"patch", "new", "--score-threshold", "x"}, 64, "--score-threshold: expected a number");
  expect_failed({"patch", "new", "--add", path("none.npy")}, 74, "none.npy");
  expect_failed({"patch", "new"}, 64, "there is nothing to change: give --add, --remove,");
  expect_failed({"patch", "new", "--remove", "9"}, 65, "there is no row 9");
  expect_failed({"put", path("none.yaml")}, 74, "none.yaml");
  expect_done({"list"}, "run_time");
  expect_done({"delete", "new"}, "route \"new\" is deleted");
  expect_failed({"delete", "new"}, 65, "not_found");
  expect_failed({"delete", "billing"}, 65, "is of the configuration");
  const Finished json = tool({"put", path("new.yaml"), "--output", "json"});
  EXPECT_THAT(json.output, AllOf(HasSubstr(R"({"ok":true,)"), HasSubstr(R"("version":5,"revision":5})")));
}

TEST_F(RoutesFiles, TablesGoOutAndInWithoutLoss) {
  for (int route = 0; route < 5; ++route) {
    std::string line = R"({"op":"routes.put","route":{"name":"r )" + std::to_string(route) +
                       R"(: ${HOME} \"é\"","description":"d\n#","metadata":{"n":1,"x":"${Y}"},"references":[)";
    for (int row = 0; row < 40; ++row)
      line += R"({"embedding":[0.)" + std::to_string(route * 40 + row + 1) + R"(,0.7,-0.3,0.11],"text":"t)" +
              std::to_string(row) + R"("},)";
    line.back() = ']';
    EXPECT_THAT(client_.ask(line + R"(,"negatives":[[1,1,1,)" + std::to_string(route) + "]]}}"),
                HasSubstr("\"ok\":true"));
  }
  expect_done({"export", path("one")}, "5 routes are in");
  expect_failed({"export", path("one")}, 73, "it is there already");
  const auto files = files_of(path("one"));
  EXPECT_EQ(files.size(), 20U);  // YAML, texts, references and negatives of each
  for (const bool atomic : {false, true}) {
    for (int route = 0; route < 5; ++route)
      (void)client_.ask(R"({"op":"routes.delete","name":"r )" + std::to_string(route) + R"(: ${HOME} \"é\""})");
    std::vector<std::string> import{"import", path("one")};
    if (atomic) import.insert(import.begin() + 1, "--atomic");
    expect_done(import, "5 routes are served");
    const std::string again = path(atomic ? "atomic" : "each");
    expect_done({"export", again}, "5 routes are in");
    EXPECT_EQ(files_of(again), files);
  }
  expect_done({"export", "--all", path("all")}, "7 routes are in");
  std::filesystem::create_directory(path("next.new"));
  expect_failed({"export", path("next")}, 73, "next.new: it is there already");
  EXPECT_FALSE(std::filesystem::exists(path("next")));
  expect_failed({"export", path("none/below")}, 73, "below.new");
}

// Two routes that always change together: an export has both as of one change, or says that it has not.
TEST_F(RoutesFiles, AnExportIsOfOneRevision) {
  const auto both = [](int number) {
    std::string line = R"({"op":"routes.batch","changes":[)";
    for (const char* const name : {"a", "b"})
      line += R"({"put":{"route":{"name":")" + std::string(name) + R"(","description":"number )" +
              std::to_string(number) + R"(","references":[[0,0,1,0]]}}},)";
    line.back() = ']';
    return line + "}";
  };
  ASSERT_THAT(client_.ask(both(0)), HasSubstr("\"ok\":true"));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    RawClient other(daemon_.port());
    for (int number = 1; !done; ++number) ASSERT_THAT(other.ask(both(number)), HasSubstr("\"ok\":true"));
  });
  for (int i = 0; i < 5; ++i) {
    const std::string folder = path("out" + std::to_string(i));
    const Finished exported = tool({"export", folder});
    EXPECT_FALSE(std::filesystem::exists(folder + ".new"));
    EXPECT_EQ(std::filesystem::exists(folder), exported.exit_code == 0);
    if (exported.exit_code != 0) {
      EXPECT_EQ(exported.exit_code, 65) << exported.output;
      EXPECT_THAT(exported.output, HasSubstr("conflict: "));
      continue;
    }
    const auto files = files_of(folder);
    const auto number_of = [&](const std::string& name) {
      const std::string& yaml = files.at(name);
      const std::size_t at = yaml.find("number ");
      return yaml.substr(at, yaml.find('"', at) - at);
    };
    EXPECT_EQ(number_of("00001-a.yaml"), number_of("00002-b.yaml"));
  }
  EXPECT_EQ(tool({"export", "--any-revision", path("any")}).exit_code, 0);
  done = true;
  writer.join();
  expect_done({"export", path("still")}, "2 routes are in");
}

TEST_F(RoutesFiles, ARouteComesFromStandardInput) {
  const auto put = [&](const std::string& yaml) {
    folder_.write("in.yaml", yaml);
    return run_program({"/bin/sh", "-c", tool_path() + " routes put - < " + path("in.yaml")}, 60,
                       {"SEMROUTE_SERVER=127.0.0.1:" + std::to_string(daemon_.port())});
  };
  const Finished done = put("name: piped\nreferences: {vectors: [[0, 0, 1, 0]]}\n");
  EXPECT_EQ(done.exit_code, 0) << done.output;
  EXPECT_THAT(get("piped"), HasSubstr(R"("version":2)"));
  const Finished wrong = put("name: piped\nreferences: {vectors: [[0, 0]]}\n");
  EXPECT_EQ(wrong.exit_code, 65) << wrong.output;
  EXPECT_THAT(wrong.output, HasSubstr("stdin:2:"));
}

TEST_F(RoutesFiles, ErrorsAreJsonWhereThatIsAskedFor) {
  std::filesystem::create_directory(path("in"));
  folder_.write("in/1.yaml", "name: one\ntarget: none\nreferences: {vectors: [0, 0, 1, 0]}\n");
  const auto expect_json = [&](std::vector<std::string> arguments, int exit_code, const std::string& words) {
    arguments.insert(arguments.end(), {"--output", "json"});
    const Finished failed = tool(arguments);
    EXPECT_EQ(failed.exit_code, exit_code) << failed.output;
    EXPECT_THAT(failed.output, AllOf(HasSubstr(R"({"ok":false,"error":{"code":")"), HasSubstr(words)));
  };
  expect_json({"put", path("in/1.yaml")}, 65, R"("code":"bad_request","message":"route.target: expected)");
  expect_json({"put", path("none.yaml")}, 74, "none.yaml: No such file");
  expect_json({"patch", "none", "--remove", "0"}, 65, R"("code":"not_found")");
  expect_json({"patch", "none", "--add", path("none.npy")}, 74, "none.npy");
  expect_json({"import", path("in")}, 65, "1.yaml was not imported");
  expect_json({"import", "--atomic", path("in")}, 65, "in/1.yaml: changes[0].put");
  expect_json({"import", path("nowhere")}, 74, "nowhere");
}

TEST_F(RoutesFiles, RowsOfOtherLabelsAreNotAdded) {
  folder_.write("rows.jsonl",
                "{\"embedding\":[0,0,1,0],\"label\":\"mine\",\"text\":\"a\"}\n"
                "{\"embedding\":[0,1,0,0],\"label\":\"other\",\"text\":\"b\"}\n"
                "{\"embedding\":[0,0,0,1],\"label\":\"mine\",\"text\":\"c\"}\n");
  ASSERT_THAT(client_.ask(R"({"op":"routes.put","route":{"name":"mine","references":[[1,0,0,0]]}})"),
              HasSubstr("\"ok\":true"));
  expect_done({"patch", "mine", "--add", path("rows.jsonl")}, "is changed");
  EXPECT_THAT(get("mine"), AllOf(HasSubstr(R"("reference_count":3)"), HasSubstr(R"("row":1,"text":"a")"),
                                 HasSubstr(R"("row":2,"text":"c")")));
  ASSERT_THAT(client_.ask(R"({"op":"routes.put","route":{"name":"third","references":[[1,0,0,0]]}})"),
              HasSubstr("\"ok\":true"));
  expect_failed({"patch", "third", "--add", path("rows.jsonl")}, 65, "no row has the label \"third\"");
}

TEST_F(RoutesFiles, AnImportTakesBothEndingsAndNothingHidden) {
  std::filesystem::create_directory(path("in"));
  folder_.write("in/1.yaml", "name: one\nreferences: {vectors: [[0, 0, 1, 0]]}\n");
  folder_.write("in/2.yml", "name: two\nreferences: {vectors: [[0, 0, 1, 0]]}\n");
  folder_.write("in/.3.yaml", "name: three\nreferences: {vectors: [[0, 0, 1, 0]]}\n");
  expect_done({"import", path("in")}, "2 routes are served");
  EXPECT_THAT(get("two"), HasSubstr(R"("version":3)"));
  EXPECT_THAT(get("three"), HasSubstr("not_found"));
}

TEST_F(RoutesFiles, AnImportIsAtomicForEachRouteOrAltogether) {
  std::filesystem::create_directory(path("in"));
  folder_.write("in/1.yaml", "name: one\nreferences: {vectors: [0, 0, 1, 0]}\n");
  folder_.write("in/2.yaml", "name: two\ntarget: none\nreferences: {vectors: [0, 0, 1, 0]}\n");
  folder_.write("in/3.yaml", "name: three\nreferences: {vectors: [0, 0, 1, 0]}\n");
  expect_failed({"import", "--atomic", path("in")}, 65,
                path("in/2.yaml") + ": changes[1].put.route.target: expected the name of a target");
  EXPECT_THAT(get("one"), HasSubstr("not_found"));
  expect_failed({"import", path("in")}, 65, "2.yaml was not imported, nor were those after it; 1 of 3 routes were");
  EXPECT_THAT(get("one"), HasSubstr(R"("version":2)"));
  EXPECT_THAT(get("three"), HasSubstr("not_found"));
  folder_.write("in/2.yaml", "name: two\nreferences: {vectors: [0, 0]}\n");
  expect_failed({"import", "--atomic", path("in")}, 65, "2.yaml:2:");
  folder_.write("in/2.yaml", "name: two\nreferences: {vectors: [[0, 1, 0, 0]]}\n");
  folder_.write("in/3.yaml", "name: two\nreferences: {vectors: [[0, 0, 1, 0]]}\n");
  expect_failed({"import", "--atomic", path("in")}, 65, "3.yaml: route \"two\" is in ");
  expect_failed({"import", path("in")}, 65, "3.yaml: route \"two\" is in ");
  expect_failed({"import", path("nowhere")}, 74, "nowhere");
  expect_failed({"import", folder_.path()}, 65, "there is no .yaml or .yml file");
  std::string many = "name: many\nreferences:\n  vectors:\n";
  for (int row = 0; row < 1'500; ++row) many += "    - [0, 0, 1, 0]\n";
  folder_.write("in/2.yaml", many);
  expect_failed({"import", "--atomic", path("in")}, 65, "limits.max_change is 16384");
}

}  // namespace
}  // namespace semroute::test
