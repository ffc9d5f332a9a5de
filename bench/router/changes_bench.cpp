// bench_changes: searches at the real daemon while writers put routes, beside the same searches without them.
// bench/README.md says how to read it.
#include <sysexits.h>

#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/router/changing_routes.h"
#include "bench/router/paced_client.h"
#include "bench/router/put_writers.h"
#include "bench/router/reply_check.h"
#include "bench/support/program.h"
#include "bench/support/table.h"
#include "bench/support/timing.h"
#include "core/kernels/kernels.h"
#include "router/tool/client.h"
#include "router/tool/json_text.h"
#include "router/tool/wire.h"
#include "tests/support/daemon_process.h"
#include "tests/support/synthetic_set.h"

namespace semroute::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr double kThreshold = 0.5;
constexpr double kShareOfCapacity = 0.3;
constexpr double kTargetRatio = 2.0;      // of the p99 with writers to that without
constexpr double kMostMissedMore = 0.01;  // of the searches, with writers
constexpr double kEnoughPuts = 0.95;      // of those wanted
constexpr std::size_t kCapacityDepth = 64;
constexpr std::size_t kCapacityTurns = 3;
constexpr std::size_t kPutsOnTheirWay = 16;         // of a writer that falls behind
constexpr std::size_t kSearchesOnTheirWay = 1'000;  // never to be reached
constexpr std::chrono::minutes kLongestRest{2};
constexpr int kLongestStartSeconds = 900;
constexpr int kDrainSeconds = 60;

