#include "bench/core/sqlite_peer.h"

#include "bench/support/program.h"

#ifdef SEMROUTE_BENCH_SQLITE
#include <sqlite3.h>
#endif

namespace semroute::bench {

#ifdef SEMROUTE_BENCH_SQLITE
namespace {

class Peer final : public SqlitePeer {
 public:
  explicit Peer(const std::string& path) {
    check(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("CREATE TABLE puts(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
    check(sqlite3_prepare_v2(database_, "INSERT OR REPLACE INTO puts VALUES(?, ?)", -1, &put_, nullptr), SQLITE_OK);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() override {
    sqlite3_finalize(put_);
    sqlite3_close(database_);
  }

  void commit(std::span<const Put> puts) override {
    run("BEGIN");
    for (const Put& put : puts) {
      check(sqlite3_bind_text(put_, 1, put.key.data(), static_cast<int>(put.key.size()), SQLITE_STATIC), SQLITE_OK);
      check(sqlite3_bind_blob(put_, 2, put.value.data(), static_cast<int>(put.value.size()), SQLITE_STATIC), SQLITE_OK);
      check(sqlite3_step(put_), SQLITE_DONE);
      check(sqlite3_reset(put_), SQLITE_OK);
    }
    run("COMMIT");
  }

 private:
  void run(const char* statement) { check(sqlite3_exec(database_, statement, nullptr, nullptr, nullptr), SQLITE_OK); }
  void check(int result, int expected) {
    if (result != expected) stop(74, std::string("SQLite: ") + sqlite3_errmsg(database_));
  }
  sqlite3* database_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
};

}  // namespace

std::unique_ptr<SqlitePeer> make_sqlite_peer(const std::string& folder) {
  return std::make_unique<Peer>(folder + "/peer.sqlite");
}
#else
std::unique_ptr<SqlitePeer> make_sqlite_peer(const std::string& /*folder*/) { return nullptr; }
#endif

}  // namespace semroute::bench
