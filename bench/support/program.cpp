#include "bench/support/program.h"

#include <errno.h>  // program_invocation_short_name
#include <sched.h>
#include <sysexits.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace semroute::bench {
namespace {

std::size_t parsed(std::string_view name, std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == 0)
    stop(EX_USAGE, "--" + std::string(name) + " takes whole numbers from 1 on, got '" + std::string(text) + "'");
  return number;
}

}  // namespace

void stop(int exit_code, std::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %.*s\n", ::program_invocation_short_name, static_cast<int>(message.size()), message.data());
  std::exit(exit_code);
}

void run_on(std::size_t processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (::sched_setaffinity(0, sizeof set, &set) == 0) return;
  stop(EX_USAGE, "there is no processor " + std::to_string(processor) + " to run on");
}

void progress(std::string_view message) {
  std::fprintf(stderr, "%s: %.*s\n", ::program_invocation_short_name, static_cast<int>(message.size()), message.data());
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return parts;
}

Options::Options(int argc, char** argv, std::string_view summary) {
  usage_ = "usage: " + std::string(::program_invocation_short_name) + " [--OPTION VALUE]...\n" + std::string(summary) +
           "\n\n";
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      help_ = true;
      return;
    }
    if (!name.starts_with("--")) stop(EX_USAGE, "expected an option, got '" + std::string(name) + "'; see --help");
    if (i + 1 == argc) stop(EX_USAGE, std::string(name) + " needs a value; see --help");
    given_.push_back({std::string(name.substr(2)), argv[i + 1]});
  }
}

std::string Options::text(std::string_view name, std::string_view fallback, std::string_view help) {
  char line[200];
  std::snprintf(line, sizeof line, "  --%-16s %.*s (default: %s)\n", std::string(name).c_str(),
                static_cast<int>(help.size()), help.data(), fallback.empty() ? "none" : std::string(fallback).c_str());
  usage_ += line;
  std::string value(fallback);
  for (Given& one : given_)
    if (one.name == name) {
      one.asked_for = true;
      value = one.value;
    }
  return value;
}

std::size_t Options::number(std::string_view name, std::size_t fallback, std::string_view help) {
  return parsed(name, text(name, std::to_string(fallback), help));
}

std::vector<std::size_t> Options::numbers(std::string_view name, std::string_view fallback, std::string_view help) {
  std::vector<std::size_t> found;
  for (const std::string& part : split(text(name, fallback, help), ',')) found.push_back(parsed(name, part));
  if (found.empty()) stop(EX_USAGE, "--" + std::string(name) + " needs a number");
  return found;
}

void Options::finish() const {
  if (help_) {
    std::fputs(usage_.c_str(), stdout);
    std::exit(0);
  }
  for (const Given& one : given_)
    if (!one.asked_for) stop(EX_USAGE, "there is no option --" + one.name + "; see --help");
}

}  // namespace semroute::bench
