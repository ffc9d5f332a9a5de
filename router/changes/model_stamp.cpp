#include "router/changes/model_stamp.h"

#include <span>

namespace semroute::router {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::size_t kMostBytes = 4'096;

// Nothing when there is no such file.
Result<std::optional<std::string>> read_stamp(const core::Folder& folder) {
  const auto file = folder.open(kModelFileName, core::OpenMode::read);
  if (!file.ok() && file.error().code == ErrorCode::not_found) return std::optional<std::string>();
  if (!file.ok()) return file.error();
  std::string name(kMostBytes, '\0');
  const auto got = file->read_at(0, std::as_writable_bytes(std::span(name)));
  if (!got.ok()) return got.error();
  name.resize(*got);
  return std::optional(std::move(name));
}

Result<void> write_stamp(const core::Folder& folder, const std::string& model) {
  const std::string unfinished = std::string(kModelFileName) + ".new";
  auto file = folder.open(unfinished, core::OpenMode::create);
  if (!file.ok()) return file.error();
  if (auto written = file->write_at(0, std::as_bytes(std::span(model))); !written.ok()) return written;
  if (auto synced = file->sync(); !synced.ok()) return synced;
  if (auto renamed = folder.rename(unfinished, kModelFileName); !renamed.ok()) return renamed;
  return folder.sync();
}

}  // namespace

Result<void> check_model(const core::Folder& folder, const std::optional<std::string>& model, bool read_only) {
  const auto stamp = read_stamp(folder);
  if (!stamp.ok()) return stamp.error();
  if (!model) return {};
  if (!*stamp) return read_only ? Result<void>() : write_stamp(folder, *model);
  if (**stamp == *model) return {};
  return Error{ErrorCode::model_mismatch, folder.path() + " holds vectors of the model \"" + **stamp +
                                              "\", index.model is \"" + *model +
                                              "\": use another data_dir, or remove " + folder.path_of(kModelFileName) +
                                              " if they are of the same model by another name"};
}

}  // namespace semroute::router
