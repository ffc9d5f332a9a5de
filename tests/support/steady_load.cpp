#include "tests/support/steady_load.h"

#include <string_view>
#include <utility>

#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

std::string word_of(std::string_view line) {
  if (line.find(R"("ok":true)") != std::string_view::npos) return "ok";
  constexpr std::string_view kCode = R"("code":")";
  const std::size_t at = line.find(kCode);
  if (at == std::string_view::npos) return "no reply: " + std::string(line);
  const std::size_t begin = at + kCode.size();
  return std::string(line.substr(begin, line.find('"', begin) - begin));
}

}  // namespace

SteadyLoad::SteadyLoad(std::uint16_t port, std::string members, std::size_t connections, std::size_t window)
    : members_(std::move(members)) {
  for (std::size_t i = 0; i < connections; ++i) clients_.emplace_back([this, port, window] { run(port, window); });
}

void SteadyLoad::run(std::uint16_t port, std::size_t window) {
  RawClient client(port);
  std::size_t waiting = 0;
  std::uint64_t id = 0;
  for (;;) {
    std::string lines;
    for (; !is_over_ && waiting < window; ++waiting)
      lines += "{\"id\":" + std::to_string(++id) + ',' + members_ + "}\n";
    if (waiting == 0) return;
    client.send(lines);
    const auto line = client.read_line();
    if (!line) return count("missing", waiting);
    count(word_of(*line));
    ++answered_;
    --waiting;
  }
}

void SteadyLoad::count(const std::string& word, std::uint64_t times) {
  const std::lock_guard lock(mutex_);
  outcomes_[word] += times;
}

SteadyLoad::Outcomes SteadyLoad::outcomes() const {
  const std::lock_guard lock(mutex_);
  return outcomes_;
}

void SteadyLoad::stop() {
  is_over_ = true;
  for (std::thread& client : clients_)
    if (client.joinable()) client.join();
}

}  // namespace semroute::test
