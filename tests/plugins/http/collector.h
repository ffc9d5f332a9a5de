// Collector: a sink that counts what a streamed reply brings, and does with it what a test says.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "plugins/target.h"

namespace semroute::plugins::test {

class Collector final : public ReplySink {
 public:
  void on_head(int code, std::string_view type) override {
    ++heads;
    status = code;
    content_type = type;
    if (on_head_do) on_head_do();
  }
  bool on_bytes(std::string_view bytes) override {
    EXPECT_EQ(heads, 1);
    EXPECT_FALSE(bytes.empty());
    total += bytes.size();
    largest = std::max(largest, bytes.size());
    if (keeps) body.append(bytes);
    return on_bytes_do ? on_bytes_do() : true;
  }

  int heads = 0;
  int status = 0;
  std::string content_type;
  std::string body;
  std::size_t total = 0;
  std::size_t largest = 0;
  bool keeps = true;
  std::function<void()> on_head_do;
  std::function<bool()> on_bytes_do;
};

}  // namespace semroute::plugins::test
