// Options: how a command declares what it takes, without knowing the command-line library.
//
// Names are written "--top-k" or "-c,--config". A value that is absent leaves the variable as it was, so
// the initial value is the default (and is shown by --help). A value out of its range, of a wrong type or given twice
// is a usage error (exit 64) before the command runs. Lifetime: the variables outlive the parse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace semroute::router::tool {

inline constexpr std::string_view kDefaultServer = "127.0.0.1:7311";

class Options {
 public:
  virtual ~Options() = default;
  virtual void flag(const std::string& names, bool& value, const std::string& help) = 0;
  virtual void text(const std::string& names, std::optional<std::string>& value, const std::string& value_name,
                    const std::string& help) = 0;
  virtual void required_text(const std::string& names, std::string& value, const std::string& value_name,
                             const std::string& help) = 0;
  // Repeatable, and each value may be a comma-separated list.
  virtual void text_list(const std::string& names, std::vector<std::string>& values, const std::string& value_name,
                         const std::string& help) = 0;
  // Repeatable; a value is taken whole, commas and all.
  virtual void repeated_text(const std::string& names, std::vector<std::string>& values, const std::string& value_name,
                             const std::string& help) = 0;
  virtual void real_list(const std::string& names, std::vector<double>& values, const std::string& help) = 0;
  virtual void integer(const std::string& names, std::uint64_t& value, std::uint64_t least, std::uint64_t most,
                       const std::string& help) = 0;
  virtual void optional_integer(const std::string& names, std::optional<std::uint64_t>& value, std::uint64_t least,
                                std::uint64_t most, const std::string& help) = 0;
  virtual void choice(const std::string& names, std::string& value, const std::vector<std::string>& words,
                      const std::string& help) = 0;
  virtual void positional(const std::string& name, std::string& value, const std::string& help) = 0;

  // "--server H:P", default $SEMROUTE_SERVER, else 127.0.0.1:7311.
  virtual void server(std::string& value) = 0;
};

}  // namespace semroute::router::tool
