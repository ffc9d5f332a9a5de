// SEMROUTE_SANITIZED: 1 in an AddressSanitizer or ThreadSanitizer build, else 0.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEMROUTE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEMROUTE_SANITIZED 1
#endif
#endif
#ifndef SEMROUTE_SANITIZED
#define SEMROUTE_SANITIZED 0
#endif
