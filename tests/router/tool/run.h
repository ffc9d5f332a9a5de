// run: `semroute` in process, with what it wrote and its exit code; and small files to run it on.
//
// Threads: one at a time. Lifetime: a Folder removes itself.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "router/tool/tool.h"

namespace semroute::router::tool {

struct Ran {
  int exit = -1;
  std::string out;
  std::string err;
};

inline Ran run(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Ran ran;
  ran.exit = run_tool(arguments, out, err);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "semroute-tool-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  // Writes a file and returns its path.
  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return (path_ / name).string();
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

// Four routes of two references each along the axes of four dimensions, and labelled requests near them.
inline constexpr const char* kSmallConfig = R"(listen: 127.0.0.1:0
admin: off
workers: 1
index: {dimension: 4, metric: cosine}
decision: {aggregation: max, score_threshold: 0.9}
targets:
  - {name: canned, kind: static, reply: {answer: 42}}
routes:
  - {name: north, target: canned, references: {vectors: [[1, 0, 0, 0], [1, 0.1, 0, 0]]}}
  - {name: east, target: canned, references: {vectors: [[0, 1, 0, 0], [0, 1, 0.1, 0]]}}
  - {name: south, references: {vectors: [[0, 0, 1, 0], [0, 0, 1, 0.1]]}}
)";
// Right, right, right, confused (an east that looks north), refused at 0.9, and two out of scope.
inline constexpr const char* kSmallRequests = R"({"label":"north","text":"n","embedding":[1,0.05,0,0]}
{"label":"east","text":"e","embedding":[0,1,0.05,0]}
{"label":"south","text":"s","embedding":[0,0,1,0]}
{"label":"east","text":"e?","embedding":[1,0.2,0,0]}
{"label":"south","text":"s?","embedding":[0,0,1,0.7]}
{"label":"oos","text":"o","embedding":[0,0,0,1]}
{"label":"oos","text":"o!","embedding":[0.95,0,0,0.05]}
)";

}  // namespace semroute::router::tool
