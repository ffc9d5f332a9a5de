#include "router/tool/route_files.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "config/destination_reader.h"
#include "config/json_text.h"
#include "router/tool/json_text.h"

namespace semroute::router::tool {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr std::size_t kShownNameBytes = 40;
constexpr std::size_t kLongestPlainKey = 1'000;  // YAML has no longer ones before a ':' (1,024) without a '?'

Result<void> write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file) return {};
  return Error{ErrorCode::bad_request, path + ": cannot be written: " + std::strerror(errno)};
}

// NPY version 1, `<f4`, [rows, dimension]; config/npy.h reads it.
std::string npy_of(const std::vector<float>& values, std::size_t dimension) {
  static_assert(std::endian::native == std::endian::little);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(values.size() / dimension) + ", " + std::to_string(dimension) + "), }";
  constexpr std::size_t kPrefixBytes = 10;
  while ((kPrefixBytes + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xFFU);
  bytes += static_cast<char>(header.size() >> 8U);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return bytes;
}

// In double quotes, where YAML and JSON agree; nothing of it is taken for an environment variable.
std::string quoted(std::string_view text) {
  std::string json;
  config::append_json_string(text, json);
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '$' && i + 1 < json.size() && json[i + 1] == '{') out += '$';
    out += json[i];
  }
  return out;
}

std::string scalar(const config::Value& value) {
  if (value.string() != nullptr) return quoted(*value.string());
  std::string text;
  config::append_json_value(value, text);
  return text;
}

// In flow style.
std::string flow(const config::Value& value) {
  std::string text;
  if (value.list() != nullptr) {
    for (const config::Value& element : *value.list()) text += (text.empty() ? "" : ", ") + flow(element);
    return '[' + text + ']';
  }
  if (value.map() == nullptr) return scalar(value);
  for (const config::Member& member : *value.map())
    text += (text.empty() ? "" : ", ") + member.key + ": " + flow(member.value);
  return '{' + text + '}';
}

// A line each for the target, the fallback targets and the mirror, those that are there.
Result<std::string> destination_lines(const config::Destination& destination) {
  std::string members;
  config::append_members(destination, members);
  if (members.empty()) return members;
  const auto object = parse_json('{' + members.substr(1) + '}');
  if (!object.ok()) return object.error();
  std::string lines;
  for (const config::Member& member : *object->map()) lines += member.key + ": " + flow(member.value) + "\n";
  return lines;
}

std::string file_name(std::size_t number, const std::string& name) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%05zu", number);
  std::string safe;
  for (const char c : name) {
    if (safe.size() == kShownNameBytes) break;
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    safe += is_plain ? c : '-';
  }
  return std::string(digits) + '-' + safe;
}

// The lines of `references` or `negatives`, once their files are written.
Result<std::string> write_rows(const std::string& folder, const std::string& base, const char* side,
                               std::size_t dimension, const config::ReferenceRows& rows) {
  if (rows.values.empty()) return std::string();
  const std::string vectors = base + '.' + side + ".npy";
  if (auto done = write_file(folder + '/' + vectors, npy_of(rows.values, dimension)); !done.ok()) return done.error();
  std::string line = std::string(side) + ": {vectors: " + quoted(vectors);
  const auto is_there = [](const std::string& text) { return !text.empty(); };
  if (std::ranges::any_of(rows.texts, is_there)) {
    const std::string labels = base + '.' + side + ".jsonl";
    std::string lines;
    for (const std::string& text : rows.texts) {
      lines += R"({"label":"route")";  // a name may have blanks around it, which no label may
      if (is_there(text)) {
        lines += R"(,"text":)";
        config::append_json_string(text, lines);
      }
      lines += "}\n";
    }
    if (auto done = write_file(folder + '/' + labels, lines); !done.ok()) return done.error();
    line += ", labels: " + quoted(labels) + ", label: route";
  }
  return line + "}\n";
}

Error no_route(const std::string& what) { return {ErrorCode::internal, "the reply is no route: " + what}; }

}  // namespace

Result<config::RouteConfig> route_of_reply(const config::Value& route) {
  config::RouteConfig made;
  const auto name = text_of(route, "name");
  if (!name) return no_route("it has no name");
  made.name = *name;
  made.description = text_of(route, "description").value_or("");
  config::Diagnostics problems("");
  config::MapReader reader(route, "route", problems);
  // Whether they go together is for who puts it somewhere.
  config::DestinationReader destination(problems, nullptr, nullptr);
  made.destination = {destination.targets(reader), destination.fallbacks(reader), destination.mirror(reader)};
  if (problems.has_errors()) return no_route(problems.all().front().key_path + ": " + problems.all().front().message);
  made.score_threshold = number_of(route, "score_threshold");
  const config::Value* metadata = route.find("metadata");
  if (metadata != nullptr && metadata->map() != nullptr && !metadata->map()->empty()) made.metadata = *metadata;
  return made;
}

Result<void> append_rows(const config::Value* rows, std::size_t dimension, config::ReferenceRows& out) {
  if (rows == nullptr || rows->list() == nullptr) return no_route("a list of rows is missing");
  for (const config::Value& row : *rows->list()) {
    const config::Value* embedding = row.find("embedding");
    if (embedding == nullptr || embedding->list() == nullptr || embedding->list()->size() != dimension)
      return no_route("a row has no embedding of " + std::to_string(dimension) + " numbers");
    for (const config::Value& number : *embedding->list()) {
      const auto value = number.number();
      if (!value) return no_route("an embedding has something else than numbers");
      out.values.push_back(static_cast<float>(*value));
    }
    out.texts.push_back(text_of(row, "text").value_or(""));
  }
  return {};
}

Result<void> write_route(const std::string& folder, std::size_t number, std::size_t dimension,
                         const config::RouteConfig& route) {
  const std::string base = file_name(number, route.name);
  std::string yaml = "name: " + quoted(route.name) + "\n";
  if (!route.description.empty()) yaml += "description: " + quoted(route.description) + "\n";
  const auto destination = destination_lines(route.destination);
  if (!destination.ok()) return destination.error();
  yaml += *destination;
  if (route.score_threshold) {
    yaml += "score_threshold: ";
    config::append_json_number(*route.score_threshold, yaml);
    yaml += '\n';
  }
  if (route.metadata.map() != nullptr && !route.metadata.map()->empty()) {
    yaml += "metadata:\n";
    for (const config::Member& member : *route.metadata.map()) {
      std::string key;
      config::append_json_string(member.key, key);  // the environment is asked for values only
      yaml += key.size() > kLongestPlainKey ? "  ? " + key + "\n  : " : "  " + key + ": ";
      yaml += scalar(member.value) + "\n";
    }
  }
  const auto references = write_rows(folder, base, "references", dimension, route.references);
  if (!references.ok()) return references.error();
  const auto negatives = write_rows(folder, base, "negatives", dimension, route.negatives);
  if (!negatives.ok()) return negatives.error();
  // Last, so that a YAML file always names files that are there.
  return write_file(folder + '/' + base + ".yaml", yaml + *references + *negatives);
}

}  // namespace semroute::router::tool
