// What the programs of bench/ have in common as programs: options, and how they end.
//
// Options are `--name VALUE`. Asking for one declares it, so --help and the refusal of unknown names need no list:
//   Options options(argc, argv, "what it measures");
//   const std::size_t rounds = options.number("rounds", 9, "the median of so many counts");
//   options.finish();
// Errors: a wrong command line prints the usage and exits with 64; --help exits with 0.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace semroute::bench {

// Prints "PROGRAM: message" to stderr and exits. Codes are those of sysexits.h.
[[noreturn]] void stop(int exit_code, std::string_view message);

// A line on stderr about what takes long, so that tables on stdout stay tables.
void progress(std::string_view message);

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);

// The calling thread, and what it starts from here on, run on this processor. Exits with 64 where there is none.
void run_on(std::size_t processor);

class Options {
 public:
  Options(int argc, char** argv, std::string_view summary);

  [[nodiscard]] std::size_t number(std::string_view name, std::size_t fallback, std::string_view help);
  // Numbers separated by commas, at least one.
  [[nodiscard]] std::vector<std::size_t> numbers(std::string_view name, std::string_view fallback,
                                                 std::string_view help);
  [[nodiscard]] std::string text(std::string_view name, std::string_view fallback, std::string_view help);

  // After the last question.
  void finish() const;

 private:
  struct Given {
    std::string name;
    std::string value;
    bool asked_for = false;
  };
  std::vector<Given> given_;
  std::string usage_;
  bool help_ = false;
};

}  // namespace semroute::bench
