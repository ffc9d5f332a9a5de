// Log segments: as they come, and with every checksum made right.
#include "tests/fuzz/store_files.h"

namespace semroute::fuzz {
namespace {

void right_log(std::string& log) {
  if (log.size() < sizeof(core::FileHeader)) return;
  auto header = header_at<core::FileHeader>(log, 0);
  header.magic = core::kLogMagic;
  header.version = core::kStoreVersion;
  header.number = 1;
  header.base_sequence = 0;
  header.reserved = header.reserved_too = 0;
  header.metric.back() = 0;
  header = core::sealed(header);
  put_at(log, 0, header);
  std::uint32_t previous = header.crc;
  std::size_t at = sizeof header;
  while (log.size() - at >= sizeof(core::GroupHeader)) {
    auto group = header_at<core::GroupHeader>(log, at);
    const std::size_t left = log.size() - at - sizeof group;
    group.magic = core::kGroupMagic;
    group.reserved = 0;
    group.body_bytes = std::min<std::uint64_t>(group.body_bytes, left) / 8 * 8;
    group.previous_crc = previous;
    std::uint64_t count = 0;
    const std::size_t body = at + sizeof group;
    group.records_crc = right_records(log, body, body + static_cast<std::size_t>(group.body_bytes), count);
    group.record_count = static_cast<std::uint32_t>(count);
    group = core::sealed(group, header.salt);
    put_at(log, at, group);
    previous = group.crc;
    at = body + static_cast<std::size_t>(group.body_bytes);
  }
}

}  // namespace
}  // namespace semroute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string log(reinterpret_cast<const char*>(data), size);
  semroute::fuzz::try_store("log_00000001", log, "");
  semroute::fuzz::right_log(log);
  semroute::fuzz::try_store("log_00000001", log, "");
  return 0;
}
