#include "router/tool/eval_report.h"

#include <string_view>

#include "router/protocol/json_codec.h"
#include "router/tool/table.h"

namespace semroute::router::tool {
namespace {

std::string share_text(const std::optional<double>& share) { return share ? fixed(*share, 4) : "-"; }

std::string number_text(double number) {
  std::string text;
  append_json_number(number, text);
  return text;
}

std::string share_json(const std::optional<double>& share) { return share ? number_text(*share) : "null"; }

void add_row(Table& table, const std::string& name, const std::string& threshold, const Accuracy& accuracy,
             const std::string& auroc_text) {
  table.row({name, threshold, share_text(accuracy.in_scope_accuracy()), share_text(accuracy.out_of_scope_recall()),
             share_text(accuracy.overall()), auroc_text});
}

void print_confusions(const EvalReport& report, std::ostream& out) {
  const auto confused = most_confused(report.runs.front().requests, report.confusions, Basis::best);
  if (confused.empty()) return;
  Table table;
  table.column("most confused: label");
  table.column("nearest route");
  table.column("requests", Align::right);
  for (const Confusion& pair : confused) table.row({pair.label, pair.answered, std::to_string(pair.count)});
  out << "\n";
  table.print(out);
}

void print_routes(const EvalReport& report, std::ostream& out) {
  Table table;
  table.column("route as configured");
  table.column("requests", Align::right);
  table.column("answered", Align::right);
  table.column("precision", Align::right);
  table.column("recall", Align::right);
  for (const RouteQuality& route : route_quality(report.runs.front().requests, Basis::served)) {
    table.row({route.route, std::to_string(route.requests), std::to_string(route.answered),
               share_text(route.precision()), share_text(route.recall())});
  }
  out << "\n";
  table.print(out);
}

std::string json_of(const Accuracy& accuracy) {
  return R"({"in_scope_accuracy":)" + share_json(accuracy.in_scope_accuracy()) + R"(,"out_of_scope_recall":)" +
         share_json(accuracy.out_of_scope_recall()) + R"(,"overall":)" + share_json(accuracy.overall()) + "}";
}

std::string json_of(const EvalRun& run, const EvalReport& report) {
  std::string out = R"({"name":)";
  append_json_string(run.name, out);
  out += R"(,"accuracy":)" + share_json(accuracy_without_threshold(run.requests).in_scope_accuracy()) + R"(,"auroc":)" +
         share_json(auroc(run.requests)) + R"(,"configured":)" + json_of(accuracy_as_configured(run.requests)) +
         R"(,"thresholds":[)";
  for (const double threshold : report.thresholds) {
    if (out.back() != '[') out += ',';
    out += R"({"threshold":)" + number_text(threshold) + R"(,"result":)" +
           json_of(accuracy_at(run.requests, threshold)) + "}";
  }
  return out + "]}";
}

}  // namespace

void print_text(const EvalReport& report, std::ostream& out) {
  const Accuracy sizes = accuracy_without_threshold(report.runs.front().requests);
  out << sizes.in_scope + sizes.out_of_scope << " requests, " << sizes.in_scope << " in scope, " << sizes.out_of_scope
      << " out of scope\n\n";
  Table table;
  table.column("scored by");
  table.column("threshold", Align::right);
  table.column("accuracy", Align::right);
  table.column("out-of-scope recall", Align::right);
  table.column("both", Align::right);
  table.column("AUROC", Align::right);
  for (const EvalRun& run : report.runs) {
    add_row(table, run.name, "none", accuracy_without_threshold(run.requests), share_text(auroc(run.requests)));
    add_row(table, run.name, "configured", accuracy_as_configured(run.requests), "");
    for (const double threshold : report.thresholds) {
      add_row(table, run.name, number_text(threshold), accuracy_at(run.requests, threshold), "");
    }
  }
  table.print(out);
  print_confusions(report, out);
  if (report.per_route) print_routes(report, out);
}

void print_json(const EvalReport& report, std::ostream& out) {
  const auto& first = report.runs.front().requests;
  const Accuracy sizes = accuracy_without_threshold(first);
  std::string text = R"({"in_scope":)" + std::to_string(sizes.in_scope) + R"(,"out_of_scope":)" +
                     std::to_string(sizes.out_of_scope) + R"(,"runs":[)";
  for (const EvalRun& run : report.runs) {
    if (text.back() != '[') text += ',';
    text += json_of(run, report);
  }
  text += R"(],"confused":[)";
  for (const Confusion& pair : most_confused(first, report.confusions, Basis::best)) {
    if (text.back() != '[') text += ',';
    text += R"({"label":)";
    append_json_string(pair.label, text);
    text += R"(,"nearest":)";
    append_json_string(pair.answered, text);
    text += R"(,"requests":)" + std::to_string(pair.count) + "}";
  }
  text += "]";
  if (report.per_route) {
    text += R"(,"routes":[)";
    for (const RouteQuality& route : route_quality(first, Basis::served)) {
      if (text.back() != '[') text += ',';
      text += R"({"route":)";
      append_json_string(route.route, text);
      text += R"(,"requests":)" + std::to_string(route.requests) + R"(,"answered":)" + std::to_string(route.answered) +
              R"(,"precision":)" + share_json(route.precision()) + R"(,"recall":)" + share_json(route.recall()) + "}";
    }
    text += "]";
  }
  out << text << "}\n";
}

}  // namespace semroute::router::tool
