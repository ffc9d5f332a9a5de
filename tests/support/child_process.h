// Programs that a test starts: they end with the test program at the latest.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace semroute::test {

// Starts a program with stdout and stderr appended to the file `output`. Extra environment as NAME=VALUE.
[[nodiscard]] pid_t spawn_program(const std::vector<std::string>& arguments, const std::string& output,
                                  const std::vector<std::string>& environment);

// The exit code, 128 + signal when a signal ended it; -1 when it is still there after `seconds`.
[[nodiscard]] int wait_for_exit(pid_t pid, int seconds);

[[nodiscard]] std::string file_text(const std::string& path);

struct Finished {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string output;  // stdout and stderr
};

// Runs a program to its end (at most `seconds`; killed after that, which is a failure of the test).
[[nodiscard]] Finished run_program(const std::vector<std::string>& arguments, int seconds = 60,
                                   const std::vector<std::string>& environment = {});

// Where to make a folder whose files are in memory, if this machine has that; else where temporary ones are.
[[nodiscard]] std::string memory_folder();

// A folder that is removed with its contents.
class TemporaryFolder {
 public:
  TemporaryFolder();
  // In `where`.
  explicit TemporaryFolder(const std::string& where);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

}  // namespace semroute::test
