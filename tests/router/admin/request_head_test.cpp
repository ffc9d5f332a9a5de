// faults.md 24 to 29: heads of requests that a forgiving parser would take.
#include "router/admin/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/base/limits.h"

namespace semroute::router {
namespace {

using Kind = HeadVerdict::Kind;

std::string head(const std::string& lines, const std::string& version = "1.1") {
  return "GET /healthz HTTP/" + version + "\r\n" + lines + "\r\n";
}

TEST(RequestHead, WholeOnesEndWithTheirEmptyLine) {
  for (const std::string& whole : {
           head("Host: a\r\n"),
           head("host:a\r\nA:\r\n"),
           head("Host:\r\n"),
           head("Host: a\r\nContent-Length: 0\r\n"),
           head("Host: a\r\nTransfer-Encoding:  Chunked \r\n"),
           head("Host: a\r\nA: b\tc\xC3\xA9\r\n"),
           head("", "1.0"),
           head("Host: a\r\n", "1.0"),
           std::string("HEAD /x?y=%20 HTTP/1.1\r\nHost: a\r\n\r\n"),
       }) {
    const HeadVerdict verdict = judge_head(whole + "GET");
    EXPECT_EQ(verdict.kind, Kind::whole) << whole << verdict.reason;
    EXPECT_EQ(verdict.bytes, whole.size()) << whole;
    for (std::size_t n = 0; n < whole.size(); ++n)
      EXPECT_EQ(judge_head(std::string_view(whole).substr(0, n)).kind, Kind::more) << whole << n;
  }
}

TEST(RequestHead, WhatLeavesADoubtIs400) {
  const std::string host = "Host: a\r\n";
  for (const std::string& doubtful : std::vector<std::string>{
           head(""),
           head(host + host),
           head(host + host, "1.0"),
           head(host + "A: b\r\n c\r\n"),
           head(host + "\tc\r\n"),
           head(host + "Content-Length: 0\r\nContent-Length: 0\r\n"),
           head(host + "Content-Length: 0, 0\r\n"),
           head(host + "Content-Length: +0\r\n"),
           head(host + "Content-Length:\r\n"),
           head(host + "Transfer-Encoding: gzip\r\n"),
           head(host + "Transfer-Encoding: xchunked\r\n"),
           head(host + "Transfer-Encoding: chunked, chunked\r\n"),
           head(host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
           head(host + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
           head("Transfer-Encoding: chunked\r\n", "1.0"),
           head(host, "1.2"),
           head(host, "2.0"),
           head(host + "A b: c\r\n"),
           head(host + "A : c\r\n"),
           head(host + ": c\r\n"),
           head(host + "no colon\r\n"),
           head(host + std::string("A: b\0c\r\n", 8)),
           head(host + "A: b\rc\r\n"),
           head(host + "A: b\nc\r\n"),
           "GET http://a/healthz HTTP/1.1\r\n" + host + "\r\n",
           "GET a:1 HTTP/1.1\r\n" + host + "\r\n",
           "OPTIONS * HTTP/1.1\r\n" + host + "\r\n",
           "GET /a b HTTP/1.1\r\n" + host + "\r\n",
           "GET  /a HTTP/1.1\r\n" + host + "\r\n",
           "GET /\xC3\xA9 HTTP/1.1\r\n" + host + "\r\n",
           "GET /a#b HTTP/1.1\r\n" + host + "\r\n",
           "GET /healthz\r\n" + host + "\r\n",
           "GET\r\n" + host + "\r\n",
           "GET /healthz HTTP/1.1\n",
           "\r\nGET /healthz HTTP/1.1\r\n",
           "{\"op\":\"ping\"}",
           "\x16\x03\x01",
           "\xA7\x01",
       }) {
    const HeadVerdict verdict = judge_head(doubtful);
    EXPECT_EQ(verdict.kind, Kind::refused) << doubtful;
    EXPECT_EQ(verdict.status, 400U) << doubtful;
    EXPECT_FALSE(verdict.reason.empty()) << doubtful;
  }
}

TEST(RequestHead, ABodyIs413) {
  for (const char* length : {"1", "007", "99999999999999999999999"}) {
    const HeadVerdict verdict = judge_head(head("Host: a\r\nContent-Length: " + std::string(length) + "\r\n"));
    EXPECT_EQ(verdict.status, 413U) << length;
  }
}

TEST(RequestHead, TooManyBytesOrLinesAre431) {
  const std::string fits(core::kAdminMaxHeaderBytes - head("Host: a\r\nA: \r\n").size(), 'b');
  EXPECT_EQ(judge_head(head("Host: a\r\nA: " + fits + "\r\n")).kind, Kind::whole);
  EXPECT_EQ(judge_head(head("Host: a\r\nA: " + fits + "b\r\n")).status, 431U);
  EXPECT_EQ(judge_head("GET /" + std::string(core::kAdminMaxHeaderBytes - 5, 'a')).kind, Kind::more);
  EXPECT_EQ(judge_head("GET /" + std::string(core::kAdminMaxHeaderBytes - 4, 'a')).status, 431U);
  std::string lines = "Host: a\r\n";
  for (std::size_t i = 1; i < core::kAdminMaxHeaders; ++i) lines += "A: b\r\n";
  EXPECT_EQ(judge_head(head(lines)).kind, Kind::whole);
  EXPECT_EQ(judge_head(head(lines + "A: b\r\n")).status, 431U);
}

}  // namespace
}  // namespace semroute::router
