// HttpPermit: the right to have one more connection open, of those that a target may have (limits.connections).
//
// Given back when it is destroyed, or before. Threads: one at a time; the upstream's count is the process's.
#pragma once

#include <memory>
#include <utility>

namespace semroute::plugins {

class HttpUpstream;

class HttpPermit {
 public:
  // None: for connections that do not count.
  HttpPermit() = default;
  explicit HttpPermit(std::shared_ptr<HttpUpstream> of) noexcept : of_(std::move(of)) {}
  HttpPermit(HttpPermit&& other) noexcept = default;
  HttpPermit& operator=(HttpPermit&& other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  // Without memory for handing it on, the process ends.
  ~HttpPermit() { give_back(); }  // NOLINT(bugprone-exception-escape)

  void give_back();
  [[nodiscard]] explicit operator bool() const noexcept { return of_ != nullptr; }

 private:
  std::shared_ptr<HttpUpstream> of_;
};

}  // namespace semroute::plugins
