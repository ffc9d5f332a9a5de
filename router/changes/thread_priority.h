// thread_priority: a thread that works for long stretches while others answer requests.
//
// Where processors are short, a request that arrives is served before the work goes on: the thread is nicer than the
// others, and takes turns so long that Linux (from 6.12 on) does not let it finish the one under way first. Of two
// threads whose turns are equally long, the one at work does finish it, and the one that wakes waits for milliseconds.
// Threads: it is about the calling one; those that it starts are the same. Errors: none; where the system refuses, the
// thread stays as it is.
#pragma once

#include <chrono>

namespace semroute::router {

inline constexpr int kWorkingNice = 5;  // more than the process: a third of a request's share
inline constexpr std::chrono::milliseconds kWorkingTurn{20};

// Once a thread.
void yield_to_requests() noexcept;

}  // namespace semroute::router
