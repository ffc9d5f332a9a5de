// Table: columns of text for people, as wide as their widest cell.
//
// Widths count UTF-8 code points. Control characters become spaces, so that what a target replied
// cannot steer a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace semroute::router::tool {

enum class Align : std::uint8_t { left, right };

class Table {
 public:
  void column(std::string title, Align align = Align::left);
  // Precondition: one cell a column.
  void row(std::vector<std::string> cells);
  void print(std::ostream& out, std::string_view indent = "") const;
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }

 private:
  struct Column {
    std::string title;
    Align align;
  };
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

[[nodiscard]] std::size_t characters(std::string_view utf8) noexcept;
// At most `most` characters, the last of them "…" where some were cut.
[[nodiscard]] std::string shortened(std::string_view utf8, std::size_t most);
// With `decimals` digits after the point.
[[nodiscard]] std::string fixed(double number, int decimals);

}  // namespace semroute::router::tool
