// bench_json_decode: microseconds to make a request of one JSON line, beside Boost.JSON's document tree.
// bench/README.md says how to read it.
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "bench/support/timing.h"
#include "bench/support/vectors.h"
#include "router/protocol/json_codec.h"
#include "router/tool/json_text.h"

namespace semroute::bench {
namespace {

constexpr std::size_t kRounds = 15;
constexpr double kTurnUs = 20'000.0;
constexpr std::size_t kNumbers = 98'304;  // over different lines in turn, so that no branch is learnt by heart

enum class Form { shortest, as_double, base64 };

const char* name_of(Form form) {
  switch (form) {
    case Form::shortest: return "float32 text";
    case Form::as_double: return "float64 text";
    case Form::base64: return "base64";
  }
  return "";
}

std::string embedding_text(const std::vector<float>& vector, Form form) {
  if (form == Form::base64) return '"' + router::tool::base64_of(vector) + '"';
  std::string text;
  std::array<char, 40> number{};
  for (const float value : vector) {
    const auto begin = number.data();
    const auto end = form == Form::shortest ? std::to_chars(begin, begin + number.size(), value)
                                            : std::to_chars(begin, begin + number.size(), static_cast<double>(value));
    text += text.empty() ? '[' : ',';
    text.append(begin, end.ptr);
  }
  return text + ']';
}

std::vector<std::string> lines_of(std::size_t dimension, Form form) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kNumbers / dimension; ++i) {
    lines.push_back(R"({"id":)" + std::to_string(i) + R"(,"op":"route","embedding":)" +
                    embedding_text(unit_vectors(1, dimension, static_cast<unsigned>(i)), form) +
                    R"(,"top_k":3,"payload":{"text":"where is my invoice","channel":"mail"}})");
  }
  return lines;
}

// What a server that parses to a tree must do at the least: find the fields, and copy the numbers.
class Tree {
 public:
  // With an arena the tree's memory is taken from one block, reset for every line.
  explicit Tree(bool arena) : arena_(arena), block_(std::size_t{1} << 20) {}

  std::size_t read(const std::string& line) {
    namespace json = boost::json;
    if (!arena_) return take(json::parse(line));
    json::monotonic_resource memory(block_.data(), block_.size());
    return take(json::parse(line, &memory));
  }

 private:
  std::size_t take(const boost::json::value& root) {
    const auto& object = root.get_object();
    embedding_.clear();
    for (const auto& number : object.at("embedding").get_array()) {
      embedding_.push_back(static_cast<float>(number.to_number<double>()));
    }
    return embedding_.size() + object.at("op").get_string().size() +
           static_cast<std::size_t>(object.at("id").get_int64() + object.at("top_k").get_int64()) +
           object.at("payload").get_object().size();
  }

  bool arena_;
  std::vector<unsigned char> block_;
  std::vector<float> embedding_;
};

// Microseconds a line.
template <class Read>
double turn(const std::vector<std::string>& lines, std::size_t passes, const Read& read) {
  const Stopwatch watch;
  for (std::size_t pass = 0; pass < passes; ++pass) {
    for (const std::string& line : lines) keep(read(line));
  }
  return watch.elapsed_us() / static_cast<double>(passes * lines.size());
}

void measure(std::size_t dimension, Form form) {
  const std::vector<std::string> lines = lines_of(dimension, form);
  router::JsonDecoder decoder;
  router::Request request;
  const auto ours = [&](const std::string& line) {
    request.clear();
    if (!decoder.decode(line, request).ok() || request.dimension != dimension) std::abort();
    return request.embeddings.size();
  };
  Tree plain(false);
  Tree arena(true);
  const auto tree = [&](const std::string& line) { return plain.read(line); };
  const auto tree_in_arena = [&](const std::string& line) { return arena.read(line); };

  const bool with_tree = form != Form::base64;
  const auto passes =
      1 + static_cast<std::size_t>(kTurnUs / (turn(lines, 1, ours) * static_cast<double>(lines.size())));
  std::vector<double> times;
  std::vector<double> tree_times;
  std::vector<double> arena_times;
  std::vector<double> ratios;
  for (std::size_t round = 0; round < kRounds; ++round) {
    times.push_back(turn(lines, passes, ours));
    if (!with_tree) continue;
    tree_times.push_back(turn(lines, passes, tree));
    arena_times.push_back(turn(lines, passes, tree_in_arena));
    ratios.push_back(arena_times.back() / times.back());
  }
  std::printf("%7zu  %-12s  %7zu  %8.2f", dimension, name_of(form), lines[0].size(), median(times));
  if (with_tree) {
    std::printf("  %8.2f  %8.2f  %10.2f\n", median(tree_times), median(arena_times), median(ratios));
  } else {
    std::printf("  %8s  %8s  %10s\n", "-", "-", "-");
  }
}

int run() {
  std::printf("%7s  %-12s  %7s  %8s  %8s  %8s  %10s\n", "numbers", "embedding", "bytes", "ours us", "tree us",
              "arena us", "arena/ours");
  for (const std::size_t dimension : {384U, 1536U}) {
    for (const Form form : {Form::shortest, Form::as_double, Form::base64}) measure(dimension, form);
  }
  return 0;
}

}  // namespace
}  // namespace semroute::bench

int main() { return semroute::bench::run(); }
