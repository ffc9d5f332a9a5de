// What the commands ask a daemon and print of its answers, against a scripted stand-in.
#include <gtest/gtest.h>

#include <mutex>

#include "router/tool/json_text.h"
#include "tests/router/tool/run.h"
#include "tests/router/tool/stand_in.h"

namespace semroute::router::tool {
namespace {

// Answers every line with `reply` and keeps what was asked.
class Daemon {
 public:
  explicit Daemon(std::string reply)
      : reply_(std::move(reply)), server_(StandIn::lines([this](const std::string& line) {
          const std::lock_guard lock(mutex_);
          asked_.push_back(line);
          return reply_ + "\n";
        })) {}

  [[nodiscard]] Ran run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--server", server_.address()});
    return tool::run(arguments);
  }
  [[nodiscard]] std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  [[nodiscard]] std::string address() const { return server_.address(); }

 private:
  std::string reply_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  StandIn server_;
};

constexpr const char* kRouted =
    R"({"id":0,"ok":true,"request_id":"r","decision":"matched","reason":"passed","route":"billing","score":0.83,)"
    R"("metadata":{},"target":"billing-api","revision":17,)"
    R"("matches":[{"route":"billing","score":0.83,"threshold":0.6,"passed":true},)"
    R"({"route":"refund","score":0.41,"threshold":0.5,"passed":false}],)"
    R"("dispatched":true,"reply":{"status":404,"content_type":"application/json","body":{"queue":"accounts"}},)"
    R"("explain":{"references":[{"route":"billing","row":3,"score":0.9,"text":"my invoice","negative":false}],)"
    R"("candidates":[{"route":"billing","score":0.83,"threshold":0.6,"margin":0.42,"outcome":"served"}],)"
    R"("took_us":{"decode":1,"search":2,"decide":3,"dispatch":4.25},)"
    R"("attempts":[{"target":"billing-api","outcome":"ok","took_us":4}]}})";

TEST(Match, AsksForWhatWasGiven) {
  Daemon daemon(kRouted);
  const Ran ran =
      daemon.run({"match", "--embedding", "[0.5, -1]", "--top-k", "2", "--explain", "--filter", R"({"routes":["a"]})",
                  "--score-threshold", "-0.5", "--model", "m\"1", "--timeout-ms", "250"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  ASSERT_EQ(daemon.asked().size(), 1U);
  EXPECT_EQ(daemon.asked()[0],
            R"({"id":0,"op":"match","embedding":[0.5, -1],"top_k":2,"explain":true,"timeout_ms":250,"model":"m\"1",)"
            R"("filter":{"routes":["a"]},"score_threshold":-0.5})");
  for (const char* shown : {"matched", "passed", "billing", "0.8300", "refund 0.4100", "my invoice", "0.4200",
                            "dispatch µs", " 4.2\n", "sent to"}) {
    EXPECT_NE(ran.out.find(shown), std::string::npos) << shown << "\n" << ran.out;
  }
}

TEST(Match, EveryRowOfAFileIsARequest) {
  const Folder folder;
  const std::string vectors = folder.file("q.jsonl", kSmallRequests);
  Daemon daemon(kRouted);
  const Ran all = daemon.run({"match", "--vectors", vectors});
  EXPECT_EQ(all.exit, 0) << all.err;
  EXPECT_EQ(daemon.asked().size(), 7U);
  EXPECT_NE(all.out.find("e?"), std::string::npos) << "texts are shown\n" << all.out;
  const Ran one = daemon.run({"match", "--vectors", vectors, "--row", "2"});
  EXPECT_EQ(one.exit, 0) << one.err;
  ASSERT_EQ(daemon.asked().size(), 8U);
  const std::vector<float> third{0, 0, 1, 0};
  EXPECT_EQ(daemon.asked()[7], R"({"id":2,"op":"match","embedding":")" + base64_of(third) + R"(","top_k":1})");
  const Ran beyond = daemon.run({"match", "--vectors", vectors, "--row", "7"});
  EXPECT_EQ(beyond.exit, 64);
  EXPECT_NE(beyond.err.find("7 rows"), std::string::npos) << beyond.err;
}

TEST(Match, TakesThePayloadOfARouteThatIsBeingTried) {
  Daemon daemon(kRouted);
  EXPECT_EQ(daemon.run({"match", "--embedding", "[1]", "--payload", R"({"a":1})"}).exit, 0);
  EXPECT_EQ(daemon.asked().back(), R"({"id":0,"op":"match","embedding":[1],"top_k":1,"payload":{"a":1}})");
}

TEST(Route, SendsThePayloadOrTheText) {
  const Folder folder;
  const std::string vectors = folder.file("q.jsonl", kSmallRequests);
  Daemon daemon(kRouted);
  const Ran given =
      daemon.run({"route", "--embedding", "[1]", "--payload", "{\"a\":\n1}", "--header", "X-Tenant: t 1"});
  EXPECT_EQ(given.exit, 0) << given.err;
  EXPECT_EQ(daemon.asked().back(),
            R"({"id":0,"op":"route","embedding":[1],"top_k":1,"payload":{"a": 1},"headers":{"X-Tenant":"t 1"}})");
  EXPECT_NE(given.out.find("404 {\"queue\":\"accounts\"}"), std::string::npos) << given.out;
  const Ran text = daemon.run({"route", "--vectors", vectors, "--row", "0"});
  EXPECT_EQ(text.exit, 0) << text.err;
  EXPECT_TRUE(daemon.asked().back().ends_with(R"("payload":{"text":"n"}})")) << daemon.asked().back();
  std::string lines;
  for (int row = 0; row < 7; ++row) lines += R"({"label":"l","text":"text )" + std::to_string(row) + "\"}\n";
  const std::string texts = folder.file("t.jsonl", lines);
  EXPECT_EQ(daemon.run({"route", "--vectors", vectors, "--texts", texts, "--row", "2"}).exit, 0);
  EXPECT_TRUE(daemon.asked().back().ends_with(R"("payload":{"text":"text 2"}})")) << daemon.asked().back();
  EXPECT_EQ(daemon.run({"route", "--vectors", vectors, "--texts", folder.file("u.jsonl", "l\n")}).exit, 65);
}

TEST(Route, JsonIsTheDaemonsOwnLine) {
  Daemon daemon(kRouted);
  const Ran ran = daemon.run({"route", "--embedding", "[1]", "--output", "json"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, std::string(kRouted) + "\n");
}

TEST(Route, ARefusalIsToldWithItsExitCode) {
  Daemon daemon(R"({"id":0,"ok":false,"decision":"matched","route":"billing","score":0.8,"target":"api",)"
                R"("error":{"code":"upstream_timeout","message":"no reply in 5 ms","sent":true,"retryable":false}})");
  const Ran ran = daemon.run({"route", "--embedding", "[1]"});
  EXPECT_EQ(ran.exit, 69);
  EXPECT_NE(ran.out.find("billing"), std::string::npos) << "what had been decided is shown\n" << ran.out;
  EXPECT_NE(ran.err.find("upstream_timeout: no reply in 5 ms"), std::string::npos) << ran.err;
}

TEST(Route, WhatATargetSaysCannotSteerATerminal) {
  Daemon daemon(
      R"({"id":0,"ok":false,"decision":"matched","route":"billing","score":0.83,"target":"api",)"
      R"("error":{"code":"upstream_error","message":"it says: \u001b[2J\nok","sent":true,"retryable":false}})");
  const Ran ran = daemon.run({"route", "--embedding", "[1]"});
  EXPECT_EQ(ran.err, "semroute route: upstream_error: it says:  [2J ok\n");
}

TEST(Route, WhatIsNoReplyIs70) {
  Daemon daemon("HTTP/1.1 400 Bad Request");
  const Ran ran = daemon.run({"route", "--embedding", "[1]"});
  EXPECT_EQ(ran.exit, 70);
  EXPECT_NE(ran.err.find("listen"), std::string::npos) << ran.err;
}

TEST(Ping, TellsWhatIsServed) {
  const char* reply =
      R"({"id":1,"ok":true,"request_id":"r","version":"9.9","dimension":384,"metric":"cosine","model":null,"revision":3})";
  Daemon daemon(reply);
  const Ran ran = daemon.run({"ping"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, daemon.address() + ": semrouted 9.9, dimension 384, metric cosine, revision 3\n");
  EXPECT_EQ(daemon.asked()[0], R"({"id":1,"op":"ping"})");
  EXPECT_EQ(daemon.run({"ping", "--output", "json"}).out, std::string(reply) + "\n");
}

TEST(Ping, ALoadingDaemonIs69) {
  Daemon daemon(R"({"id":1,"ok":false,"error":{"code":"unavailable","message":"loading","retryable":true}})");
  EXPECT_EQ(daemon.run({"ping"}).exit, 69);
}

TEST(Reload, AWrongConfigurationIs78) {
  Daemon daemon(R"({"id":1,"ok":false,"error":{"code":"bad_request","message":"c.yaml:3:1: x: unknown key"}})");
  const Ran ran = daemon.run({"reload"});
  EXPECT_EQ(ran.exit, 78);
  EXPECT_NE(ran.err.find("c.yaml:3:1"), std::string::npos) << ran.err;
  Daemon fine(R"({"id":1,"ok":true,"revision":18})");
  EXPECT_NE(fine.run({"reload"}).out.find("revision 18"), std::string::npos);
}

TEST(StatsCommand, CountersAndTargets) {
  Daemon daemon(R"({"id":1,"ok":true,"request_id":"r","requests":42,"isa":"avx2","index":{"bytes":{"ids":8}},)"
                R"("targets":{"api":{"ok":7,"in_flight":1,"errors":{"upstream_timeout":3}}}})");
  const Ran ran = daemon.run({"stats"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out,
            "counter          value\n"
            "requests            42\n"
            "isa               avx2\n"
            "index.bytes.ids      8\n"
            "\n"
            "target  kind  state  ok  in flight  pending  retries  errors\n"
            "api     -     -       7          1        -        -  upstream_timeout 3\n");
}

TEST(StatsCommand, StatesAndEndpoints) {
  Daemon daemon(
      R"({"id":1,"ok":true,"requests":1,"targets":{"api":{"ok":7,"in_flight":1,"errors":{},"kind":"http",)"
      R"("state":"breaker_open","pending":2,"retries":3,"endpoints":[{"address":"http://a","state":"ejected",)"
      R"("in_flight":1,"requests":9,"retries":3,"failures":{"timeout":4,"reset":5},)"
      R"("latency_us":{"p50":10,"p90":20,"p99":30}}]},"canned":{"ok":0,"in_flight":0,"errors":{},)"
      R"("kind":"static","state":"healthy","pending":0,"retries":0,"endpoints":[]}}})");
  const Ran ran = daemon.run({"stats"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out,
            "counter   value\n"
            "requests      1\n"
            "\n"
            "target  kind    state         ok  in flight  pending  retries  errors\n"
            "api     http    breaker_open   7          1        2        3  -\n"
            "canned  static  healthy        0          0        0        0  -\n"
            "\n"
            "target  endpoint  state    in flight  requests  retries  p50 µs  p90 µs  p99 µs  failures\n"
            "api     http://a  ejected          1         9        3      10      20      30  timeout 4, reset 5\n");
}

TEST(Route, AStreamedReplyIsPrintedAsItComes) {
  const std::string head = R"({"id":0,"ok":true,"decision":"matched","route":"r","dispatched":true,)"
                           R"("reply":{"status":200,"content_type":"text/plain"},"more":true})";
  const std::string chunks =
      "\n"
      R"({"id":0,"chunk":"grü"})"
      "\n"
      R"({"id":0,"chunk_base64":"/w=="})"
      "\n";
  Daemon daemon(head + chunks + R"({"id":0,"done":true})");
  const Ran ran = daemon.run({"route", "--embedding", "[1]", "--stream", "--key", "a\"b"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "grü\xFF\n");
  EXPECT_EQ(daemon.asked()[0], R"({"id":0,"op":"route","embedding":[1],"top_k":1,"stream":true,"key":"a\"b"})");
  const Ran json = daemon.run({"route", "--embedding", "[1]", "--stream", "--output", "json"});
  EXPECT_EQ(json.out, head + chunks +
                          R"({"id":0,"done":true})"
                          "\n");

  Daemon broken(head + chunks + R"({"id":0,"done":true,"error":{"code":"upstream_error","message":"broke off"}})");
  const Ran failed = broken.run({"route", "--embedding", "[1]", "--stream"});
  EXPECT_EQ(failed.exit, 69);
  EXPECT_EQ(failed.out, "grü\xFF\n");
  EXPECT_NE(failed.err.find("upstream_error: broke off"), std::string::npos) << failed.err;

  Daemon whole(kRouted);
  const Ran one = whole.run({"route", "--embedding", "[1]", "--stream"});
  EXPECT_NE(one.out.find("billing"), std::string::npos) << "a reply in one line is shown as ever: " << one.out;
}

TEST(Route, AStreamIsExplainedAfterItsEnd) {
  const std::string head =
      R"({"id":0,"ok":true,"decision":"matched","route":"r","dispatched":true,)"
      R"("explain":{"references":[],"candidates":[{"route":"r","score":0.5,"threshold":0.25,"margin":0,"outcome":"served"}],)"
      R"("took_us":{"decode":1},"attempts":[{"target":"down","outcome":"upstream_unavailable","took_us":7}]},)"
      R"("reply":{"status":200,"content_type":"text/plain"},"more":true})";
  const std::string rest =
      "\n"
      R"({"id":0,"chunk":"so"})"
      "\n"
      R"({"id":0,"done":true,"attempts":[{"target":"down","outcome":"upstream_unavailable","took_us":7},)"
      R"({"target":"spare","outcome":"ok","took_us":9}]})";
  Daemon daemon(head + rest);
  EXPECT_EQ(daemon.run({"route", "--embedding", "[1]", "--stream", "--explain"}).out,
            "so\n"
            "\n"
            "explained\n"
            "  candidate   score  threshold  margin  outcome\n"
            "  r          0.5000     0.2500  0.0000  served\n"
            "  decode µs\n"
            "        1.0\n"
            "  sent to  endpoint  outcome                µs\n"
            "  down     -         upstream_unavailable  7.0\n"
            "  spare    -         ok                    9.0\n");
  EXPECT_EQ(daemon.run({"route", "--embedding", "[1]", "--stream", "--explain", "--output", "json"}).out,
            head + rest + "\n");
  // One that broke off is explained, too.
  Daemon broken(head + "\n" +
                R"({"id":0,"done":true,"error":{"code":"upstream_error","message":"broke off"},"attempts":[]})");
  const Ran failed = broken.run({"route", "--embedding", "[1]", "--stream", "--explain"});
  EXPECT_EQ(failed.exit, 69);
  EXPECT_NE(failed.out.find("explained"), std::string::npos) << failed.out;
}

TEST(Routes, ListIsATable) {
  Daemon daemon(R"({"id":1,"ok":true,"revision":3,"routes":[{"name":"billing","version":0,"source":"file",)"
                R"("state":"active","reference_count":12,"score_threshold":0.6,"target":"api"},{"name":"other",)"
                R"("version":5,"source":"run_time","state":"parked","reference_count":1}]})");
  const Ran ran = daemon.run({"routes", "list"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out,
            "route    references  threshold  target  source    state   version\n"
            "billing          12        0.6  api     file      active        0\n"
            "other             1          -  -       run_time  parked        5\n");
}

TEST(Routes, GetAsksForAPageAndShowsTexts) {
  Daemon daemon(R"({"id":1,"ok":true,"route":{"name":"a\"b","version":0,"metadata":{"tier":"gold"},)"
                R"("references":[{"row":5,"text":"my invoice"}],"negatives":[]}})");
  const Ran ran = daemon.run({"routes", "get", "a\"b", "--offset", "5", "--limit", "1"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(daemon.asked()[0], R"({"id":1,"op":"routes.get","name":"a\"b","vectors":false,"offset":5,"limit":1})");
  EXPECT_NE(ran.out.find("{\"tier\":\"gold\"}"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("5  my invoice"), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace semroute::router::tool
