// DecisionTable: the replies to match and route as a table for people, explanations below it.
//
// Threads: one. Lifetime: a plain value that keeps copies.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "config/value.h"
#include "router/tool/table.h"

namespace semroute::router::tool {

class DecisionTable {
 public:
  struct Columns {
    bool row = false;      // which row of the file
    bool text = false;     // what the embedding stands for
    bool matches = false;  // top_k over 1
    bool reply = false;    // route: target and what it answered
  };
  explicit DecisionTable(Columns columns);

  // `reply` is one reply object, also an ok:false; `took_us` from the request's first byte to the reply.
  void add(std::size_t row, const std::string& text, const config::Value& reply, std::uint64_t took_us);
  void print(std::ostream& out) const;

  // The `explain` of a reply under `heading`, by itself.
  static void print_explanation(const std::string& heading, const config::Value& explain, std::ostream& out);

 private:
  Columns columns_;
  Table table_;
  std::string explanations_;
};

}  // namespace semroute::router::tool
