#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "router/tool/tool.h"

int main(int argc, char** argv) {
  // A closed pipe or connection is a failed write, which is reported.
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return semroute::router::tool::run_tool(arguments, std::cout, std::cerr, isatty(STDERR_FILENO) == 1);
}
