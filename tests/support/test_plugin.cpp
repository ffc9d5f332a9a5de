// A plugin that does what a request's payload says, well or badly. Built as several shared objects, by VARIANT:
// 1 as it should be, 2 of another version, 3 without the symbol, 4 with a table that lacks a function.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "plugins/abi/semroute_plugin.h"

namespace {

struct Instance {
  const semroute_host* host;
  std::string config;
  std::mutex mutex;
  std::vector<std::thread> threads;
  std::atomic<int> cancelled{0};
  std::atomic<int> ignored{0};  // completions that were
};

std::string text_of(semroute_bytes bytes) { return bytes.data == nullptr ? "" : std::string(bytes.data, bytes.size); }
semroute_bytes bytes_of(const std::string& text) { return {text.data(), text.size()}; }

void answer(Instance& instance, semroute_call call, const std::string& body, int status = 200,
            const std::string& type = "text/plain") {
  const semroute_reply reply{sizeof(semroute_reply), status, bytes_of(type), bytes_of(body)};
  if (instance.host->complete(call, &reply) == 0) ++instance.ignored;
}

std::string facts(const semroute_request& request) {
  std::string out = text_of(request.route) + '|' + text_of(request.request_id) + '|' + text_of(request.decision) + '|' +
                    text_of(request.content_type) + '|' + text_of(request.traceparent) + '|' +
                    std::to_string(request.revision) + '|' +
                    (request.has_score != 0 ? std::to_string(request.score) : "no score") + '|' +
                    (request.timeout_ms > 0 ? "time left" : "no time left");
  if (request.struct_bytes >= sizeof(semroute_request) && request.is_mirror != 0) out += "|a copy";
  for (std::size_t i = 0; i < request.header_count; ++i) {
    out += '|' + text_of(request.headers[i].name) + '=' + text_of(request.headers[i].value);
  }
  return out;
}

void problem_of(const char* text, char* problem, std::size_t bytes) { std::snprintf(problem, bytes, "%s", text); }

int check(semroute_bytes config, char* problem, std::size_t problem_bytes) {
  if (text_of(config).find("refuse me") == std::string::npos) return 1;
  problem_of("as it says", problem, problem_bytes);
  return 0;
}

void* create(const semroute_host* host, semroute_bytes config, char* problem, std::size_t problem_bytes) {
  if (text_of(config).find("do not start") != std::string::npos) {
    problem_of("no model here", problem, problem_bytes);
    return nullptr;
  }
  return new Instance{.host = host, .config = text_of(config), .mutex = {}, .threads = {}};
}

void destroy(void* raw) {
  auto* instance = static_cast<Instance*>(raw);
  for (std::thread& thread : instance->threads) thread.join();
  const std::string bye = "destroyed";
  instance->host->log(instance->host, SEMROUTE_LOG_INFO, bytes_of(bye));
  delete instance;
}

void wait_for_file(const std::string& path) {
  while (!std::filesystem::exists(path)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

void dispatch(void* raw, const semroute_request* request, semroute_call call) {
  Instance& instance = *static_cast<Instance*>(raw);
  std::string payload = text_of(request->payload);
  // A JSON string is its text.
  if (payload.size() >= 2 && payload.front() == '"') payload = payload.substr(1, payload.size() - 2);
  const std::string what = payload.substr(0, payload.find(' '));
  const std::string argument = payload.size() > what.size() ? payload.substr(what.size() + 1) : "";
  if (what == "facts") {
    answer(instance, call, facts(*request));
  } else if (what == "config") {
    answer(instance, call, instance.config, 201, "application/json");
  } else if (what == "twice") {
    answer(instance, call, "first");
    answer(instance, call, "second");
  } else if (what == "strangers") {
    // Calls that never were.
    for (const semroute_call wrong : {semroute_call{0}, call + 1000, ~semroute_call{0}}) answer(instance, wrong, "x");
    answer(instance, call, "mine");
  } else if (what == "later") {
    const std::lock_guard lock(instance.mutex);
    instance.threads.emplace_back([&instance, call, argument] { answer(instance, call, argument); });
  } else if (what == "at") {
    // Once the file is there, on a thread of its own.
    const std::lock_guard lock(instance.mutex);
    instance.threads.emplace_back([&instance, call, argument] {
      wait_for_file(argument);
      answer(instance, call, "late");
    });
  } else if (what == "block") {
    wait_for_file(argument);
    answer(instance, call, "unblocked");
  } else if (what == "watch") {
    while (instance.host->is_wanted(call) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  } else if (what == "fail") {
    if (instance.host->fail(call, bytes_of(argument)) == 0) ++instance.ignored;
  } else if (what == "throw") {
    throw std::string("out of the plugin");
  } else if (what == "log") {
    instance.host->log(instance.host, SEMROUTE_LOG_WARNING, bytes_of(argument));
    answer(instance, call, "");
  } else if (what == "big") {
    answer(instance, call, std::string(static_cast<std::size_t>(std::atoi(argument.c_str())), 'x'));
  } else if (what == "status") {
    answer(instance, call, "", std::atoi(argument.c_str()));
  } else if (what == "type") {
    answer(instance, call, "", 200, argument);
  } else if (what == "null") {
    if (instance.host->complete(call, nullptr) == 0) ++instance.ignored;
  } else if (what == "counts") {
    answer(instance, call,
           "cancelled " + std::to_string(instance.cancelled) + ", ignored " + std::to_string(instance.ignored));
  }
  // "never", and everything else: nothing.
}

void cancel(void* raw, semroute_call /*call*/) { ++static_cast<Instance*>(raw)->cancelled; }

}  // namespace

#if VARIANT == 3
#define EXPORTED another_name
#else
#define EXPORTED semroute_plugin_get
#endif

extern "C" SEMROUTE_PLUGIN_EXPORT const semroute_plugin* EXPORTED(void) {
  static const semroute_plugin kPlugin = {
      .abi_version = VARIANT == 2 ? SEMROUTE_PLUGIN_ABI_VERSION + 1 : SEMROUTE_PLUGIN_ABI_VERSION,
      .struct_bytes = sizeof(semroute_plugin),
      .name = "test",
      .check = check,
      .create = create,
      .destroy = destroy,
      .dispatch = VARIANT == 4 ? nullptr : dispatch,
      .cancel = cancel};
  return &kPlugin;
}
