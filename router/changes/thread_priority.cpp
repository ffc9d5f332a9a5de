#include "router/changes/thread_priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace semroute::router {
namespace {

constexpr int kMostNice = 19;

// What sched_setattr(2) takes, in its first version. glibc declares neither before 2.41.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;  // of SCHED_OTHER: how long a turn is; kernels before 6.12 do not look at it
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

}  // namespace

void yield_to_requests() noexcept {
  const auto self = static_cast<id_t>(::gettid());
  const int nice = std::min(::getpriority(PRIO_PROCESS, self) + kWorkingNice, kMostNice);
  (void)::setpriority(PRIO_PROCESS, self, nice);  // also where a sandbox knows no sched_setattr
  if (::sched_getscheduler(0) != SCHED_OTHER) return;
  SchedulingAttributes attributes;
  attributes.nice = nice;
  attributes.runtime_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds(kWorkingTurn).count());
  (void)::syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

}  // namespace semroute::router
