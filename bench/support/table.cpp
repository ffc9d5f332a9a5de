#include "bench/support/table.h"

#include <sysexits.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "bench/support/program.h"
#include "core/base/check.h"

namespace semroute::bench {

std::string fixed(double number, int digits) {
  if (std::isnan(number)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, number);
  return text;
}

Table::Table(std::string title, std::vector<std::string> columns) : title_(std::move(title)) {
  lines_.push_back(std::move(columns));
}

void Table::add(std::vector<std::string> cells) {
  SEMROUTE_CHECK(cells.size() == lines_.front().size());
  lines_.push_back(std::move(cells));
}

void Table::publish(const std::string& folder, const std::string& name) const {
  std::vector<std::size_t> widths(lines_.front().size());
  for (const auto& line : lines_)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::printf("\n%s\n", title_.c_str());
  for (const auto& line : lines_) {
    for (std::size_t i = 0; i < line.size(); ++i)
      std::printf("%s%*s", i == 0 ? "" : "  ", static_cast<int>(widths[i]), line[i].c_str());
    std::printf("\n");
  }
  std::fflush(stdout);
  if (folder.empty()) return;

  const std::string path = folder + "/" + name + ".csv";
  std::FILE* csv = std::fopen(path.c_str(), "w");
  bool good = csv != nullptr;
  if (good) {
    for (const auto& line : lines_)
      for (std::size_t i = 0; i < line.size(); ++i)
        std::fprintf(csv, "%s%s", line[i].c_str(), i + 1 == line.size() ? "\n" : ",");
    good = std::fclose(csv) == 0;
  }
  if (!good) stop(EX_CANTCREAT, "cannot write " + path);
}

}  // namespace semroute::bench
