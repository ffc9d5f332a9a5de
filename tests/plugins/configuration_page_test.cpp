// docs/configuration.md against what the reader asks for, in both directions: a key that is added, renamed, or
// whose type, range or default changes fails here until the page says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "config/load.h"
#include "config/yaml_reader.h"
#include "plugins/registry.h"
#include "tests/config/scratch.h"
#include "tests/support/places.h"

namespace semroute::plugins {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::string page() {
  std::ifstream file(test::source_path("docs/configuration.md"));
  return {std::istreambuf_iterator<char>(file), {}};
}

// What stands under a heading of the second level.
std::string section(const std::string& heading) {
  const std::string text = page();
  const std::size_t begin = text.find("\n## " + heading + '\n');
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find("\n## ", begin + 1) - begin);
}

std::string complete_file() {
  const std::string text = section("A complete file");
  const std::size_t begin = text.find("```yaml\n") + 8;
  return text.substr(begin, text.find("```", begin) - begin);
}

std::vector<std::string> in_backticks(const std::string& text) {
  static const std::regex kQuoted("`([^`]+)`");
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), kQuoted), end; at != end; ++at) found.push_back((*at)[1]);
  return found;
}

// The item of the last section that starts with `name`, up to the next one.
std::vector<std::string> later(const std::string& name) {
  const std::string text = section("Known, not in this version");
  const std::size_t begin = text.find("\n- " + name + ':');
  if (begin == std::string::npos) return {};
  return in_backticks(text.substr(begin, text.find("\n- ", begin + 1) - begin));
}

// Path -> "type | range | default", as the columns of the page.
using Keys = std::map<std::string, std::string>;

std::string columns(const std::string& type, const std::string& range, const std::string& fallback) {
  return type + " | " + range + " | " + fallback;
}

Keys documented_keys() {
  static const std::regex kRow(R"(\| `([^`]+)` \| ([^|]*?) *\| ([^|]*?) *\| ([^|]*?) *\| [^|]*\|)");
  Keys keys;
  std::istringstream lines(section("Keys"));
  for (std::string line; std::getline(lines, line);) {
    std::smatch cell;
    if (std::regex_match(line, cell, kRow)) {
      EXPECT_TRUE(keys.emplace(cell[1], columns(cell[2], cell[3], cell[4])).second) << cell[1] << " is there twice";
    } else if (line.starts_with("| `")) {
      ADD_FAILURE() << "not the columns of a key: " << line;
    }
  }
  return keys;
}

// A self-signed certificate whose key is gone.
constexpr std::string_view kAuthority =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBiTCCAS+gAwIBAgIUU+TywISuomJR06nIvbj3gnRNrMMwCgYIKoZIzj0EAwIw\n"
    "GTEXMBUGA1UEAwwOdGVzdCBhdXRob3JpdHkwIBcNMjYxMTI1MjAzNTU5WhgPMjEy\n"
    "NjExMDEyMDM1NTlaMBkxFzAVBgNVBAMMDnRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI\n"
    "zj0CAQYIKoZIzj0DAQcDQgAEP3+OJbNIMkej4JvVRoh+A18UOFp/VNhYUY7k9PcU\n"
    "kDz0cDRsnAxhhPyyY2mR/mOgikGB11QWG9GlayIg4/BNn6NTMFEwHQYDVR0OBBYE\n"
    "FEaCVM9H6prKxHj+SCherYokiTMFMB8GA1UdIwQYMBaAFEaCVM9H6prKxHj+SChe\n"
    "rYokiTMFMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgVIeC2V/W\n"
    "zGS5JEDSf75sh6QZcGD5z/wSSVMullHoJEQCIQCRo1AAEilLbfWBgXEs+RsU1pRz\n"
    "0jT1l7x622yaMyVbpA==\n"
    "-----END CERTIFICATE-----\n";

class ConfigurationPage : public testing::Test {
 protected:
  // The files that the complete example names.
  void SetUp() override {
    scratch_.write("refs.npy", config::test::float_npy(4, 4, {1, 0, 0, 0, 0.9F, 0.1F, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1}));
    scratch_.write("refs.jsonl",
                   "{\"label\":\"billing\",\"text\":\"where is my invoice\"}\nbilling\ninsults\ncompliments\n");
    scratch_.write("train.npy", config::test::float_npy(3, 4, {0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0}));
    scratch_.write("train.txt", "shipping\nreturns\noos\n");
    scratch_.write("ca.pem", kAuthority);
    ::chmod(scratch_.write("search.token", "Bearer secret\n").c_str(), 0600);
    std::filesystem::copy_file(test::plugin_path("good"), scratch_.path("finder.so"));
    // Whatever the umask is.
    std::filesystem::permissions(scratch_.path("finder.so"), std::filesystem::perms{0644});
    std::filesystem::permissions(scratch_.path(""), std::filesystem::perms{0755});
  }

  config::LoadOutcome load(const std::string& yaml, config::KeyCatalogue* catalogue = nullptr) {
    return config::load_config(scratch_.write("routes.yaml", yaml), check_target, catalogue);
  }

  config::test::Scratch scratch_;
};

