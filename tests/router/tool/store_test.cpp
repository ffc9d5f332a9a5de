// `semroute store check` and `semroute store repair`, on real folders.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <iterator>

#include "core/store/store.h"
#include "router/tool/exit_code.h"
#include "tests/router/tool/run.h"

namespace semroute::router::tool {
namespace {

core::StoreParams params_in(const std::string& folder) {
  core::StoreParams params;
  params.folder = folder;
  params.identity = core::StoreIdentity{4, "cosine"};
  return params;
}

void commit_one(core::Store& store, const std::string& value) {
  const core::StoreChange change{core::RecordKind::set, "billing", std::as_bytes(std::span(value))};
  const core::StoreBatch batch{store.last_sequence() + 1, {&change, 1}};
  ASSERT_TRUE(store.commit({&batch, 1}).ok());
}

class StoreCommands : public testing::Test {
 protected:
  StoreCommands() : data_((folder_.path() / "data").string()) {
    const auto store = core::Store::open(params_in(data_));
    EXPECT_TRUE(store.ok());
    for (const char* value : {"one", "two", "three"}) commit_one(**store, value);
  }

  [[nodiscard]] std::string log() const { return data_ + "/log_00000001"; }
  void flip(std::streamoff at) const {
    std::fstream file(log(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
  }

  Folder folder_;
  std::string data_;
};

TEST_F(StoreCommands, AWholeStoreIsOk) {
  const Ran checked = run({"store", "check", data_});
  EXPECT_EQ(checked.exit, 0) << checked.err;
  EXPECT_TRUE(checked.out.starts_with("dimension 4, metric cosine\n1 keys with 1 records, up to 3")) << checked.out;
  EXPECT_TRUE(checked.out.ends_with(data_ + ": ok\n")) << checked.out;
  const Ran repaired = run({"store", "repair", data_, "--output", "json"});
  EXPECT_EQ(repaired.exit, 0) << repaired.err;
  const auto json = boost::json::parse(repaired.out).as_object();
  EXPECT_EQ(json.at("lost").as_array().size(), 0U);
  EXPECT_EQ(json.at("last_sequence").to_number<int>(), 3);
}

TEST_F(StoreCommands, Fault53DamageIsToldByFileAndByteAndRepairedWithACopyKept) {
  flip(178);  // in the first value
  const auto refused = core::Store::open(params_in(data_));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(exit_for(refused.error().code), Exit::data);
  const Ran checked = run({"store", "check", data_});
  EXPECT_EQ(checked.exit, 65);
  EXPECT_NE(checked.out.find("damage: " + log() + " is damaged at byte 152: "), std::string::npos) << checked.out;
  EXPECT_TRUE(checked.out.ends_with(data_ + ": damaged\n"));
  const auto json = boost::json::parse(run({"store", "check", data_, "--output", "json"}).out).as_object();
  EXPECT_FALSE(json.at("ok").as_bool());
  EXPECT_TRUE(json.at("repairable").as_bool());
  EXPECT_EQ(json.at("last_sequence").to_number<int>(), 0);
  const Ran repaired = run({"store", "repair", data_});
  EXPECT_EQ(repaired.exit, 0) << repaired.err;
  EXPECT_NE(repaired.out.find("all changes after sequence number 0 are lost; the kept files still have 2 records in 3 "
                              "groups that are whole, up to 3"),
            std::string::npos)
      << repaired.out;
  EXPECT_NE(repaired.out.find("kept: kept_log_00000001_1\n"), std::string::npos);
  EXPECT_EQ(run({"store", "check", data_}).exit, 0);
  EXPECT_TRUE(std::filesystem::exists(data_ + "/kept_log_00000001_1"));
}

TEST_F(StoreCommands, CheckPromisesNoRepairThatIsRefused) {
  flip(20);  // in the header of the only file
  const Ran checked = run({"store", "check", data_});
  EXPECT_EQ(checked.exit, 65);
  EXPECT_NE(checked.out.find("Nothing before it can be read, so that repair refuses it, too"), std::string::npos)
      << checked.out;
  EXPECT_EQ(checked.out.find("cuts the log there"), std::string::npos) << checked.out;
  const auto json = boost::json::parse(run({"store", "check", data_, "--output", "json"}).out).as_object();
  EXPECT_FALSE(json.at("repairable").as_bool());
  EXPECT_EQ(run({"store", "repair", data_}).exit, 65);
}

TEST_F(StoreCommands, AFileIsNoFolder) {
  for (const char* command : {"check", "repair"}) {
    const Ran ran = run({"store", command, log()});
    EXPECT_EQ(ran.exit, 74) << command << ran.err;
    EXPECT_NE(ran.err.find(log()), std::string::npos) << ran.err;
  }
}

TEST_F(StoreCommands, Fault59AStoreInUseIsLeftAlone) {
  const auto store = core::Store::open(params_in(data_));
  ASSERT_TRUE(store.ok());
  for (const char* command : {"check", "repair"}) {
    const Ran ran = run({"store", command, data_});
    EXPECT_EQ(ran.exit, 69);
    EXPECT_NE(ran.err.find(data_ + " is in use"), std::string::npos) << ran.err;
  }
}

TEST_F(StoreCommands, NoStoreAndANewerFormatAreToldApart) {
  const Ran none = run({"store", "check", (folder_.path() / "nothing").string()});
  EXPECT_EQ(none.exit, 74);
  const Ran empty = run({"store", "repair", folder_.path().string()});
  EXPECT_EQ(empty.exit, 74);
  EXPECT_NE(empty.err.find("there is no store in "), std::string::npos) << empty.err;
  std::ifstream in(log(), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  auto header = core::header_from<core::FileHeader>(std::as_bytes(std::span(bytes)));
  header.version = 2;
  header = core::sealed(header);
  std::memcpy(bytes.data(), &header, sizeof header);
  std::ofstream(log(), std::ios::binary) << bytes;
  const Ran newer = run({"store", "check", data_});
  EXPECT_EQ(newer.exit, 65);
  EXPECT_NE(newer.err.find("has format version 2, this program knows 1"), std::string::npos) << newer.err;
}

}  // namespace
}  // namespace semroute::router::tool
