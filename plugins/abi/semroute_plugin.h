// semroute_plugin.h: how semrouted and a plugin, a target of the kind `dynamic`, speak to each other. C99 and C++.
//
// A plugin is a shared object that exports one function, semroute_plugin_get(), which returns a table of functions.
// semrouted calls them; they call back through the table `semroute_host`. All that a plugin's author needs is here.
//
// VERSION. Both tables begin with the version of this header and their own size. semrouted loads a plugin only if the
// versions are the same. Members may be added at the end of a struct without a new version: who reads a struct of the
// other side looks at `struct_bytes` before it reads a member that version 1 did not have when it was first published:
// those that say so below.
//
// MEMORY. Who allocates it frees it; nothing is ever freed by the other side. What a function is given as an argument
// is valid until that function returns, and not longer, unless it says otherwise: copy what is needed later.
//
// THREADS. semrouted calls check() on any thread; create(), dispatch(), cancel() and destroy() on threads that exist
// for this target alone, `threads:` of them (4 by default). create() comes first and alone, destroy() last and alone.
// Between them dispatch() and cancel() run on several threads at once, for different calls: a plugin locks what it
// shares. Each target that names the plugin has an instance of its own; two instances may run at once. The functions of
// semroute_host may be called from any thread, a plugin's own included, and never block for long.
//
// COMPLETION. Every dispatch() begins one call, which the plugin completes exactly once, by complete() or by fail(),
// before dispatch() returns or at any time later. A call whose deadline has passed, or that the client has cancelled,
// is over: its completion is ignored and counted, and so is a second one, and one of a number that never was a call.
// None of these does harm. A plugin that never completes a call costs that request: the client gets `upstream_timeout`.
//
// SLOWNESS. dispatch() may block. While it does, its thread serves nobody else; when its call is over it is no longer
// waited for and another thread takes its place, up to 64 at a time; when all threads are in calls that are over, the
// target answers `upstream_unavailable` until one returns. A plugin with long work of its own does it on its
// own threads, or looks at is_wanted() now and then.
//
// EXCEPTIONS must not leave a plugin. What semrouted can catch fails the call; do not rely on it. A plugin that
// crashes takes the daemon with it: what is not trusted belongs into a target of the kind `exec`.
//
// END. When a target is taken out of the configuration its calls run to their end, then destroy() is called: it ends
// the plugin's own threads. A plugin with a dispatch() that does not return is never destroyed. A plugin's file is
// loaded once, never unloaded: threads, and destructors of threads, may still be in its code. A new version of
// a plugin is a new file, put in place by a rename.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEMROUTE_PLUGIN_ABI_VERSION 1u

#if defined(__GNUC__)
#define SEMROUTE_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define SEMROUTE_PLUGIN_EXPORT
#endif

// Bytes of somebody else's. Not ended by a zero byte; `data` may be null when `size` is 0.
typedef struct semroute_bytes {
  const char* data;
  size_t size;
} semroute_bytes;

typedef struct semroute_header {
  semroute_bytes name;
  semroute_bytes value;
} semroute_header;

// The number of a call. Never used again, so that a late one names nothing rather than something else.
typedef uint64_t semroute_call;

// A decided request. Text is UTF-8.
typedef struct semroute_request {
  uint32_t struct_bytes;
  int32_t has_score;       // 0: a default route, which may have none
  float score;             // higher is nearer
  uint64_t revision;       // of the table of routes
  uint64_t timeout_ms;     // what is left of the call's time
  semroute_bytes payload;  // byte for byte as the client sent it
  semroute_bytes content_type;
  semroute_bytes request_id;
  semroute_bytes route;
  semroute_bytes decision;         // "matched" or "default"
  semroute_bytes traceparent;      // of the client, or empty
  const semroute_header* headers;  // of the client, those that dispatch.request_headers allows
  size_t header_count;
  // These are not in every host of version 1: look at struct_bytes.
  int32_t is_mirror;  // 1: a copy of a request that another target answers; nobody reads the reply
  int32_t reserved;   // 0
} semroute_request;

typedef struct semroute_reply {
  uint32_t struct_bytes;        // sizeof(semroute_reply)
  int32_t status;               // 100..599
  semroute_bytes content_type;  // visible ASCII with blanks only inside, at most 1024 bytes; may be empty
  semroute_bytes body;          // at most limits.max_reply
} semroute_reply;

enum semroute_log_level {
  SEMROUTE_LOG_DEBUG = 0,
  SEMROUTE_LOG_INFO = 1,
  SEMROUTE_LOG_WARNING = 2,
  SEMROUTE_LOG_ERROR = 3
};

// What semrouted offers. The table is valid for as long as the process lives.
typedef struct semroute_host {
  uint32_t abi_version;
  uint32_t struct_bytes;

  // The reply to a call; copied before it returns. 1: it was the first and in time. 0: it was ignored.
  int (*complete)(semroute_call call, const semroute_reply* reply);
  // The call came to nothing: the client gets `upstream_error` with `message`. 1 and 0 as above.
  int (*fail)(semroute_call call, semroute_bytes message);
  // 1 while somebody waits for the call.
  int (*is_wanted)(semroute_call call);
  // A line of the daemon's log, with the target's name. `host` is the table that create() was given.
  void (*log)(const struct semroute_host* host, enum semroute_log_level level, semroute_bytes message);
} semroute_host;

// What a plugin offers: constant, and valid for as long as the process lives.
typedef struct semroute_plugin {
  uint32_t abi_version;   // SEMROUTE_PLUGIN_ABI_VERSION
  uint32_t struct_bytes;  // sizeof(semroute_plugin)
  const char* name;       // for the log; ended by a zero byte

  // May be null. Whether `config`, the target's `config:` as JSON ("null" when it is left out), is one for create(); 1
  // or 0. Called when a configuration is read, also by `semroute check`, without an instance; does nothing else.
  // `problem` takes what is wrong with it, ended by a zero byte, at most `problem_bytes` of it.
  int (*check)(semroute_bytes config, char* problem, size_t problem_bytes);

  // Makes an instance; null when that fails, with `problem` as above: the target then answers `upstream_unavailable`.
  // Requests wait meanwhile.
  void* (*create)(const semroute_host* host, semroute_bytes config, char* problem, size_t problem_bytes);
  void (*destroy)(void* instance);

  // Begins `call`.
  void (*dispatch)(void* instance, const semroute_request* request, semroute_call call);
  // May be null. Nobody waits for `call` any more: its work may stop. Comes after dispatch() was called, perhaps before
  // it has returned, and not for calls that were completed.
  void (*cancel)(void* instance, semroute_call call);
} semroute_plugin;

// What a plugin exports.
SEMROUTE_PLUGIN_EXPORT const semroute_plugin* semroute_plugin_get(void);

#ifdef __cplusplus
}
#endif
