// A data_dir that is damaged, full, locked, of another kind or read-only: what the daemon says and does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "core/base/crc32c.h"
#include "tests/integration/loop_disk.h"
#include "tests/integration/tiny_config.h"
#include "tests/support/daemon_process.h"
#include "tests/support/eventually.h"
#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kMatchBilling = R"({"op":"match","embedding":[1,0,0,0]})";
constexpr const char* kBilling = R"("route":"billing")";
constexpr const char* kOk = R"("ok":true)";

std::string put(const std::string& name, const std::string& vector = "[0,0,1,0]") {
  return R"({"op":"routes.put","route":{"name":")" + name + R"(","references":[)" + vector + "]}}";
}

std::string number_in_reply(int number) { return R"("description":")" + std::to_string(number) + '"'; }

std::string numbered_put(int number) {
  return R"({"op":"routes.put","route":{"name":"route","references":[[0,0,1,0]],)" + number_in_reply(number) + "}}";
}

class StoreFaults : public ::testing::Test {
 protected:
  [[nodiscard]] std::string data() const { return folder_.path() + "/data"; }
  [[nodiscard]] std::string config() const { return "data_dir: " + data() + "\n" + tiny_config(); }
  // A daemon on calls that can fail, with small files.
  [[nodiscard]] std::unique_ptr<DaemonProcess> faulty(const std::vector<std::string>& arguments = {},
                                                      const std::string& crash_at = {}) const {
    return std::make_unique<DaemonProcess>(
        config(),
        std::vector<std::string>{"SEMROUTE_DISK_FILE=" + folder_.path() + "/disk", "SEMROUTE_CRASH_AT=" + crash_at},
        arguments, faulty_daemon_path());
  }
  void set_disk(const std::string& word) const { folder_.write("disk", word); }

