// RealFolder: a folder of its own for a store on a real file system, removed at its end.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace semroute::core::test {

class RealFolder {
 public:
  explicit RealFolder(const std::filesystem::path& where = std::filesystem::temp_directory_path()) {
    std::string name = (where / "semroute-store-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder in " << where;
    path_ = name;
  }
  RealFolder(const RealFolder&) = delete;
  RealFolder& operator=(const RealFolder&) = delete;
  ~RealFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace semroute::core::test
