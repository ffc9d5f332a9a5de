// The graph of the references in data_dir: found by the next start, passed over when it is not what was written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kReferences = 10'500;
constexpr std::size_t kDimension = 8;

// An NPY file of random numbers, and a route for each of 50 labels.
std::string write_references(const TemporaryFolder& folder) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(kReferences) + ", " +
                       std::to_string(kDimension) + "), }";
  header.resize(118 - 1, ' ');
  header += '\n';
  std::ofstream vectors(folder.path() + "/refs.npy", std::ios::binary);
  vectors << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(header.size()) << '\0' << header;
  std::ofstream labels(folder.path() + "/refs.jsonl");
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (std::size_t row = 0; row < kReferences; ++row) {
    for (std::size_t i = 0; i < kDimension; ++i) {
      const float number = normal(random);
      vectors.write(reinterpret_cast<const char*>(&number), sizeof number);
    }
    labels << "{\"label\": \"route " << row % 50 << "\"}\n";
  }
  return "workers: 2\nindex: {dimension: " + std::to_string(kDimension) +
         ", algorithm: hnsw, hnsw: {m: 8, ef_construction: 40}}\ndecision: {score_threshold: 0.5}\ndata_dir: " +
         folder.path() + "/data\nroute_sets: [{vectors: " + folder.path() + "/refs.npy, labels: " + folder.path() +
         "/refs.jsonl}]\n";
}

std::string answers(const DaemonProcess& daemon) {
  RawClient client(daemon.port());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    const std::string answer = client.ask(R"({"op":"match","request_id":"x","embedding":[)" + std::to_string(i - 10) +
                                          ",1,2,-3,0.5,1,0," + std::to_string(i % 3) + "]}");
    all += answer.substr(0, answer.find("\"revision\"")) + '\n';
  }
  return all;
}

TEST(KeptGraph, IsFoundByTheNextStart) {
  const TemporaryFolder folder;
  const std::string yaml = write_references(folder);
  std::string expected;
  {
    DaemonProcess daemon(yaml);
    EXPECT_TRUE(daemon.wait_for_log("the graph of 10500 references is kept in"));
    expected = answers(daemon);
    EXPECT_THAT(daemon.log(), Not(HasSubstr("was made with the graph")));
  }
  {
    DaemonProcess daemon(yaml);
    EXPECT_THAT(daemon.log(), HasSubstr("the index of 10500 references was made with the graph in"));
    EXPECT_EQ(answers(daemon), expected);
    // References of run time are in it as those of the file are.
    RawClient client(daemon.port());
    EXPECT_THAT(client.ask(R"({"op":"routes.put","route":{"name":"new","references":[[9,-9,9,-9,9,-9,9,-9]]}})"),
                HasSubstr("\"ok\":true"));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(20), 0);
    EXPECT_THAT(daemon.log(), HasSubstr("the graph of 10501 references is kept in"));
  }
  DaemonProcess daemon(yaml);
  EXPECT_THAT(daemon.log(), HasSubstr("the index of 10501 references was made with the graph in"));
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(R"({"op":"match","embedding":[9,-9,9,-9,9,-9,9,-8]})"), HasSubstr(R"("route":"new")"));
}

TEST(KeptGraph, Fault55IsBuiltAgainWhenItIsDamaged) {
  const TemporaryFolder folder;
  const std::string yaml = write_references(folder);
  const std::string file = folder.path() + "/data/references.graph";
  std::string expected;
  {
    DaemonProcess daemon(yaml);
    ASSERT_TRUE(daemon.wait_for_log("is kept in"));
    expected = answers(daemon);
  }
  {
    std::fstream graph(file, std::ios::binary | std::ios::in | std::ios::out);
    graph.seekp(20'000);
    graph << "damage";
  }
  {
    DaemonProcess daemon(yaml);
    EXPECT_THAT(daemon.log(),
                AllOf(HasSubstr("the graph that was kept is of no use, it is built: "), HasSubstr("checksum")));
    EXPECT_EQ(answers(daemon), expected);
    ASSERT_TRUE(daemon.wait_for_log("is kept in"));
  }
  DaemonProcess daemon(yaml);
  EXPECT_THAT(daemon.log(), HasSubstr("was made with the graph in"));
  EXPECT_EQ(answers(daemon), expected);
}

TEST(KeptGraph, WhatWasNotFinishedIsRemoved) {
  const TemporaryFolder folder;
  const std::string yaml = write_references(folder);
  const std::string unfinished = folder.path() + "/data/references.graph.new";
  { const DaemonProcess maker(yaml); }
  std::ofstream(unfinished, std::ios::binary) << "half of it";
  {
    DaemonProcess reader(yaml, {}, {"--read-only"});
    EXPECT_TRUE(std::filesystem::exists(unfinished));
  }
  const DaemonProcess daemon(yaml);
  EXPECT_FALSE(std::filesystem::exists(unfinished));
}

// A data_dir for reading alone is left as it is.
TEST(KeptGraph, IsNotWrittenByAReader) {
  const TemporaryFolder folder;
  const std::string yaml = write_references(folder);
  {
    DaemonProcess daemon(yaml);
    ASSERT_TRUE(daemon.wait_for_log("is kept in"));
  }
  std::ofstream(folder.path() + "/data/references.graph", std::ios::binary) << "nothing";
  DaemonProcess daemon(yaml, {}, {"--read-only"});
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait(20), 0);
  std::ifstream left(folder.path() + "/data/references.graph", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(left), {}), "nothing");
}

}  // namespace
}  // namespace semroute::test
