// GraphKeeper: the graph of the references in a file of data_dir, so that a start need not build it again.
//
// The file is of use whatever became of the references meanwhile (core::Index::restore); it is written anew when enough
// of them have changed, in a hundredth of the time at most, and at the end. Nothing depends on it but time: a file that
// cannot be read or written is logged. Complexity: saving about 170 bytes a reference; changes wait meanwhile, requests
// do not. Threads: one, the change thread's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/file.h"
#include "core/index/index.h"
#include "router/routes/row_inserter.h"

namespace semroute::router {

inline constexpr std::string_view kGraphFileName = "references.graph";

class GraphKeeper {
 public:
  // `read_only`: what was kept is used, and nothing written.
  GraphKeeper(std::string folder, bool read_only)
      : folder_(std::move(folder), core::real_system_calls()), read_only_(read_only) {}

  // What was kept; empty when there is nothing to be had.
  [[nodiscard]] std::optional<core::File> open() const;
  // What became of the first load of `index`, after `changed_rows` went into it.
  void loaded(const core::Index& index, const KeptGraph* graph, std::uint64_t changed_rows,
              std::chrono::milliseconds took);

  // Whether save_if_due() may have something to do later though nothing changes: a graph is being built.
  [[nodiscard]] bool is_waiting(const core::Index& index) const;
  // `changed_rows`: that went into the index or out of it so far.
  void save_if_due(const core::Index& index, std::uint64_t changed_rows);
  void save_at_end(const core::Index& index, std::uint64_t changed_rows);

 private:
  [[nodiscard]] bool is_worth_keeping(const core::Index& index) const;
  void save(const core::Index& index, std::uint64_t changed_rows);
  [[nodiscard]] core::Result<void> write(const core::Index& index) const;

  core::Folder folder_;
  bool read_only_;
  bool is_kept_ = false;  // the file is of this index, of some time
  std::uint64_t kept_rows_ = 0;
  std::chrono::steady_clock::time_point not_before_{};  // when it may be written again
};

}  // namespace semroute::router