struct Settings {
  std::size_t rounds = 5;
  milliseconds turn{5'000};
  double puts = 100.0;  // a second, of each writer
  std::string algorithm;
};

// Made in `parent`, removed with its contents.
class Workplace {
 public:
  explicit Workplace(const std::string& parent) : path_(parent + "/semroute-bench-changes-XXXXXX") {
    fs::create_directories(parent);
    if (::mkdtemp(path_.data()) == nullptr) stop(EX_CANTCREAT, "no folder can be made in " + parent);
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Writes what the routes that stay are made of. `listen` and `admin` are DaemonProcess's.
std::string configuration(const ChangingRoutes& routes, const Settings& settings, const std::string& folder) {
  test::write_npy(folder + "/references.npy", routes.staying_rows(), routes.shape().dimension);
  std::vector<std::string> labels;
  for (std::size_t route = 0; route < routes.staying(); ++route)
    labels.insert(labels.end(), routes.shape().references_a_route, routes.name(route));
  test::write_labels(folder + "/references.txt", labels);
  return "workers: 1\ndata_dir: " + folder + "/data\nindex: {dimension: " + std::to_string(routes.shape().dimension) +
         ", algorithm: " + settings.algorithm +
         "}\ndecision: {aggregation: mean_top, top_m: " + std::to_string(kTopReferences) +
         ", score_threshold: " + fixed(kThreshold, 2) +
         "}\nlimits: {idle_timeout: 10m}\nroute_sets:\n  - {vectors: " + folder + "/references.npy, labels: " + folder +
         "/references.txt}\n";
}

// That it serves.
std::uint64_t revision_of(const test::DaemonProcess& daemon) {
  auto client = router::tool::Client::connect("127.0.0.1:" + std::to_string(daemon.port()));
  if (!client.ok()) throw std::runtime_error(client.error().message);
  if (const auto sent = client->send("{\"op\":\"ping\"}\n"); !sent.ok()) throw std::runtime_error(sent.error().message);
  const auto reply = client->receive_line();
  const auto facts = reply.ok() ? router::tool::parse_json(*reply) : reply.error();
  const auto revision = facts.ok() ? router::tool::number_of(*facts, "revision") : std::nullopt;
  if (!revision) throw std::runtime_error("the daemon does not say its revision: " + daemon.log());
  return static_cast<std::uint64_t>(*revision);
}

// After a change the daemon removes rows that nobody needs any more and keeps the graph: until that is done.
void wait_until_at_rest(const test::DaemonProcess& daemon) {
  constexpr milliseconds kLook{300};
  constexpr double kRestingUs = 0.03 * 1e3 * static_cast<double>(kLook.count());
  const auto give_up = std::chrono::steady_clock::now() + kLongestRest;
  double before = process_cpu_us(daemon.pid());
  while (std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(kLook);
    const double now = process_cpu_us(daemon.pid());
    if (now - before < kRestingUs) return;
    before = now;
  }
  progress("the daemon is still at work");
}

// Searches on one connection that is kept, the queries by turns.
class Searches {
 public:
  Searches(std::uint16_t port, const ChangingRoutes& routes, const PutWriters& puts) : puts_(puts), client_(port) {
    for (std::size_t i = 0; i < routes.shape().queries; ++i)
      frames_.push_back(router::tool::encode_request(router::tool::Wire::binary, router::Op::match, routes.query(i),
                                                     routes.shape().dimension));
  }

  struct Outcome {
    PacedClient::Turn turn;
    std::vector<double> us{};         // from when each was due
    std::vector<double> us_on_way{};  // from when it was sent
    std::vector<SearchReply> replies{};
  };
  Outcome run(const Pace& pace) {
    Outcome outcome;
    outcome.turn = client_.run(
        pace,
        [&](std::uint32_t id) {
          known_.push_back(puts_.known_revision());
          return std::span(frames_[(id - 1) % frames_.size()]);
        },
        [&](const PacedReply& reply) {
          outcome.us.push_back(reply.us);
          outcome.us_on_way.push_back(reply.us_on_way);
          outcome.replies.push_back({(reply.id - 1) % frames_.size(), known_[reply.id - 1], std::string(reply.frame)});
        });
    return outcome;
  }

 private:
  const PutWriters& puts_;
  PacedClient client_;
  std::vector<std::string> frames_;
  std::vector<std::uint64_t> known_;  // by id, from 1 on: the newest revision when it was sent
};

// One line of the table, by round.
struct Line {
  std::vector<double> puts_per_second{};
  std::vector<double> put_p50_us{};
  std::vector<double> put_p99_us{};
  std::vector<double> searches_per_second{};
  std::vector<double> p50_us{};
  std::vector<double> p99_us{};
  std::vector<double> way_p99_us{};
  std::vector<double> late_p99_us{};
  std::vector<double> daemon_cores{};
  double max_us = 0.0;
  std::uint64_t searches = 0;
  std::uint64_t missed = 0;
  std::uint64_t wrong = 0;
  std::uint64_t missing = 0;
  std::uint64_t refused = 0;

  [[nodiscard]] double missed_share() const { return static_cast<double>(missed) / static_cast<double>(searches); }
  [[nodiscard]] bool is_good() const { return wrong == 0 && missing == 0 && refused == 0; }
};

class Measuring {
 public:
  Measuring(const Settings& settings, const ChangingRoutes& routes, const test::DaemonProcess& daemon,
            std::uint64_t revision)
      : settings_(settings),
        daemon_(daemon),
        puts_(daemon.port(), routes),
        searches_(daemon.port(), routes, puts_),
        check_(routes, kThreshold, revision) {}

  // The first content of every route that changes.
  void fill(std::size_t puts) {
    Line line;
    std::vector<PutDone> done;
    for (std::size_t writer = 0; writer < PutWriters::kCount; ++writer) {
      take(
          puts_.write(writer,
                      {.most_in_flight = kPutsOnTheirWay, .duration = kLongestRest, .most = puts / PutWriters::kCount}),
          done, line);
    }
    line.wrong += check_.check(std::move(done), {}).wrong;
    if (!line.is_good()) throw std::runtime_error("the routes that change could not be put");
  }

  // Searches a second on one connection.
  double capacity(Line& line) {
    std::vector<double> rates;
    for (std::size_t turn = 0; turn < kCapacityTurns; ++turn) {
      Searches::Outcome outcome = searches_.run({.most_in_flight = kCapacityDepth, .duration = milliseconds(1'000)});
      rates.push_back(static_cast<double>(outcome.turn.answered) / outcome.turn.seconds);
      take(outcome, {}, line);
    }
    return median(rates);
  }

  void turn(std::size_t writers, double searches_per_second, Line& line) {
    wait_until_at_rest(daemon_);
    std::vector<PutWriters::Outcome> written(writers);
    Searches::Outcome outcome;
    const double before = process_cpu_us(daemon_.pid());
    {
      std::vector<std::jthread> threads;
      for (std::size_t writer = 0; writer < writers; ++writer)
        threads.emplace_back([&, writer] {
          written[writer] = puts_.write(
              writer, {.per_second = settings_.puts, .most_in_flight = kPutsOnTheirWay, .duration = settings_.turn});
        });
      outcome = searches_.run(
          {.per_second = searches_per_second, .most_in_flight = kSearchesOnTheirWay, .duration = settings_.turn});
    }
    const double seconds = outcome.turn.seconds;
    line.daemon_cores.push_back((process_cpu_us(daemon_.pid()) - before) / 1e6 / seconds);
    std::vector<PutDone> done;
    std::vector<double> put_us;
    for (PutWriters::Outcome& one : written) {
      put_us.insert(put_us.end(), one.us.begin(), one.us.end());
      take(std::move(one), done, line);
    }
    if (!put_us.empty()) {
      line.puts_per_second.push_back(static_cast<double>(put_us.size()) / seconds);
      line.put_p50_us.push_back(quantile(put_us, 0.5));
      line.put_p99_us.push_back(quantile(put_us, 0.99));
    }
    line.searches_per_second.push_back(static_cast<double>(outcome.turn.answered) / seconds);
    if (!outcome.us.empty()) {
      line.p50_us.push_back(quantile(outcome.us, 0.5));
      line.p99_us.push_back(quantile(outcome.us, 0.99));
      line.way_p99_us.push_back(quantile(outcome.us_on_way, 0.99));
      line.late_p99_us.push_back(quantile(outcome.turn.late_us, 0.99));
      line.max_us = std::max(line.max_us, quantile(outcome.us, 1.0));
    }
    take(outcome, std::move(done), line);
  }

 private:
  static void take(PutWriters::Outcome outcome, std::vector<PutDone>& done, Line& line) {
    line.refused += outcome.refused;
    line.missing += outcome.turn.missing();
    line.wrong += outcome.turn.strange;
    done.insert(done.end(), outcome.done.begin(), outcome.done.end());
  }
  void take(const Searches::Outcome& outcome, std::vector<PutDone> done, Line& line) {
    const ReplyCheck::Found found = check_.check(std::move(done), outcome.replies);
    line.searches += outcome.turn.answered;
    line.missing += outcome.turn.missing();
    line.wrong += outcome.turn.strange + found.wrong;
    line.missed += found.missed;
  }

  const Settings& settings_;
  const test::DaemonProcess& daemon_;
  PutWriters puts_;
  Searches searches_;
  ReplyCheck check_;
};

std::string median_or_none(const std::vector<double>& values, int digits) {
  return values.empty() ? "-" : fixed(median(values), digits);
}

void publish(const std::string& title, const Line& quiet, const Line& busy, const std::string& out) {
  Table table(title, {"writers", "puts/s", "put_p50_us", "put_p99_us", "searches/s", "p50_us", "p99_us", "max_us",
                      "way_p99_us", "late_p99_us", "daemon_cores", "missed_percent", "wrong", "missing", "refused"});
  for (const Line* line : {&quiet, &busy})
    table.add({std::to_string(line == &quiet ? 0 : PutWriters::kCount), median_or_none(line->puts_per_second, 0),
               median_or_none(line->put_p50_us, 0), median_or_none(line->put_p99_us, 0),
               median_or_none(line->searches_per_second, 0), median_or_none(line->p50_us, 0),
               median_or_none(line->p99_us, 0), fixed(line->max_us, 0), median_or_none(line->way_p99_us, 0),
               median_or_none(line->late_p99_us, 0), median_or_none(line->daemon_cores, 2),
               fixed(line->missed_share() * 100.0, 2), std::to_string(line->wrong), std::to_string(line->missing),
               std::to_string(line->refused)});
  table.publish(out, "changes");
}

// Says how the two compare. False: a reply is wrong or missing, or more of the searches miss.
bool judge(const Settings& settings, const Line& quiet, const Line& busy) {
  if (!quiet.p99_us.empty() && !busy.p99_us.empty()) {
    const double ratio = median_ratio(busy.p99_us, quiet.p99_us);
    std::printf("p99 with writers: %.2f of that without (from when sent: %.2f), target at most %.0f: %s\n", ratio,
                median_ratio(busy.way_p99_us, quiet.way_p99_us), kTargetRatio,
                ratio <= kTargetRatio ? "met" : "MISSED");
  }
  const double all_puts = settings.puts * static_cast<double>(PutWriters::kCount);
  if (const double puts = busy.puts_per_second.empty() ? 0.0 : median(busy.puts_per_second);
      puts < kEnoughPuts * all_puts)
    std::printf("only %.0f of %.0f puts a second were done\n", puts, all_puts);
  const bool finds_as_much = busy.searches == 0 || busy.missed_share() <= quiet.missed_share() + kMostMissedMore;
  if (!finds_as_much) std::printf("searches miss the best route more often while routes change\n");
  return quiet.is_good() && busy.is_good() && finds_as_much;
}

int run(const Settings& settings, const ChangingShape& shape, const std::string& folder, const std::string& out) {
  progress("making " + std::to_string(shape.count) + " references, and what each query must be answered with");
  const ChangingRoutes routes(shape, std::max(1U, std::thread::hardware_concurrency()));
  const Workplace place(folder);
  progress("starting the daemon");
  test::DaemonProcess daemon(configuration(routes, settings, place.path()), {}, {}, test::daemon_path(),
                             kLongestStartSeconds);
  Line quiet;
  Line busy;
  double capacity = 0.0;
  {
    Measuring measuring(settings, routes, daemon, revision_of(daemon));
    measuring.fill(shape.changing);
    wait_until_at_rest(daemon);
    capacity = measuring.capacity(quiet);
    progress(fixed(capacity, 0) + " searches a second at most; measuring");
    const auto is_lost = [&] { return quiet.missing + busy.missing > 0; };  // the connection may be
    for (std::size_t round = 0; round < settings.rounds; ++round)
      for (std::size_t i = 0; i < 2 && !is_lost(); ++i) {
        const bool is_quiet = (round + i) % 2 == 0;  // forwards and backwards by turns
        measuring.turn(is_quiet ? 0 : PutWriters::kCount, capacity * kShareOfCapacity, is_quiet ? quiet : busy);
      }
  }
  daemon.signal(SIGTERM);
  const int ended = daemon.wait(kDrainSeconds);
  if (ended != 0) progress("the daemon did not end well (" + std::to_string(ended) + "): " + daemon.log());

  publish("Searching " + std::to_string(shape.count) + "x" + std::to_string(shape.dimension) + " in " +
              std::to_string(routes.staying() + shape.changing) + " routes while " +
              std::to_string(PutWriters::kCount) + " writers put " + fixed(settings.puts, 0) + " a second each of " +
              std::to_string(shape.references_a_put) + "; " + settings.algorithm + ", " +
              std::string(core::active_kernels().name) + ", one worker at 0.3 of " + fixed(capacity, 0) +
              " searches/s, median of " + std::to_string(settings.rounds) + " rounds",
          quiet, busy, out);
  const bool is_good = judge(settings, quiet, busy);
  return ended == 0 && is_good ? 0 : 1;
}

}  // namespace
}  // namespace semroute::bench

int main(int argc, char** argv) {
  using namespace semroute::bench;
  Options options(argc, argv,
                  "Searches at the daemon while writers put routes. Exit code 1: a wrong or missing reply.");
  ChangingShape shape;
  Settings settings;
  shape.count = options.number("count", 20'000, "references");
  shape.dimension = options.number("dimension", 384, "numbers a vector");
  shape.references_a_put = options.number("put-references", 20, "references of a route that is put");
  settings.rounds = options.number("rounds", settings.rounds, "the median of so many turns without and with writers");
  settings.turn = std::chrono::seconds(options.number("seconds", 5, "of a turn"));
  settings.puts = static_cast<double>(options.number("puts", 100, "a second, of each of the two writers"));
  settings.algorithm = options.text("algorithm", "hnsw", "of the index: auto, flat, hnsw");
  const std::string folder = options.text("folder", std::filesystem::temp_directory_path().string(),
                                          "where a folder for the daemon's data is made, and removed at the end");
  const std::string out = options.text("out", "", "folder for CSV files");
  options.finish();
  if (shape.count < 2 * shape.changing * shape.references_a_put)
    stop(EX_USAGE, "--count is at least " + std::to_string(2 * shape.changing * shape.references_a_put));
  try {
    return run(settings, shape, folder, out);
  } catch (const std::exception& e) {
    stop(EX_SOFTWARE, e.what());
  }
}
