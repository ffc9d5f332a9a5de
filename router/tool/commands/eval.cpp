#include <array>
#include <chrono>

#include "config/load.h"
#include "plugins/registry.h"
#include "router/routes/table_writer.h"
#include "router/tool/command.h"
#include "router/tool/endpoint.h"
#include "router/tool/eval_report.h"
#include "router/tool/evaluation.h"
#include "router/tool/limits.h"

namespace semroute::router::tool {
namespace {

using config::Aggregation;

constexpr std::array kAggregations{Aggregation::max, Aggregation::mean_top, Aggregation::sum_top, Aggregation::mean,
                                   Aggregation::centroid};

std::string name_of(const config::DecisionConfig& decision) {
  std::string name(config::to_string(decision.aggregation));
  const bool top = decision.aggregation == Aggregation::mean_top || decision.aggregation == Aggregation::sum_top;
  return top ? name + " " + std::to_string(decision.top_m) : name;
}

// Exit of a vector or label file that cannot be used.
Exit exit_of_file(const core::Error& error) {
  return error.code == core::ErrorCode::not_found ? Exit::io : exit_for(error.code);
}

class Eval final : public Command {
 public:
  void declare(Options& options) override {
    options.text("--config,-c", config_, "FILE", "decide in process, with this configuration");
    options.text("--server", server_, "HOST:PORT", "let a running daemon decide, instead of --config");
    options.repeated_text("--vectors", vectors_, "FILE", "labelled embeddings, NPY or JSONL; may be repeated");
    options.repeated_text("--labels", labels_, "FILE", "their labels, a line a row; one for each --vectors");
    options.text_list("--out-of-scope", out_of_scope_, "LABEL",
                      "labels that no route should answer (default: oos,none)");
    options.real_list("--thresholds", report_.thresholds, "one threshold for all routes, each a line of the table");
    options.text_list("--aggregations", aggregations_, "NAME", "compare these beside the configured one; or: all");
    options.optional_integer("--top-m", top_m_, 1, 1'000'000, "instead of the configured decision.top_m");
    options.integer("--confused", confused_, 0, 1'000, "how many pairs of confused routes to name");
    options.flag("--per-route", report_.per_route, "precision and recall of every route");
  }

  Exit run(const Context& context) override {
    if (vectors_.empty()) return context.fail(Exit::usage, "--vectors FILE is required");
    if (config_.has_value() == server_.has_value()) {
      return context.fail(Exit::usage, "give either --config FILE or --server HOST:PORT");
    }
    if (server_) {
      const auto endpoint = parse_endpoint(*server_);
      if (!endpoint) return context.fail(Exit::usage, "--server: " + endpoint.error().message);
    }
    if (server_ && (!aggregations_.empty() || top_m_)) {
      return context.fail(Exit::usage, "--aggregations and --top-m need --config; a daemon has the one it was given");
    }
    if (out_of_scope_.empty()) out_of_scope_ = {"oos", "none"};
    report_.confusions = confused_;
    const Exit exit = server_ ? run_on_server(context) : run_in_process(context);
    if (exit != Exit::ok) return exit;
    if (context.json) {
      print_json(report_, context.out);
    } else {
      print_text(report_, context.out);
    }
    return Exit::ok;
  }

 private:
  // After kProgressAfter, one line that is written over, where a person watches.
  static Progress progress_line(const Context& context, std::string what, std::size_t of) {
    if (!context.progress) return [](std::size_t) {};
    return [&context, what = std::move(what), of, begin = std::chrono::steady_clock::now()](std::size_t done) {
      if (std::chrono::steady_clock::now() - begin < kProgressAfter) return;
      context.err << "\r" << what << ": " << done << " of " << of << (done == of ? "\n" : "") << std::flush;
    };
  }

  Exit run_on_server(const Context& context) {
    const auto labelled = read_labelled(vectors_, labels_, 0, core::Metric::dot, out_of_scope_);
    if (!labelled) return context.fail(exit_of_file(labelled.error()), labelled.error().message);
    auto requests = evaluate_on_server(*server_, *labelled, progress_line(context, *server_, labelled->count()));
    if (!requests) return context.fail(requests.error());
    report_.runs.push_back({*server_, std::move(requests).value()});
    return Exit::ok;
  }

  Exit run_in_process(const Context& context) {
    auto outcome = config::load_config(*config_, plugins::check_target);
    if (!outcome.config) {
      for (const auto& problem : outcome.problems) context.err << config::to_string(problem) << "\n";
      return context.fail(Exit::config, *config_ + " is wrong; see above");
    }
    config::Config& config = *outcome.config;
    if (top_m_) config.decision.top_m = *top_m_;
    const auto decisions = compared(config.decision);
    if (!decisions) return context.fail(Exit::usage, decisions.error().message);
    const auto labelled = read_labelled(vectors_, labels_, config.index.dimension, config.index.metric, out_of_scope_);
    if (!labelled) return context.fail(exit_of_file(labelled.error()), labelled.error().message);
    for (const config::DecisionConfig& decision : *decisions) {
      config.decision = decision;
      const auto state = build_routing_state(config);
      if (!state) return context.fail(Exit::config, state.error().message);
      if (report_.runs.empty()) warn_of_strange_labels(context, (*state)->table, *labelled);
      auto requests =
          evaluate_in_process(**state, *labelled, progress_line(context, name_of(decision), labelled->count()));
      if (!requests) return context.fail(requests.error());
      report_.runs.push_back({name_of(decision), std::move(requests).value()});
    }
    return Exit::ok;
  }

  // The configured way first, then those asked for that differ from it.
  core::Result<std::vector<config::DecisionConfig>> compared(const config::DecisionConfig& configured) const {
    std::vector<config::DecisionConfig> decisions{configured};
    const auto add = [&](Aggregation aggregation) {
      if (aggregation == configured.aggregation) return;
      decisions.push_back(configured);
      decisions.back().aggregation = aggregation;
    };
    for (const std::string& name : aggregations_) {
      bool known = name == "all";
      for (const Aggregation aggregation : kAggregations) {
        if (name != "all" && name != config::to_string(aggregation)) continue;
        add(aggregation);
        known = true;
      }
      if (!known) {
        return core::Error{
            core::ErrorCode::bad_request,
            "--aggregations: expected all, max, mean_top, sum_top, mean or centroid, found \"" + name + "\""};
      }
    }
    return decisions;
  }

  static void warn_of_strange_labels(const Context& context, const RouteTable& table, const Labelled& labelled) {
    std::size_t count = 0;
    std::string first;
    for (std::size_t i = 0; i < labelled.count(); ++i) {
      if (labelled.out_of_scope[i] || table.find(labelled.labels[i])) continue;
      if (count++ == 0) first = labelled.labels[i];
    }
    if (count == 0) return;
    context.err << "semroute eval: warning: " << count << " rows have a label that is no route, such as \"" << first
                << "\"; they count as wrong. Name labels that no route should answer with --out-of-scope\n";
  }

  std::optional<std::string> config_;
  std::optional<std::string> server_;
  std::vector<std::string> vectors_;
  std::vector<std::string> labels_;
  std::vector<std::string> out_of_scope_;
  std::vector<std::string> aggregations_;
  std::optional<std::uint64_t> top_m_;
  std::uint64_t confused_ = 10;
  EvalReport report_;
};

}  // namespace

std::unique_ptr<Command> make_eval() { return std::make_unique<Eval>(); }

}  // namespace semroute::router::tool
