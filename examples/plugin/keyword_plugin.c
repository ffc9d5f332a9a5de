// A plugin for semrouted: answers with where its keyword stands in a payload, and how often.
//
//   targets:
//     - {name: finder, kind: dynamic, file: keyword_plugin.so, config: invoice}
//
// A reply: {"keyword":"invoice","count":2,"first_at":10}. It answers inside of dispatch(), which is all that short work needs.
#include <semroute_plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct finder {
  const semroute_host* host;
  char* keyword;
  size_t keyword_bytes;
};

static void say(char* problem, size_t problem_bytes, const char* text) { snprintf(problem, problem_bytes, "%s", text); }

// The configuration is JSON; this plugin takes a string of plain characters, and no other JSON.
static int check(semroute_bytes config, char* problem, size_t problem_bytes) {
  if (config.size < 3 || config.data[0] != '"' || config.data[config.size - 1] != '"' ||
      memchr(config.data, '\\', config.size) != NULL) {
    say(problem, problem_bytes, "expected a keyword: a string that is not empty, without quotes and backslashes");
    return 0;
  }
  return 1;
}

// What an instance holds is constant from here on, so that dispatch() needs no lock.
static void* create(const semroute_host* host, semroute_bytes config, char* problem, size_t problem_bytes) {
  struct finder* finder = malloc(sizeof *finder);
  const size_t bytes = config.size - 2;
  char* keyword = malloc(bytes);
  if (finder == NULL || keyword == NULL) {
    free(finder);
    free(keyword);
    say(problem, problem_bytes, "no memory");
    return NULL;
  }
  memcpy(keyword, config.data + 1, bytes);
  finder->host = host;
  finder->keyword = keyword;
  finder->keyword_bytes = bytes;
  return finder;
}

static void destroy(void* instance) {
  struct finder* finder = instance;
  free(finder->keyword);
  free(finder);
}

static void dispatch(void* instance, const semroute_request* request, semroute_call call) {
  const struct finder* finder = instance;
  const semroute_bytes payload = request->payload;
  size_t count = 0;
  size_t first_at = 0;
  for (size_t at = 0; at + finder->keyword_bytes <= payload.size; ++at) {
    if (memcmp(payload.data + at, finder->keyword, finder->keyword_bytes) != 0) continue;
    if (count++ == 0) first_at = at;
  }
  if (count == 0) {
    // What went wrong is the client's to know, as an `upstream_error`.
    static const char kMissing[] = "the keyword is not in the payload";
    const semroute_bytes message = {kMissing, sizeof kMissing - 1};
    finder->host->fail(call, message);
    return;
  }
  char body[512];
  const int bytes = snprintf(body, sizeof body, "{\"keyword\":\"%.*s\",\"count\":%zu,\"first_at\":%zu}",
                             (int)(finder->keyword_bytes < 256 ? finder->keyword_bytes : 256), finder->keyword, count,
                             first_at);
  static const char kJson[] = "application/json";
  semroute_reply reply;
  memset(&reply, 0, sizeof reply);
  reply.struct_bytes = sizeof reply;
  reply.status = 200;
  reply.content_type.data = kJson;
  reply.content_type.size = sizeof kJson - 1;
  reply.body.data = body;
  reply.body.size = (size_t)bytes;
  finder->host->complete(call, &reply);
}

const semroute_plugin* semroute_plugin_get(void) {
  static const semroute_plugin kPlugin = {SEMROUTE_PLUGIN_ABI_VERSION,
                                          sizeof(semroute_plugin),
                                          "keyword",
                                          check,
                                          create,
                                          destroy,
                                          dispatch,
                                          NULL};  // cancel: dispatch() is over before anybody could
  return &kPlugin;
}
