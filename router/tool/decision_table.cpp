#include "router/tool/decision_table.h"

#include <sstream>

#include "router/tool/ask.h"
#include "router/tool/json_text.h"
#include "router/tool/limits.h"
#include "router/tool/value_text.h"

namespace semroute::router::tool {
namespace {

constexpr int kScoreDecimals = 4;

std::string score_text(const config::Value& object, std::string_view key) {
  const auto number = number_of(object, key);
  return number ? fixed(*number, kScoreDecimals) : "-";
}

std::string microseconds_text(const config::Value& object, std::string_view key) {
  const auto number = number_of(object, key);
  return number ? fixed(*number, 1) : "-";
}

std::string matches_text(const config::Value& reply) {
  const config::Value* matches = reply.find("matches");
  if (matches == nullptr || matches->list() == nullptr) return "-";
  std::string text;
  for (const config::Value& match : *matches->list()) {
    text += (text.empty() ? "" : ", ") + value_text(match.find("route")) + " " + score_text(match, "score");
  }
  return text;
}

// What the target answered; its status where that is not 200.
std::string reply_text(const config::Value& answer) {
  const config::Value* reply = answer.find("reply");
  if (reply == nullptr) return "-";
  std::string text;
  if (const auto status = number_of(*reply, "status"); status && *status != 200.0) text = fixed(*status, 0) + " ";
  if (const config::Value* body = reply->find("body")) {
    text += json_text(*body);
  } else if (const auto words = text_of(*reply, "text")) {
    text += *words;
  } else if (const auto bytes = text_of(*reply, "base64")) {
    text += "base64 " + *bytes;
  }
  return shortened(text, kColumnCharacters);
}

}  // namespace

DecisionTable::DecisionTable(Columns columns) : columns_(columns) {
  if (columns_.row) table_.column("row", Align::right);
  if (columns_.text) table_.column("text");
  table_.column("decision");
  table_.column("reason");
  table_.column("route");
  table_.column("score", Align::right);
  if (columns_.matches) table_.column("matches");
  if (columns_.reply) {
    table_.column("target");
    table_.column("reply");
  }
  table_.column("µs", Align::right);
}

void DecisionTable::add(std::size_t row, const std::string& text, const config::Value& reply, std::uint64_t took_us) {
  const Refusal refusal = refusal_of(reply);
  const bool refused = refusal.exit != Exit::ok;
  std::vector<std::string> cells;
  if (columns_.row) cells.push_back(std::to_string(row));
  if (columns_.text) cells.push_back(shortened(text, kColumnCharacters));
  const config::Value* decision = reply.find("decision");
  cells.push_back(decision == nullptr && refused ? "error" : value_text(decision));
  cells.push_back(refused ? refusal.code : value_text(reply.find("reason")));
  cells.push_back(value_text(reply.find("route")));
  cells.push_back(score_text(reply, "score"));
  if (columns_.matches) cells.push_back(matches_text(reply));
  if (columns_.reply) {
    cells.push_back(value_text(reply.find("target")));
    cells.push_back(refused ? shortened(refusal.message, kColumnCharacters) : reply_text(reply));
  }
  cells.push_back(std::to_string(took_us));
  table_.row(std::move(cells));
  if (const config::Value* explain = reply.find("explain")) {
    std::ostringstream out;
    print_explanation(columns_.row ? "row " + std::to_string(row) : "explained", *explain, out);
    explanations_ += out.str();
  }
}

void DecisionTable::print_explanation(const std::string& heading, const config::Value& explain, std::ostream& out) {
  out << "\n" << heading << "\n";
  const auto rows_of = [&explain](std::string_view key) -> const config::Value::List* {
    const config::Value* list = explain.find(key);
    return list == nullptr || list->list() == nullptr || list->list()->empty() ? nullptr : list->list();
  };
  if (const auto* candidates = rows_of("candidates")) {
    Table table;
    table.column("candidate");
    table.column("score", Align::right);
    table.column("threshold", Align::right);
    table.column("margin", Align::right);
    table.column("outcome");
    for (const config::Value& one : *candidates) {
      table.row({value_text(one.find("route")), score_text(one, "score"), score_text(one, "threshold"),
                 score_text(one, "margin"), value_text(one.find("outcome"))});
    }
    table.print(out, "  ");
  }
  if (const auto* references = rows_of("references")) {
    Table table;
    table.column("reference of");
    table.column("row", Align::right);
    table.column("score", Align::right);
    table.column("text");
    for (const config::Value& one : *references) {
      const bool negative = boolean_of(one, "negative").value_or(false);
      table.row({value_text(one.find("route")) + (negative ? " (negative)" : ""), value_text(one.find("row")),
                 score_text(one, "score"), shortened(value_text(one.find("text")), kColumnCharacters)});
    }
    table.print(out, "  ");
  }
  if (const config::Value* took = explain.find("took_us"); took != nullptr && took->map() != nullptr) {
    Table table;
    std::vector<std::string> cells;
    for (const config::Member& stage : *took->map()) {
      table.column(stage.key + " µs", Align::right);
      cells.push_back(microseconds_text(*took, stage.key));
    }
    table.row(std::move(cells));
    table.print(out, "  ");
  }
  if (const auto* attempts = rows_of("attempts")) {
    Table table;
    table.column("sent to");
    table.column("endpoint");
    table.column("outcome");
    table.column("µs", Align::right);
    for (const config::Value& one : *attempts) {
      table.row({value_text(one.find("target")), value_text(one.find("endpoint")), value_text(one.find("outcome")),
                 microseconds_text(one, "took_us")});
    }
    table.print(out, "  ");
  }
}

void DecisionTable::print(std::ostream& out) const {
  table_.print(out);
  out << explanations_;
}

}  // namespace semroute::router::tool