TEST_F(ConfigurationPage, ItsCompleteFileLoads) {
  const config::LoadOutcome outcome = load(complete_file());
  EXPECT_THAT(scratch_.without_folder(outcome.problems), testing::IsEmpty());
  ASSERT_TRUE(outcome.config.has_value());
  std::vector<std::string> names;
  for (const config::RouteConfig& route : outcome.config->routes) names.push_back(route.name);
  EXPECT_THAT(names, testing::ElementsAre("billing", "greeting", "praise", "general", "shipping", "returns"));
  for (const config::TargetConfig& target : outcome.config->targets)
    EXPECT_EQ(make_target(target)->name(), target.name);
}

TEST_F(ConfigurationPage, HasTheKeysOfTheReader) {
  config::KeyCatalogue catalogue;
  (void)load(complete_file(), &catalogue);
  Keys asked;
  std::set<std::string> refused;
  for (const config::KeyEntry& key : catalogue.keys()) {
    if (key.type == config::kLaterKey) {
      refused.insert(key.path);
      continue;
    }
    const bool is_value = !key.fallback.empty() && key.fallback != "required";
    asked[key.path] = columns(key.type, key.range, is_value ? '`' + key.fallback + '`' : key.fallback);
  }
  const Keys documented = documented_keys();
  for (const auto& [path, what] : asked) {
    const auto found = documented.find(path);
    EXPECT_EQ(found == documented.end() ? "nothing" : found->second, what) << path;
  }
  for (const auto& [path, what] : documented) EXPECT_TRUE(asked.contains(path)) << path << " is not a key";

  const std::vector<std::string> named = later("keys");
  EXPECT_EQ(std::set<std::string>(named.begin(), named.end()), refused);
}

void collect_paths(const config::Value& value, const std::string& path, std::set<std::string>& paths) {
  paths.insert(path);
  if (value.list() != nullptr) {
    for (const config::Value& element : *value.list()) collect_paths(element, path + "[]", paths);
  } else if (value.map() != nullptr) {
    for (const config::Member& member : *value.map()) {
      collect_paths(member.value, path.empty() ? member.key : path + '.' + member.key, paths);
    }
  }
}

TEST_F(ConfigurationPage, ItsCompleteFileHasEveryKey) {
  config::Diagnostics diagnostics("routes.yaml");
  const auto root = config::read_yaml(complete_file(), diagnostics);
  ASSERT_TRUE(root.has_value());
  std::set<std::string> paths;
  collect_paths(*root, "", paths);
  for (const auto& [path, what] : documented_keys()) EXPECT_TRUE(paths.contains(path)) << path;
}

// "targets[].kind", "tcp" as {targets: [{kind: tcp}]}.
std::string nested(std::string_view path, const std::string& word) {
  const std::size_t dot = path.find('.');
  const bool is_list = path.substr(0, dot).ends_with("[]");
  const std::string key(path.substr(0, std::min(dot, path.size()) - (is_list ? 2 : 0)));
  const std::string inside = dot == std::string_view::npos ? word : nested(path.substr(dot + 1), word);
  return '{' + key + ": " + (is_list ? '[' + inside + ']' : inside) + '}';
}

TEST_F(ConfigurationPage, WordsOfLaterVersionsAreRefusedByName) {
  const std::vector<std::string> words = later("words");
  EXPECT_FALSE(words.empty()) << "the page lists none, or this test does not find them";
  for (const std::string& word : words) {
    const std::size_t colon = word.find(": ");
    ASSERT_NE(colon, std::string::npos) << word;
    const std::string path = std::regex_replace(word.substr(0, colon), std::regex(R"(\[\])"), "[0]");
    const config::LoadOutcome outcome = load(nested(word.substr(0, colon), '"' + word.substr(colon + 2) + '"'));
    EXPECT_THAT(scratch_.without_folder(outcome.problems),
                Contains(testing::AllOf(HasSubstr(' ' + path + ": "), HasSubstr("known, not in this version"))))
        << word;
  }
}

TEST_F(ConfigurationPage, ProblemsReadAsItShowsThem) {
  std::vector<float> values(18 * 4, 1.0F);
  values[17 * 4 + 3] = std::numeric_limits<float>::quiet_NaN();
  scratch_.write("refs.npy", config::test::float_npy(18, 4, values));
  const config::LoadOutcome outcome = load(
      "listn: 127.0.0.1:7311\n"
      "index: {dimension: abc}\n"
      "targets: [{name: billing-api, kind: static, reply: 1}]\n"
      "routes: [{name: billing, target: biling-api, references: {vectors: refs.npy}}]\n");
  std::istringstream lines(section("What a problem looks like"));
  int shown = 0;
  static const std::regex kProblem(R"(^    routes\.yaml:\d+:\d+(: .*)$)");
  for (std::string line; std::getline(lines, line);) {
    std::smatch parts;
    if (!std::regex_match(line, parts, kProblem)) continue;
    ++shown;
    EXPECT_THAT(scratch_.without_folder(outcome.problems), Contains(testing::EndsWith(parts[1].str())));
  }
  EXPECT_GE(shown, 4);
}

}  // namespace
}  // namespace semroute::plugins
