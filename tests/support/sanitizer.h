// SEMROUTE_ADDRESS_SANITIZED, SEMROUTE_THREAD_SANITIZED: 1 in a build with that sanitizer, else 0.
// SEMROUTE_SANITIZED: 1 in a build with either.
#pragma once

#if !defined(__has_feature)
#define SEMROUTE_HAS_FEATURE(x) 0
#else
#define SEMROUTE_HAS_FEATURE(x) __has_feature(x)
#endif

#if defined(__SANITIZE_ADDRESS__) || SEMROUTE_HAS_FEATURE(address_sanitizer)
#define SEMROUTE_ADDRESS_SANITIZED 1
#else
#define SEMROUTE_ADDRESS_SANITIZED 0
#endif
#if defined(__SANITIZE_THREAD__) || SEMROUTE_HAS_FEATURE(thread_sanitizer)
#define SEMROUTE_THREAD_SANITIZED 1
#else
#define SEMROUTE_THREAD_SANITIZED 0
#endif
#define SEMROUTE_SANITIZED (SEMROUTE_ADDRESS_SANITIZED || SEMROUTE_THREAD_SANITIZED)
