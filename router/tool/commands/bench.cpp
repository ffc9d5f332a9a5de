#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <random>

#include "config/vector_file.h"
#include "core/base/limits.h"
#include "router/protocol/json_codec.h"
#include "router/tool/ask.h"
#include "router/tool/endpoint.h"
#include "router/tool/json_text.h"
#include "router/tool/load.h"
#include "router/tool/table.h"
#include "router/tool/wire.h"

namespace semroute::router::tool {
namespace {

constexpr std::array kPercents{50.0, 90.0, 99.0, 99.9};

// Unit vectors in random directions, the same in every run.
std::vector<float> random_units(std::size_t count, std::size_t dimension) {
  std::mt19937_64 random(20'240'229);
  std::normal_distribution<double> normal;
  std::vector<float> values;
  std::vector<double> row(dimension);
  for (std::size_t i = 0; i < count; ++i) {
    double squares = 0.0;
    for (double& number : row) {
      number = normal(random);
      squares += number * number;
    }
    for (const double number : row) values.push_back(static_cast<float>(number / std::sqrt(squares)));
  }
  return values;
}

std::string number_json(double number) {
  std::string text;
  append_json_number(number, text);
  return text;
}

class Bench final : public Command {
 public:
  void declare(Options& options) override {
    options.server(plan_.server);
    options.choice("--protocol", protocol_, {"binary", "json"}, "how requests are written");
    options.choice("--op", op_, {"match", "route"}, "decide, or decide and dispatch");
    options.text("--vectors", vectors_, "FILE", "embeddings, NPY or JSONL; left out: random unit vectors");
    options.integer("--connections", connections_, 1, kMaxBenchConnections, "open at once");
    options.integer("--pipeline", pipeline_, 1, kMaxBenchPipeline,
                    "requests in flight on each; over the daemon's limits.max_in_flight they wait in its socket");
    options.integer("--batch", batch_, 1, kMaxBenchBatch, "embeddings in a request (match only)");
    options.integer("--threads", threads_, 1, kMaxBenchThreads, "of the client");
    options.optional_integer("--requests", requests_, 1, UINT64_MAX, "end after so many");
    options.text("--duration", duration_, "DURATION", "end after so long (default: 5s, without --requests)");
  }

  Exit run(const Context& context) override {
    if (const auto planned = plan(); !planned) return context.fail(Exit::usage, planned.error().message);
    std::size_t dimension = 0;
    std::vector<float> values;
    if (const auto read = read_values(values, dimension); !read) {
      return context.fail(read.error().code == core::ErrorCode::not_found ? Exit::io : exit_for(read.error().code),
                          read.error().message);
    }
    if (const auto encoded = encode(values, dimension); !encoded) return context.fail(encoded.error());
    const auto report = run_load(plan_);
    if (!report) return context.fail(report.error());
    if (context.json) {
      print_json(context, *report, dimension);
    } else {
      print_text(context, *report, dimension);
    }
    // What was refused was no decision: a rate of errors is not a result.
    if (!report->errors.empty()) {
      return context.fail(Exit::data, std::to_string(errors_of(*report)) + " requests were answered with an error");
    }
    if (report->lost > 0) return context.fail(Exit::unavailable, std::to_string(report->lost) + " requests were lost");
    return Exit::ok;
  }

 private:
  core::Result<void> plan() {
    const auto wrong = [](std::string message) {
      return core::Error{core::ErrorCode::bad_request, std::move(message)};
    };
    if (requests_ && duration_) return wrong("give either --requests or --duration");
    if (op_ == "route" && batch_ > 1) return wrong("--batch needs --op match; a routed request has one embedding");
    plan_.wire = protocol_ == "json" ? Wire::json : Wire::binary;
    plan_.connections = connections_;
    plan_.pipeline = pipeline_;
    plan_.threads = threads_;
    plan_.requests = requests_.value_or(0);
    if (requests_) return {};
    const auto duration = parse_duration(duration_.value_or("5s"));
    if (!duration) return wrong("--duration: " + duration.error().message);
    if (duration->count() == 0) return wrong("--duration: expected more than nothing");
    plan_.duration = *duration;
    return {};
  }

  core::Result<void> read_values(std::vector<float>& values, std::size_t& dimension) const {
    if (vectors_) {
      auto rows = config::read_vectors(*vectors_, 0, core::Metric::dot);
      if (!rows) return rows.error();
      values = std::move(rows->values);
      dimension = rows->dimension;
      return {};
    }
    auto client = Client::connect(plan_.server);
    if (!client) return client.error();
    const auto answer = exchange_line(*client, R"({"id":1,"op":"ping"})");
    if (!answer) return answer.error();
    const auto stated = number_of(answer->value, "dimension");
    if (!stated || *stated < 1.0 || *stated > static_cast<double>(core::kMaxDimension)) {
      return core::Error{core::ErrorCode::unavailable, plan_.server + " does not tell its dimension: " + answer->line};
    }
    dimension = static_cast<std::size_t>(*stated);
    values = random_units(std::max<std::size_t>(kRandomVectors, batch_), dimension);
    return {};
  }

