#include <algorithm>
#include <chrono>
#include <span>

#include "config/vector_file.h"
#include "core/base/base64.h"
#include "core/base/limits.h"
#include "router/protocol/json_codec.h"
#include "router/tool/ask.h"
#include "router/tool/decision_table.h"
#include "router/tool/json_text.h"

namespace semroute::router::tool {
namespace {

// What is sent, a request each: the embedding as JSON, and what it stands for.
struct Query {
  std::size_t row = 0;
  std::string embedding;
  std::string text;
};

// JSON of the command line as one line: a line end can only stand between tokens there.
std::string one_line(std::string json) {
  std::ranges::replace_if(
      json, [](char byte) { return byte == '\n' || byte == '\r'; }, ' ');
  return json;
}

class MatchOrRoute final : public Command {
 public:
  explicit MatchOrRoute(bool route) : route_(route) {}

  void declare(Options& options) override {
    options.server(server_);
    options.text("--vectors", vectors_, "FILE", "embeddings from an NPY or JSONL file; a request a row");
    options.optional_integer("--row", row_, 0, UINT32_MAX, "only this row of the file, from 0");
    options.text("--embedding", embedding_, "JSON", "one embedding: an array of numbers, or base64 in quotes");
    options.text("--texts", texts_, "FILE", "JSONL: {\"label\": ..., \"text\": ...} for each row; the texts are shown");
    options.integer("--top-k", top_k_, 1, core::kMaxTopK, "how many routes to name");
    options.flag("--explain", explain_, "which references and candidates made the decision");
    options.text("--filter", filter_, "JSON", "{\"routes\": [...], \"metadata\": {...}}");
    options.text("--score-threshold", score_threshold_, "NUMBER", "instead of every configured threshold");
    options.text("--model", model_, "NAME", "refuse unless the index is of this model");
    options.optional_integer("--timeout-ms", timeout_ms_, 1, core::kMaxTimeoutMs, "the request's deadline");
    options.text("--key", key_, "TEXT", "requests of a route with the same key go to the same target of its split");
    options.text("--payload", payload_, "JSON",
                 route_ ? "what the target gets (default: {\"text\": ...} of a row with a text, else null)"
                        : "sent along, so that the arguments of route can be tried; nothing gets it");
    if (!route_) return;
    options.repeated_text("--header", headers_, "NAME:VALUE", "a header for the target, if the daemon allows it");
    options.flag("--stream", stream_, "print the target's reply as it comes");
  }

  Exit run(const Context& context) override {
    std::string tail;
    if (const auto built = build_tail(tail); !built) return context.fail(Exit::usage, built.error().message);
    if (vectors_.has_value() == embedding_.has_value()) {
      return context.fail(Exit::usage, "give either --vectors FILE or --embedding JSON");
    }
    if (embedding_ && (row_ || texts_)) {
      return context.fail(Exit::usage, "--row and --texts belong to --vectors FILE");
    }
    auto queries = read_queries();
    if (!queries) return context.fail(exit_, queries.error().message);
    auto client = Client::connect(server_);
    if (!client) return context.fail(client.error());
    return ask_all(context, *client, *queries, tail);
  }

