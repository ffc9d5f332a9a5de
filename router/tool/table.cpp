#include "router/tool/table.h"

#include <algorithm>
#include <cstdio>

#include "config/scalar.h"
#include "core/base/check.h"

namespace semroute::router::tool {
namespace {

bool starts_character(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

}  // namespace

std::size_t characters(std::string_view utf8) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, starts_character));
}

std::string shortened(std::string_view utf8, std::size_t most) {
  if (characters(utf8) <= most) return std::string(utf8);
  std::size_t seen = 0;
  std::size_t end = 0;
  for (; end < utf8.size(); ++end) {
    if (starts_character(utf8[end]) && ++seen == most) break;
  }
  return std::string(utf8.substr(0, end)) + "…";
}

std::string fixed(double number, int decimals) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%.*f", decimals, number);
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof text) {
    std::snprintf(text, sizeof text, "%.*e", decimals, number);
  }
  return text;
}

void Table::column(std::string title, Align align) { columns_.push_back({std::move(title), align}); }

void Table::row(std::vector<std::string> cells) {
  SEMROUTE_CHECK(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = config::printable(std::move(cell));
  rows_.push_back(std::move(cells));
}

void Table::print(std::ostream& out, std::string_view indent) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(characters(column.title));
  for (const auto& cells : rows_) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], characters(cells[i]));
  }
  const auto line = [&](auto&& cell_of) {
    std::string text(indent);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = cell_of(i);
      const std::string gap(widths[i] - characters(cell), ' ');
      text += columns_[i].align == Align::right ? gap + cell : cell + gap;
      text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << "\n";
  };
  line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& cells : rows_) line([&](std::size_t i) -> const std::string& { return cells[i]; });
}

}  // namespace semroute::router::tool
