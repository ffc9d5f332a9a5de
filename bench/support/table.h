// Table: what a program of bench/ found, as aligned text on stdout and as a CSV file, from the same cells.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace semroute::bench {

// "-" for a number that is not there (NaN).
[[nodiscard]] std::string fixed(double number, int digits);

class Table {
 public:
  // Columns are named in snake_case with the unit last, and are the CSV's header too. No cell holds a comma.
  Table(std::string title, std::vector<std::string> columns);

  // Precondition: a cell a column.
  void add(std::vector<std::string> cells);

  // Prints it, and writes `folder`/`name`.csv unless the folder is empty. Exits with 73 when that fails.
  void publish(const std::string& folder, const std::string& name) const;

 private:
  std::string title_;
  std::vector<std::vector<std::string>> lines_;  // the columns first
};

}  // namespace semroute::bench