 private:
  // The members of every request after `embedding`.
  core::Result<void> build_tail(std::string& tail) {
    tail = R"(,"top_k":)" + std::to_string(top_k_);
    if (explain_) tail += R"(,"explain":true)";
    if (timeout_ms_) tail += R"(,"timeout_ms":)" + std::to_string(*timeout_ms_);
    if (stream_) tail += R"(,"stream":true)";
    for (const auto& [member, text] : {std::pair{"model", &model_}, std::pair{"key", &key_}}) {
      if (!*text) continue;
      tail += std::string(",\"") + member + "\":";
      append_json_string(**text, tail);
    }
    for (const auto& [option, member, json] : {std::tuple{"--filter", "filter", &filter_},
                                               std::tuple{"--score-threshold", "score_threshold", &score_threshold_},
                                               std::tuple{"--payload", "payload", &payload_}}) {
      if (!*json) continue;
      if (const auto parsed = parse_json(**json); !parsed) {
        return core::Error{parsed.error().code,
                           std::string(option) + ": no JSON (" + parsed.error().message + "): " + **json};
      }
      tail += std::string(",\"") + member + "\":" + one_line(**json);
    }
    if (headers_.empty()) return {};
    tail += R"(,"headers":{)";
    for (const std::string& header : headers_) {
      const auto colon = header.find(':');
      if (colon == std::string::npos || colon == 0) {
        return core::Error{core::ErrorCode::bad_request, "--header: expected NAME:VALUE, found \"" + header + "\""};
      }
      if (tail.back() != '{') tail += ',';
      append_json_string(header.substr(0, colon), tail);
      tail += ':';
      const auto value = std::min(header.find_first_not_of(' ', colon + 1), header.size());
      append_json_string(header.substr(value), tail);
    }
    tail += '}';
    return {};
  }

  core::Result<std::vector<Query>> read_queries() {
    if (embedding_) {
      exit_ = Exit::usage;
      if (const auto parsed = parse_json(*embedding_); !parsed) {
        return core::Error{parsed.error().code, "--embedding: no JSON: " + parsed.error().message};
      }
      return std::vector<Query>{{0, one_line(*embedding_), {}}};
    }
    // The daemon judges the vectors by its own metric; `dot` takes every finite one.
    auto rows = config::read_vectors(*vectors_, 0, core::Metric::dot);
    if (!rows) return failed(rows.error());
    std::vector<std::string> texts = std::move(rows->texts);
    if (texts_) {
      auto labels = config::read_labels(*texts_);
      if (!labels) return failed(labels.error());
      if (labels->texts.size() != rows->count) {
        return failed({core::ErrorCode::bad_request, *texts_ + " has " + std::to_string(labels->texts.size()) +
                                                         " lines, " + *vectors_ + " " + std::to_string(rows->count) +
                                                         " rows; they must be of the same set"});
      }
      texts = std::move(labels->texts);
    }
    if (row_ && *row_ >= rows->count) {
      exit_ = Exit::usage;
      return core::Error{core::ErrorCode::bad_request, "--row: " + *vectors_ + " has " + std::to_string(rows->count) +
                                                           " rows, the last is " + std::to_string(rows->count - 1)};
    }
    show_row_ = !row_;
    show_text_ = !texts.empty();
    std::vector<Query> queries;
    for (std::size_t row = row_.value_or(0); row < (row_ ? *row_ + 1 : rows->count); ++row) {
      const std::span<const float> vector(rows->values.data() + row * rows->dimension, rows->dimension);
      queries.push_back({row, "\"" + base64_of(vector) + "\"", show_text_ ? texts[row] : std::string{}});
    }
    return queries;
  }

  core::Error failed(core::Error error) {
    exit_ = error.code == core::ErrorCode::not_found ? Exit::io : Exit::data;
    return error;
  }

  [[nodiscard]] std::string request_line(const Query& query, const std::string& tail) const {
    std::string line = R"({"id":)" + std::to_string(query.row) + R"(,"op":")" + (route_ ? "route" : "match") +
                       R"(","embedding":)" + query.embedding + tail;
    if (route_ && !payload_ && show_text_) {
      line += R"(,"payload":{"text":)";
      append_json_string(query.text, line);
      line += '}';
    }
    return line + "}";
  }

