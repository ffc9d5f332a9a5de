// Replays the examples of docs/protocol.md against the real daemon, byte for byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/support/daemon_process.h"
#include "tests/support/places.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

struct Block {
  std::string kind;  // "yaml", "json request", "hex reply", ...
  std::string text;
};

std::vector<Block> blocks_of_page() {
  std::ifstream page(source_path("docs/protocol.md"));
  std::vector<Block> blocks;
  std::string line;
  bool inside = false;
  while (std::getline(page, line)) {
    if (line.rfind("```", 0) == 0) {
      if (!inside) blocks.push_back({line.substr(3), {}});
      inside = !inside;
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

// Bytes of a hex block: pairs of digits; what follows "#" on a line explains it.
std::string bytes_of_hex(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::string bytes;
  while (std::getline(lines, line)) {
    std::istringstream pairs(line.substr(0, line.find('#')));
    std::string pair;
    while (pairs >> pair) bytes += static_cast<char>(std::stoi(pair, nullptr, 16));
  }
  return bytes;
}

TEST(ProtocolExamples, EveryRequestGetsThePrintedReply) {
  const auto blocks = blocks_of_page();
  ASSERT_FALSE(blocks.empty());
  ASSERT_EQ(blocks.front().kind, "yaml");
  const DaemonProcess daemon(blocks.front().text);
  std::size_t json_examples = 0;
  std::size_t hex_examples = 0;
  for (std::size_t i = 1; i + 1 < blocks.size(); ++i) {
    RawClient client(daemon.port());
    if (blocks[i].kind == "json request") {
      ASSERT_EQ(blocks[i + 1].kind, "json reply");
      client.send(blocks[i].text);
      std::string lines;
      for (auto n = std::count(blocks[i + 1].text.begin(), blocks[i + 1].text.end(), '\n'); n > 0; --n)
        lines += client.read_line().value_or("(none)") + "\n";
      EXPECT_EQ(lines, blocks[i + 1].text) << blocks[i].text;
      ++json_examples;
    } else if (blocks[i].kind == "hex request") {
      ASSERT_EQ(blocks[i + 1].kind, "hex reply");
      const std::string expected = bytes_of_hex(blocks[i + 1].text);
      client.send(bytes_of_hex(blocks[i].text));
      EXPECT_EQ(client.read_bytes(expected.size()).value_or("(none)"), expected) << blocks[i].text;
      ++hex_examples;
    }
  }
  EXPECT_GE(json_examples, 4U);
  EXPECT_GE(hex_examples, 3U);
}

}  // namespace
}  // namespace semroute::test
