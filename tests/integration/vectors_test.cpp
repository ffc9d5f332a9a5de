// faults.md 39-43: vectors that cannot be used, as JSON numbers, as base64 and in frames, under every metric.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/base64.h"
#include "router/protocol/client_codec.h"
#include "router/protocol/json_codec.h"
#include "tests/support/daemon_process.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

namespace json = boost::json;
using Vector = std::vector<float>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::string config_of(const std::string& metric) {
  return "workers: 1\nindex: {dimension: 4, metric: " + metric +
         "}\ndecision: {aggregation: max, score_threshold: -10}\n"
         "routes: [{name: one, references: {vectors: [[1, 0, 0, 0]]}}]\n";
}

// One daemon, a connection for each protocol, and a vector sent in every way that can carry it.
class Asked {
 public:
  explicit Asked(const std::string& metric)
      : daemon_(config_of(metric)), lines_(daemon_.port()), frames_(daemon_.port()) {}

  // The code that all ways agree on, or what each said.
  std::string code(const Vector& vector) {
    std::vector<std::string> codes{as_base64(vector), as_frame(vector)};
    bool finite = true;
    for (const float x : vector) finite = finite && std::isfinite(x);
    if (finite) codes.push_back(as_numbers(vector));
    for (const std::string& one : codes) {
      if (one != codes.front()) return codes[0] + ", " + codes[1] + (finite ? ", " + codes[2] : "");
    }
    return codes.front();
  }

 private:
  std::string as_base64(const Vector& vector) {
    std::string text;
    core::append_base64(std::as_bytes(std::span(vector)), text);
    return ask_line("\"" + text + "\"");
  }
  std::string as_numbers(const Vector& vector) {
    std::string numbers = "[";
    for (const float x : vector) {
      if (numbers.size() > 1) numbers += ',';
      router::append_json_number(x, numbers);
    }
    return ask_line(numbers + "]");
  }
  std::string ask_line(const std::string& embedding) {
    const auto reply = json::parse(lines_.ask(R"({"id":1,"op":"match","embedding":)" + embedding + "}")).as_object();
    return reply.at("ok").as_bool() ? "ok" : std::string(reply.at("error").at("code").as_string());
  }
  std::string as_frame(const Vector& vector) {
    std::string frame;
    router::encode_client_frame({.values = vector, .content_type = {}, .payload = {}, .extras = {}}, frame);
    frames_.send(frame);
    const auto reply = router::decode_reply(frames_.read_frame().value_or(""));
    if (!reply.ok()) return "(no reply)";
    return reply->error ? std::string(core::to_string(reply->error->code)) : "ok";
  }

  DaemonProcess daemon_;
  RawClient lines_;
  RawClient frames_;
};

class Vectors : public ::testing::TestWithParam<const char*> {
 protected:
  // The connections are kept through all of it: a good vector is answered after every bad one.
  void expect(const Vector& vector, const std::string& code) {
    EXPECT_EQ(asked_.code(vector), code) << ::testing::PrintToString(vector);
    EXPECT_EQ(asked_.code({1, 0, 0, 0}), "ok") << "the connection was not kept";
  }
  [[nodiscard]] static bool is_cosine() { return std::string(GetParam()) == "cosine"; }
  Asked asked_{GetParam()};
};

TEST_P(Vectors, Fault39AnotherDimension) {
  expect({1, 0, 0}, "dimension_mismatch");
  expect({1, 0, 0, 0, 0}, "dimension_mismatch");
  expect(Vector(5'000, 1.0F), "dimension_mismatch");
}

TEST_P(Vectors, Fault40NumbersThatAreNone) {
  expect({}, "bad_vector");
  for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
    for (std::size_t place = 0; place < 4; ++place) {
      Vector vector(4, 1.0F);
      vector[place] = bad;
      expect(vector, "bad_vector");
    }
  }
}

TEST_P(Vectors, Fault41TheZeroVectorHasNoDirection) {
  expect({0, 0, 0, 0}, is_cosine() ? "bad_vector" : "ok");
  expect({-0.0F, 0, 0, 0}, is_cosine() ? "bad_vector" : "ok");
}

TEST_P(Vectors, Fault42NormsBeyondTheRange) {
  expect({1.1e18F, 0, 0, 0}, "bad_vector");
  expect({6e17F, 6e17F, 6e17F, 6e17F}, "bad_vector");  // no number over, the norm is: 1.2e18
  expect({3e38F, 3e38F, 3e38F, 3e38F}, "bad_vector");  // the sum of squares overflows float32 and not float64
  expect({4.9e17F, 4.9e17F, 4.9e17F, 4.9e17F}, "ok");
  expect({5e-13F, 0, 0, 0}, is_cosine() ? "bad_vector" : "ok");
  expect({6e-13F, 6e-13F, 6e-13F, 6e-13F}, "ok");  // 1.2e-12
  expect({1e-45F, 0, 0, 0}, is_cosine() ? "bad_vector" : "ok");
}

INSTANTIATE_TEST_SUITE_P(Metrics, Vectors, ::testing::Values("cosine", "dot", "euclidean", "manhattan"),
                         [](const auto& test) { return std::string(test.param); });

TEST(VectorMessages, NameTheEmbeddingAndWhatIsWrong) {
  const DaemonProcess daemon(config_of("cosine"));
  RawClient client(daemon.port());
  for (const auto& [embedding, said] : std::vector<std::pair<std::string, std::string>>{
           {R"("embedding":[1,0,0])", "embedding has 3 numbers, the index 4"},
           {R"("embedding":[])", "embedding has no numbers"},
           {R"("embedding":"")", "embedding has no numbers"},
           {R"("embedding":"AAAA")", "embedding: the decoded bytes are no multiple of four"},
           {R"("embedding":"A!==")", "embedding: not base64 at character 1"},
           {R"("embedding":"AADAfwAAgD8AAIA/AACAPw==")", "embedding: number 0 is not finite"},
           {R"("embedding":[0,0,0,0])", "embedding: has the norm 0, which has no direction"},
           {R"("embedding":[2e18,0,0,0])", "embedding: has the norm 2e+18, at most 1e+18"},
           {R"("embeddings":[[1,0,0,0],[1,0,0]])", "embeddings[1] has 3 numbers, the index 4"},
           {R"("embeddings":[[1,0,0,0],[0,0,0,0]])", "embeddings[1]: has the norm 0"}}) {
    EXPECT_THAT(client.ask(R"({"id":1,"op":"match",)" + embedding + "}"), ::testing::HasSubstr(said)) << embedding;
  }
}

}  // namespace
}  // namespace semroute::test