  // Consecutive rows, from the first again after the last.
  core::Result<void> encode(const std::vector<float>& values, std::size_t dimension) {
    const std::size_t count = values.size() / dimension;
    const std::size_t requests = (count + batch_ - 1) / batch_;
    std::vector<float> rows(batch_ * dimension);
    std::size_t bytes = 0;
    for (std::size_t request = 0; request < requests; ++request) {
      for (std::size_t i = 0; i < batch_; ++i) {
        const auto from = values.begin() + static_cast<std::ptrdiff_t>((request * batch_ + i) % count * dimension);
        std::copy_n(from, dimension, rows.begin() + static_cast<std::ptrdiff_t>(i * dimension));
      }
      plan_.encoded.push_back(encode_request(plan_.wire, op_ == "route" ? Op::route : Op::match, rows, dimension));
      bytes += plan_.encoded.back().size();
      if (bytes > kMaxBenchBytes) {
        return core::Error{core::ErrorCode::resource_exhausted, "the requests would take over " +
                                                                    std::to_string(kMaxBenchBytes) +
                                                                    " bytes of memory; use a smaller file or --batch"};
      }
    }
    return {};
  }

  static std::uint64_t errors_of(const LoadReport& report) {
    std::uint64_t errors = 0;
    for (const auto& [code, count] : report.errors) errors += count;
    return errors;
  }

  [[nodiscard]] double rate(const LoadReport& report) const {
    return report.seconds > 0.0 ? static_cast<double>(report.answered) / report.seconds : 0.0;
  }

  void print_text(const Context& context, const LoadReport& report, std::size_t dimension) const {
    context.out << plan_.server << ": " << op_ << ", " << protocol_ << ", dimension " << dimension << ", "
                << connections_ << " connections, pipeline " << pipeline_ << ", batch " << batch_ << "\n"
                << report.answered << " requests in " << fixed(report.seconds, 3) << " s: " << fixed(rate(report), 0)
                << " requests/s";
    if (batch_ > 1) context.out << ", " << fixed(rate(report) * static_cast<double>(batch_), 0) << " embeddings/s";
    context.out << "\n";
    Table table;
    std::vector<std::string> cells;
    for (const double percent : kPercents) {
      table.column("p" + number_json(percent), Align::right);
      cells.push_back(fixed(static_cast<double>(report.latency_ns.percentile(percent)) / 1000.0, 1));
    }
    table.column("max", Align::right);
    cells.push_back(fixed(static_cast<double>(report.latency_ns.max()) / 1000.0, 1));
    table.column("µs");
    cells.emplace_back();
    table.row(std::move(cells));
    table.print(context.out);
    for (const auto& [code, count] : report.errors) context.out << code << ": " << count << "\n";
    if (report.lost > 0) context.out << "lost: " << report.lost << "\n";
  }

  void print_json(const Context& context, const LoadReport& report, std::size_t dimension) const {
    std::string out =
        R"({"op":")" + op_ + R"(","protocol":")" + protocol_ + R"(","dimension":)" + std::to_string(dimension) +
        R"(,"connections":)" + std::to_string(connections_) + R"(,"pipeline":)" + std::to_string(pipeline_) +
        R"(,"batch":)" + std::to_string(batch_) + R"(,"requests":)" + std::to_string(report.answered) +
        R"(,"seconds":)" + number_json(report.seconds) + R"(,"requests_per_s":)" + number_json(rate(report)) +
        R"(,"embeddings_per_s":)" + number_json(rate(report) * static_cast<double>(batch_)) + R"(,"latency_us":{)";
    for (const double percent : kPercents) {
      out += "\"p" + number_json(percent) +
             "\":" + number_json(static_cast<double>(report.latency_ns.percentile(percent)) / 1000.0) + ",";
    }
    out += R"("mean":)" + number_json(report.latency_ns.mean() / 1000.0) + R"(,"max":)" +
           number_json(static_cast<double>(report.latency_ns.max()) / 1000.0) + R"(},"errors":{)";
    for (const auto& [code, count] : report.errors) {
      if (out.back() != '{') out += ',';
      out += "\"" + code + "\":" + std::to_string(count);
    }
    context.out << out << R"(},"lost":)" << report.lost << "}\n";
  }

  LoadPlan plan_{.server = std::string(kDefaultServer)};
  std::string protocol_ = "binary";
  std::string op_ = "match";
  std::optional<std::string> vectors_;
  std::uint64_t connections_ = 1;
  std::uint64_t pipeline_ = 1;
  std::uint64_t batch_ = 1;
  std::uint64_t threads_ = 1;
  std::optional<std::uint64_t> requests_;
  std::optional<std::string> duration_;
};

}  // namespace

std::unique_ptr<Command> make_bench() { return std::make_unique<Bench>(); }

}  // namespace semroute::router::tool
