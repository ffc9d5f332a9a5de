#include "router/protocol/json_op_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace semroute::router {
namespace {

TEST(NamedOp, IsFoundWhereverItStands) {
  EXPECT_EQ(named_op(R"({"op":"routes.put","route":{"references":[[1)"), Op::routes_put);
  EXPECT_EQ(named_op(R"( { "id" : "}\"{" , "a":[1,{"op":"match"}], "b":{"op":"x"},"c":-1e5 ,"op" : "routes.batch")"),
            Op::routes_batch);
  EXPECT_EQ(named_op(R"({"op":"match"})"), Op::match);
}

TEST(NamedOp, IsNothingUntilItIsThere) {
  const std::string line = R"({"id":1,"add":[["a\\"],{"b":"\"]"}],"op":"routes.patch","remove":[0]})";
  const std::size_t end = line.find("routes.patch") + 13;
  for (std::size_t bytes = 0; bytes <= line.size(); ++bytes) {
    const std::string begun = line.substr(0, bytes);  // in memory of its own size, for the sanitizers
    EXPECT_EQ(named_op(begun).has_value(), bytes >= end) << bytes;
  }
  for (const char* other : {"", "[", "{", "{}", "{\"op\"}", "{\"op\":7}", "{\"op\":\"dance\"}", "{\"op\":{}}", "]]]]",
                            "{\"a\":]}", "{\"a\":1 2,\"op\":\"match\"", "{\"\\u006fp\":\"match\"}"})
    (void)named_op(other);
  EXPECT_FALSE(named_op("{\"a\":{\"op\":\"match\"").has_value());
}

}  // namespace
}  // namespace semroute::router