  // A start that must fail.
  [[nodiscard]] Finished refused(const std::string& yaml, const std::vector<std::string>& arguments = {},
                                 const std::string& program = daemon_path()) const {
    folder_.write("semrouted.yaml", "listen: 127.0.0.1:0\nadmin: off\n" + yaml);
    std::vector<std::string> command{program, "--config", folder_.path() + "/semrouted.yaml"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_program(command, 60, {"SEMROUTE_DISK_FILE=" + folder_.path() + "/disk"});
  }

  // A daemon that makes these routes and ends well.
  void make(const std::vector<std::string>& names) const {
    const DaemonProcess daemon(config());
    RawClient client(daemon.port());
    for (const std::string& name : names) ASSERT_THAT(client.ask(put(name)), HasSubstr(kOk));
  }
  [[nodiscard]] static std::string list(const DaemonProcess& daemon) {
    return RawClient(daemon.port()).ask(R"({"op":"routes.list"})");
  }

  [[nodiscard]] std::string file(const std::string& name) const { return data() + "/" + name; }
  [[nodiscard]] std::vector<std::string> files(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const auto& one : std::filesystem::directory_iterator(data()))
      if (one.path().filename().string().starts_with(prefix)) names.push_back(one.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
  [[nodiscard]] std::vector<std::string> snapshots() const {
    std::vector<std::string> names = files("snapshot_");
    std::erase_if(names, [](const std::string& name) { return name.ends_with(".new"); });
    return names;
  }
  void overwrite(const std::string& name, std::size_t at, const std::string& bytes) const {
    std::fstream out(file(name), std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    out << bytes;
  }
  void flip(const std::string& name, std::size_t at) const {
    const char byte = static_cast<char>(file_text(file(name)).at(at) ^ 4);
    overwrite(name, at, std::string(1, byte));
  }

  TemporaryFolder folder_;
};

TEST_F(StoreFaults, Fault52ATornTailIsCutAndSaid) {
  make({"one", "two"});
  std::ofstream(file("log_00000001"), std::ios::binary | std::ios::app) << "SRGPhalf a group";
  const DaemonProcess daemon(config());
  EXPECT_THAT(daemon.log(), AllOf(HasSubstr(" warning " + data() + ": log_00000001 had a torn tail of 16 bytes"),
                                  HasSubstr("kept as kept_tail_of_log_00000001_1")));
  EXPECT_THAT(list(daemon), AllOf(HasSubstr(R"("name":"one")"), HasSubstr(R"("name":"two")")));
  EXPECT_THAT(RawClient(daemon.port()).ask(put("three")), HasSubstr(kOk));
}

TEST_F(StoreFaults, Fault53DamageInTheMiddleEndsTheStartAndSaysWhere) {
  make({"one", "two", "three"});
  const std::string whole = file_text(file("log_00000001"));
  const std::size_t at = whole.find("two");
  ASSERT_NE(at, std::string::npos);
  flip("log_00000001", at);
  const Finished start = refused(config());
  EXPECT_EQ(start.exit_code, 65) << start.output;
  EXPECT_THAT(start.output, HasSubstr("error " + file("log_00000001") + " is damaged at byte "));
  const Finished checked = run_program({tool_path(), "store", "check", data()});
  EXPECT_EQ(checked.exit_code, 65);
  EXPECT_EQ(run_program({tool_path(), "store", "repair", data()}).exit_code, 0);
  const DaemonProcess daemon(config());
  EXPECT_THAT(list(daemon), AllOf(HasSubstr(R"("name":"one")"), Not(HasSubstr(R"("name":"three")"))));
}

TEST_F(StoreFaults, Fault54AFlippedBitInTheNewestSnapshotIsPassedOver) {
  int puts = 0;
  {
    const auto daemon = faulty();
    RawClient client(daemon->port());
    while (snapshots().size() < 2 && puts < 10'000) {
      ++puts;
      const std::string number = std::to_string(puts);
      ASSERT_THAT(client.ask(put("route" + std::to_string(puts % 20), "[0,0,1," + number + "]")), HasSubstr(kOk));
    }
  }
  const std::vector<std::string> two = snapshots();
  ASSERT_EQ(two.size(), 2U);
  flip(two.back(), std::filesystem::file_size(file(two.back())) / 2);
  const DaemonProcess daemon(config());
  EXPECT_THAT(daemon.log(), AllOf(HasSubstr(" warning " + data() + ": passed over: "),
                                  HasSubstr(two.back() + " is damaged at byte "), HasSubstr(two.front() + " (")));
  const std::string last = "route" + std::to_string(puts % 20);
  EXPECT_THAT(RawClient(daemon.port()).ask(R"({"op":"routes.get","name":")" + last + R"("})"),
              HasSubstr("\"version\":" + std::to_string(puts + 1)));
  EXPECT_EQ(files("kept_" + two.back()).size(), 1U);
}

TEST_F(StoreFaults, Fault56OnAFullDiskChangesAreRefusedAndRequestsGoOn) {
  {
    const auto daemon = faulty();
    RawClient client(daemon->port());
    EXPECT_THAT(client.ask(put("before")), HasSubstr(kOk));
    set_disk("full");
    for (int i = 0; i < 3; ++i)
      EXPECT_THAT(client.ask(put("during")), AllOf(HasSubstr(R"("code":"unavailable")"), HasSubstr("No space left"),
                                                   HasSubstr(R"("retryable":true)"), Not(HasSubstr("outcome"))));
    EXPECT_THAT(client.ask(kMatchBilling), HasSubstr(kBilling));
    EXPECT_THAT(list(*daemon), AllOf(HasSubstr("before"), Not(HasSubstr("during"))));
    EXPECT_THAT(daemon->log(), HasSubstr("changes could not be kept: "));
    set_disk("");
    EXPECT_THAT(client.ask(put("after")), HasSubstr(kOk));
  }
  const DaemonProcess daemon(config());
  EXPECT_THAT(list(daemon), AllOf(HasSubstr("before"), HasSubstr("after"), Not(HasSubstr("during"))));
}

TEST_F(StoreFaults, Fault56ARealDiskThatIsFull) {
  LoopDisk disk;
  if (!disk.problem().empty()) GTEST_SKIP() << "no disk to fill: " << disk.problem();
  const DaemonProcess daemon("data_dir: " + disk.path() + "/data\n" + tiny_config());
  RawClient client(daemon.port());
  EXPECT_THAT(client.ask(put("before")), HasSubstr(kOk));
  const std::string filler = disk.path() + "/filler";
  {
    std::ofstream out(filler, std::ios::binary);
    const std::string zeros(4'096, '\0');
    while (out.write(zeros.data(), static_cast<std::streamsize>(zeros.size())) && out.flush()) {
    }
  }
  std::string reply;
  for (int i = 0; i < 100 && reply.find("unavailable") == std::string::npos;
       ++i)  // what the log's last block has room for
    reply = client.ask(put("during", "[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4]"));
  EXPECT_THAT(reply,
              AllOf(HasSubstr(R"("code":"unavailable")"), HasSubstr("No space left"), Not(HasSubstr("outcome"))));
  EXPECT_THAT(client.ask(kMatchBilling), HasSubstr(kBilling));
  std::filesystem::remove(filler);
  EXPECT_TRUE(eventually([&] { return client.ask(put("after")).find(kOk) != std::string::npos; }));
}

TEST_F(StoreFaults, Fault57AFailedSyncLeavesTheOutcomeOpenAndNothingMoreIsTaken) {
  {
    const auto daemon = faulty();
    RawClient client(daemon->port());
    EXPECT_THAT(client.ask(put("before")), HasSubstr(kOk));
    set_disk("unsynced");
    EXPECT_THAT(client.ask(put("during")),
                AllOf(HasSubstr(R"("code":"unavailable")"), HasSubstr(R"("outcome":"unknown")"),
                      HasSubstr(R"("retryable":false)")));
    set_disk("");
    EXPECT_THAT(client.ask(put("after")),
                AllOf(HasSubstr(R"("code":"unavailable")"), HasSubstr("read-only since: "), Not(HasSubstr("outcome"))));
    EXPECT_THAT(client.ask(kMatchBilling), HasSubstr(kBilling));
    EXPECT_THAT(list(*daemon), AllOf(HasSubstr("before"), Not(HasSubstr("during")), Not(HasSubstr("after"))));
  }
  const auto daemon = faulty();
  EXPECT_THAT(list(*daemon), AllOf(HasSubstr("before"), Not(HasSubstr("after"))));
  EXPECT_THAT(RawClient(daemon->port()).ask(put("again")), HasSubstr(kOk));
}

// What the daemon waits for when everything else has ended cannot be interrupted; the operator can.
TEST_F(StoreFaults, ASecondSignalEndsADaemonThatWaitsForItsDisk) {
  {
    const auto daemon =
        std::make_unique<DaemonProcess>(config() + "drain: {timeout: 100ms}\n",
                                        std::vector<std::string>{"SEMROUTE_DISK_FILE=" + folder_.path() + "/disk"},
                                        std::vector<std::string>{}, faulty_daemon_path());
    RawClient client(daemon->port());
    EXPECT_THAT(client.ask(put("before")), HasSubstr(kOk));
    set_disk("stuck");
    client.send(put("during") + "\n");
    ASSERT_TRUE(client.delivered());
    ASSERT_TRUE(eventually([&] { return file_text(file("log_00000001")).find("during") != std::string::npos; }));
    daemon->signal(SIGTERM);
    ASSERT_TRUE(daemon->wait_for_log(" stopped"));
    EXPECT_TRUE(daemon->running());
    daemon->signal(SIGTERM);
    EXPECT_EQ(daemon->wait(60), 128 + SIGTERM);
  }
  set_disk("");
  const auto daemon = faulty();
  EXPECT_THAT(list(*daemon), HasSubstr(R"("name":"before")"));
  EXPECT_THAT(RawClient(daemon->port()).ask(put("again")), HasSubstr(kOk));
}

TEST_F(StoreFaults, APipeAmongTheFilesIsNotWaitedFor) {
  make({"kept"});
  for (const char* const name : {"log_00000002", "lock", "references.graph"}) {
    std::filesystem::remove(file(name));
    ASSERT_EQ(::mkfifo(file(name).c_str(), 0600), 0) << name;
    if (std::string_view(name) == "references.graph") break;  // of no use, and not needed
    const Finished start = refused(config());
    EXPECT_EQ(start.exit_code, 74) << name << start.output;
    EXPECT_THAT(start.output, HasSubstr("cannot open " + file(name) + ": it is no regular file"));
    std::filesystem::remove(file(name));
  }
  const DaemonProcess daemon(config());
  EXPECT_THAT(list(daemon), HasSubstr(R"("name":"kept")"));
  EXPECT_THAT(daemon.log(), HasSubstr("references.graph: it is no regular file"));
}

TEST_F(StoreFaults, AnotherModelIsRefusedAndAFolderFromBeforeIsStamped) {
  make({"kept"});
  EXPECT_EQ(file_text(file("index_model")), "tiny");
  std::string other = config();
  other.replace(other.find("model: tiny"), 11, "model: huge");
  const Finished start = refused(other);
  EXPECT_EQ(start.exit_code, 78) << start.output;
  EXPECT_THAT(start.output, HasSubstr("of the model \"tiny\", index.model is \"huge\""));
  std::string none = config();
  none.replace(none.find(", model: tiny"), 13, "");
  EXPECT_THAT(list(DaemonProcess(none)), HasSubstr(R"("name":"kept")"));
  EXPECT_EQ(file_text(file("index_model")), "tiny");
  std::filesystem::remove(file("index_model"));
  EXPECT_THAT(list(DaemonProcess(other)), HasSubstr(R"("name":"kept")"));
  EXPECT_EQ(file_text(file("index_model")), "huge");
  EXPECT_EQ(refused(config()).exit_code, 78);
}

TEST_F(StoreFaults, CheckLooksIntoTheFolder) {
  folder_.write("checked.yaml", "listen: 127.0.0.1:0\nadmin: off\n" + config());
  const auto check = [&] {
    return run_program({daemon_path(), "--config", folder_.path() + "/checked.yaml", "--check"});
  };
  const auto expect = [&](int exit_code, const std::string& words) {
    const Finished done = check();
    EXPECT_EQ(done.exit_code, exit_code) << done.output;
    EXPECT_THAT(done.output, HasSubstr(words));
  };
  expect(0, data() + " is not there yet");
  EXPECT_FALSE(std::filesystem::exists(data()));
  make({"one", "two"});
  expect(0, data() + " holds 2 routes made at run time");
  {
    const DaemonProcess daemon(config());
    expect(0, data() + " was not looked into: a daemon is using it");
  }
  overwrite("log_00000001", 200, "damage");
  expect(65, file("log_00000001") + " is damaged at byte");
}

TEST_F(StoreFaults, Fault58AReadOnlyDiskIsServedWhenAskedToElse73) {
  set_disk("read_only");
  const Finished nothing = refused(config(), {}, faulty_daemon_path());
  EXPECT_EQ(nothing.exit_code, 73) << nothing.output;
  set_disk("");
  make({"kept"});
  set_disk("read_only");
  const Finished start = refused(config(), {}, faulty_daemon_path());
  EXPECT_EQ(start.exit_code, 73) << start.output;
  EXPECT_THAT(start.output, AllOf(HasSubstr(data()), HasSubstr("Read-only file system")));
  const auto daemon = faulty({"--read-only"});
  RawClient client(daemon->port());
  EXPECT_THAT(list(*daemon), HasSubstr(R"("name":"kept")"));
  EXPECT_THAT(client.ask(R"({"op":"match","embedding":[0,0,1,0]})"), HasSubstr(R"("route":"kept")"));
  EXPECT_THAT(client.ask(put("new")), AllOf(HasSubstr(R"("code":"unavailable")"), HasSubstr("started with --read-only"),
                                            HasSubstr(R"("retryable":false)")));
  EXPECT_THAT(list(*daemon), Not(HasSubstr(R"("name":"new")")));
}

TEST_F(StoreFaults, Fault58ARealDiskThatIsReadOnly) {
  LoopDisk disk;
  if (!disk.problem().empty()) GTEST_SKIP() << "no disk to make read-only: " << disk.problem();
  const std::string yaml = "data_dir: " + disk.path() + "/data\n" + tiny_config();
  {
    const DaemonProcess daemon(yaml);
    ASSERT_THAT(RawClient(daemon.port()).ask(put("kept")), HasSubstr(kOk));
  }
  ASSERT_TRUE(disk.make_read_only(true)) << disk.problem();
  EXPECT_EQ(refused(yaml).exit_code, 73);
  const DaemonProcess daemon(yaml, {}, {"--read-only"});
  EXPECT_THAT(list(daemon), HasSubstr(R"("name":"kept")"));
}

TEST_F(StoreFaults, Fault59ASecondDaemonOnTheFolderIsRefused) {
  const DaemonProcess daemon(config());
  const Finished second = refused(config());
  EXPECT_EQ(second.exit_code, 69) << second.output;
  EXPECT_THAT(second.output, HasSubstr("error " + data() + " is in use: another program has locked "));
  EXPECT_EQ(refused(config(), {"--read-only"}).exit_code, 69);
  EXPECT_THAT(RawClient(daemon.port()).ask(put("new")), HasSubstr(kOk));
}

TEST_F(StoreFaults, Fault60AnotherDimensionAndANewerVersionAreRefused) {
  make({"one"});
  std::string other = config();
  other.replace(other.find("dimension: 4"), 12, "dimension: 3");
  for (const char* const vectors : {"[[1, 0, 0, 0], [0.8, 0.6, 0, 0]]", "[[0.6, 0, 0.8, 0]]", "[[0, 1, 0, 0]]"})
    other.replace(other.find(vectors), std::strlen(vectors), "[[1, 0, 0]]");
  const Finished dimension = refused(other);
  EXPECT_EQ(dimension.exit_code, 78) << dimension.output;
  EXPECT_THAT(dimension.output, AllOf(HasSubstr(data()), HasSubstr("dimension 4"), HasSubstr("dimension 3")));

  // core/store/FORMAT.md: the version at 8, the checksum of the 96 bytes, itself as 0, at 12.
  std::string header = file_text(file("log_00000001")).substr(0, 96);
  header.replace(8, 8, std::string("\x02\0\0\0\0\0\0\0", 8));
  const std::uint32_t checksum = core::crc32c(std::as_bytes(std::span(header)));
  std::memcpy(header.data() + 12, &checksum, sizeof checksum);
  overwrite("log_00000001", 0, header);
  const Finished version = refused(config());
  EXPECT_EQ(version.exit_code, 65) << version.output;
  EXPECT_THAT(version.output, AllOf(HasSubstr(file("log_00000001")), HasSubstr("version 2")));
}

TEST_F(StoreFaults, Fault61TheLeftoverOfACrashWhileASnapshotWasWrittenIsRemoved) {
  folder_.write("semrouted.yaml", "listen: 127.0.0.1:0\nadmin: off\n" + config());
  const auto leftover = [&] {
    const std::vector<std::string> names = files("snapshot_");
    const auto found = std::ranges::find_if(names, [](const std::string& name) { return name.ends_with(".new"); });
    return found == names.end() ? "" : *found;
  };
  // Segments are made, too: the first that is cut in half may be one.
  int acknowledged = 0;
  for (int at = 3; at < 12 && (at == 3 || leftover().empty()); ++at) {
    DaemonRun run({faulty_daemon_path(), "--config", folder_.path() + "/semrouted.yaml"}, folder_.path() + "/log",
                  {"SEMROUTE_CRASH_AT=make half " + std::to_string(at)});
    ASSERT_TRUE(run.wait_until_listening()) << run.log();
    RawClient client(run.port());
    for (int i = acknowledged + 1; client.try_send(numbered_put(i) + "\n"); ++i) {
      const auto reply = client.read_line();
      if (!reply) break;
      ASSERT_THAT(*reply, HasSubstr(kOk));
      acknowledged = i;
    }
    ASSERT_EQ(run.wait(60), 128 + SIGKILL) << run.log();
  }
  const std::string name = leftover();
  ASSERT_FALSE(name.empty());
  const DaemonProcess daemon(config());
  EXPECT_THAT(daemon.log(), HasSubstr(" warning " + data() + ": removed: " + name + "\n"));
  EXPECT_EQ(leftover(), "");
  const std::string route = RawClient(daemon.port()).ask(R"({"op":"routes.get","name":"route"})");
  // The last acknowledged, or the one that was on its way.
  EXPECT_THAT(route, AnyOf(HasSubstr(number_in_reply(acknowledged)), HasSubstr(number_in_reply(acknowledged + 1))))
      << acknowledged;
}

}  // namespace
}  // namespace semroute::test
