// Snapshots: as they come, and with every checksum made right; beside the segment that goes on from them.
#include "tests/fuzz/store_files.h"

namespace semroute::fuzz {
namespace {

core::FileHeader right_snapshot(std::string& file) {
  auto header = header_at<core::FileHeader>(file, 0);
  header.magic = core::kSnapshotMagic;
  header.version = core::kStoreVersion;
  header.number = 1;
  header.reserved = header.reserved_too = 0;
  header.metric.back() = 0;
  header.body_bytes = file.size() - sizeof header;
  header.records_crc = right_records(file, sizeof header, file.size(), header.record_count);
  header.key_count = 0;
  for (std::size_t at = sizeof header; file.size() - at >= sizeof(core::RecordHeader);) {
    const auto record = header_at<core::RecordHeader>(file, at);
    if (core::record_bytes(record) > file.size() - at) break;
    header.key_count += record.kind == core::RecordKind::set ? 1 : 0;
    at += static_cast<std::size_t>(core::record_bytes(record));
  }
  header = core::sealed(header);
  put_at(file, 0, header);
  return header;
}

std::string segment_after(const core::FileHeader& snapshot) {
  const auto header =
      core::sealed(core::file_header(core::kLogMagic, core::identity_of(snapshot), 1, 7, snapshot.base_sequence));
  std::string log(sizeof header, '\0');
  put_at(log, 0, header);
  return log;
}

}  // namespace
}  // namespace semroute::fuzz

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace semroute::fuzz;
  std::string file(reinterpret_cast<const char*>(data), size);
  if (size < sizeof(semroute::core::FileHeader)) {
    try_store("snapshot_00000001", file, "");
    return 0;
  }
  std::string righted = file;
  const std::string log = segment_after(right_snapshot(righted));
  try_store("snapshot_00000001", file, log);
  try_store("snapshot_00000001", righted, log);
  return 0;
}