  Exit ask_all(const Context& context, Client& client, const std::vector<Query>& queries, const std::string& tail) {
    DecisionTable table({show_row_, show_text_, top_k_ > 1, route_});
    bool has_rows = false;
    const auto timeout = timeout_ms_ ? std::chrono::milliseconds(*timeout_ms_) + kReplyGrace : kReplyTimeout;
    Exit exit = Exit::ok;
    for (const Query& query : queries) {
      const auto begin = std::chrono::steady_clock::now();
      const auto answer = exchange_line(client, request_line(query, tail), timeout);
      const auto took = std::chrono::steady_clock::now() - begin;
      if (!answer) {
        if (!context.json && has_rows) table.print(context.out);
        return context.fail(answer.error());
      }
      if (context.json) context.out << answer->line << "\n";
      const auto took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
      Refusal refusal = refusal_of(answer->value);
      if (boolean_of(answer->value, "more").value_or(false)) {
        const auto end = print_stream(context, client, timeout);
        if (!end) return context.fail(end.error());
        if (end->value.find("error") != nullptr) refusal = refusal_of(end->value);
        if (!context.json) explain_stream(context, query.row, answer->value, end->value);
      } else {
        table.add(query.row, query.text, answer->value, static_cast<std::uint64_t>(took_us));
        has_rows = true;
      }
      if (refusal.exit == Exit::ok) continue;
      const std::string which = queries.size() > 1 ? "row " + std::to_string(query.row) + ": " : "";
      const Exit failed_with = context.fail(refusal.exit, which + refusal.code + ": " + refusal.message);
      if (exit == Exit::ok) exit = failed_with;
    }
    if (!context.json && has_rows) table.print(context.out);
    return exit;
  }

  // The chunks of a streamed reply as they come, each ended by a line end at the latest; returns the last line.
  static core::Result<Answer> print_stream(const Context& context, Client& client, std::chrono::milliseconds timeout) {
    char last = '\n';
    for (;;) {
      auto answer = next_line(client, timeout);
      if (!answer) return answer;
      if (context.json) context.out << answer->line << "\n";
      const bool is_done = boolean_of(answer->value, "done").value_or(false);
      if (!context.json) {
        const std::string bytes = is_done ? std::string(last == '\n' ? "" : "\n") : chunk_of(answer->value);
        if (!bytes.empty()) last = bytes.back();
        context.out << bytes;
      }
      context.out.flush();
      if (is_done) return answer;
    }
  }

  // The head has the explanation but for the attempts, which only the end has all of.
  void explain_stream(const Context& context, std::size_t row, const config::Value& head,
                      const config::Value& end) const {
    const config::Value* explain = head.find("explain");
    if (explain == nullptr || explain->map() == nullptr) return;
    config::Value whole = *explain;
    auto& members = std::get<config::Value::Map>(whole.data);
    std::erase_if(members, [](const config::Member& member) { return member.key == "attempts"; });
    if (const config::Value* attempts = end.find("attempts")) members.push_back({"attempts", {}, *attempts});
    DecisionTable::print_explanation(show_row_ ? "row " + std::to_string(row) : "explained", whole, context.out);
  }

  static std::string chunk_of(const config::Value& line) {
    if (auto text = text_of(line, "chunk")) return std::move(*text);
    const std::string base64 = text_of(line, "chunk_base64").value_or("");
    std::string bytes(core::base64_bytes(base64), '\0');
    return core::decode_base64(base64, std::as_writable_bytes(std::span(bytes))) ? std::string() : bytes;
  }

  const bool route_;
  std::string server_{kDefaultServer};
  std::optional<std::string> vectors_;
  std::optional<std::uint64_t> row_;
  std::optional<std::string> embedding_;
  std::optional<std::string> texts_;
  std::uint64_t top_k_ = 1;
  bool explain_ = false;
  std::optional<std::string> filter_;
  std::optional<std::string> score_threshold_;
  std::optional<std::string> model_;
  std::optional<std::uint64_t> timeout_ms_;
  std::optional<std::string> payload_;
  std::optional<std::string> key_;
  bool stream_ = false;
  std::vector<std::string> headers_;
  bool show_row_ = false;
  bool show_text_ = false;
  Exit exit_ = Exit::data;  // of the last failure of read_queries
};

}  // namespace

std::unique_ptr<Command> make_match() { return std::make_unique<MatchOrRoute>(false); }
std::unique_ptr<Command> make_route() { return std::make_unique<MatchOrRoute>(true); }

}  // namespace semroute::router::tool
