// SqlitePeer: a table of key and value in SQLite, in WAL mode with synchronous=FULL: a commit is synced.
//
// Threads: one at a time. Errors: those of SQLite end the program with 74, naming them.
// make_sqlite_peer gives none where SQLite was not there to be built with.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace semroute::bench {

struct Put {
  std::string key;
  std::span<const std::byte> value;
};

class SqlitePeer {
 public:
  virtual ~SqlitePeer() = default;
  // All of them as one transaction.
  virtual void commit(std::span<const Put> puts) = 0;
};

[[nodiscard]] std::unique_ptr<SqlitePeer> make_sqlite_peer(const std::string& folder);

}  // namespace semroute::bench
