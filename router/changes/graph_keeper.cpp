#include "router/changes/graph_keeper.h"

#include <algorithm>
#include <chrono>

#include "router/daemon/log.h"

namespace semroute::router {
namespace {

// A graph of fewer is built in a second or two.
constexpr std::size_t kFewestKept = 10'000;
// Written anew when this share of the references has changed.
constexpr std::size_t kChangedShare = 16;
// Not oftener than this, and so that it takes a hundredth of the time at most: changes wait meanwhile.
constexpr std::chrono::seconds kLeastBetween{60};
constexpr int kTimesItsDuration = 100;

bool is_large(const core::Index& index) {
  return index.params().algorithm != core::Algorithm::flat && index.count() >= kFewestKept;
}

}  // namespace

std::optional<core::File> GraphKeeper::open() const {
  if (!read_only_) (void)folder_.remove(std::string(kGraphFileName) + ".new");  // of a start that was ended in between
  auto file = folder_.open(kGraphFileName, core::OpenMode::read);
  if (file.ok()) return std::move(file).value();
  if (file.error().code != core::ErrorCode::not_found)
    log_line(LogLevel::warning, "the graph that was kept cannot be read, it is built: " + file.error().message);
  return std::nullopt;
}

void GraphKeeper::loaded(const core::Index& index, const KeptGraph* graph, std::uint64_t changed_rows,
                         std::chrono::milliseconds took) {
  kept_rows_ = changed_rows;
  if (graph == nullptr) return;
  is_kept_ = !graph->problem.has_value();
  if (is_kept_) {
    log_line(LogLevel::info, "the index of " + std::to_string(index.count()) +
                                 " references was made with the graph in " + graph->file.path() + ", in " +
                                 std::to_string(took.count()) + " ms");
  } else {
    log_line(LogLevel::warning, "the graph that was kept is of no use, it is built: " + graph->problem->message);
  }
}

bool GraphKeeper::is_worth_keeping(const core::Index& index) const { return !read_only_ && is_large(index); }

bool GraphKeeper::is_waiting(const core::Index& index) const { return !is_kept_ && is_worth_keeping(index); }

void GraphKeeper::save_if_due(const core::Index& index, std::uint64_t changed_rows) {
  if (!index.walks() || !is_worth_keeping(index)) return;
  if (is_kept_ && changed_rows - kept_rows_ < index.count() / kChangedShare) return;
  if (std::chrono::steady_clock::now() < not_before_) return;
  save(index, changed_rows);
}

void GraphKeeper::save_at_end(const core::Index& index, std::uint64_t changed_rows) {
  if (!index.walks() || !is_worth_keeping(index)) return;
  if (!is_kept_ || changed_rows != kept_rows_) save(index, changed_rows);
}

// One that cannot be written is not tried again before as much has changed.
void GraphKeeper::save(const core::Index& index, std::uint64_t changed_rows) {
  const auto began = std::chrono::steady_clock::now();
  const auto done = write(index);
  is_kept_ = true;
  kept_rows_ = changed_rows;
  const auto ended = std::chrono::steady_clock::now();
  not_before_ =
      ended + std::max<std::chrono::steady_clock::duration>(kLeastBetween, kTimesItsDuration * (ended - began));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(ended - began);
  if (done.ok()) {
    log_line(LogLevel::info, "the graph of " + std::to_string(index.count()) + " references is kept in " +
                                 folder_.path_of(kGraphFileName) + ", in " + std::to_string(took.count()) + " ms");
  } else {
    log_line(LogLevel::warning, "the graph could not be kept, a start has to build it: " + done.error().message);
  }
}

core::Result<void> GraphKeeper::write(const core::Index& index) const {
  const std::string unfinished = std::string(kGraphFileName) + ".new";
  auto file = folder_.open(unfinished, core::OpenMode::create);
  if (!file.ok()) return file.error();
  if (auto saved = index.save_graph(*file); !saved.ok()) return saved;
  if (auto synced = file->sync(); !synced.ok()) return synced;
  if (auto renamed = folder_.rename(unfinished, kGraphFileName); !renamed.ok()) return renamed;
  return folder_.sync();
}

}  // namespace semroute::router
