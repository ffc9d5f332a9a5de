#include "tests/integration/route_model.h"

#include <algorithm>
#include <stdexcept>

#include <boost/json.hpp>

#include "tests/support/raw_client.h"

namespace semroute::test {
namespace {

namespace json = boost::json;

constexpr std::size_t kNames = 14;
constexpr std::size_t kDimension = 4;
constexpr std::size_t kMostRows = 6;

// Eighths, so that text and float are the same number; not all of them 0.
ModelRow random_row(std::mt19937& random) {
  ModelRow row;
  for (std::size_t i = 0; i < kDimension; ++i)
    row.values.push_back(static_cast<float>(1 + random() % 4'000) / (random() % 2 == 0 ? 8.0F : -8.0F));
  if (random() % 3 == 0) row.text = "text " + std::string(random() % 40, 'x') + std::to_string(random() % 1'000);
  return row;
}

std::vector<ModelRow> random_rows(std::size_t count, std::mt19937& random) {
  std::vector<ModelRow> rows(count);
  std::ranges::generate(rows, [&] { return random_row(random); });
  return rows;
}

json::array json_rows(const std::vector<ModelRow>& rows) {
  json::array all;
  for (const ModelRow& row : rows) {
    json::array values;
    for (const float value : row.values) values.emplace_back(static_cast<double>(value));
    if (row.text.empty()) {
      all.emplace_back(std::move(values));
    } else {
      all.emplace_back(json::object{{"embedding", std::move(values)}, {"text", row.text}});
    }
  }
  return all;
}

json::value random_metadata(std::uint64_t number, std::mt19937& random) {
  json::object metadata{{"number", number}};
  if (random() % 2 == 0) metadata["tier"] = "gold " + std::to_string(random() % 100);
  if (random() % 4 == 0) metadata["open"] = random() % 2 == 0;
  return metadata;
}

// Fields of a put, patch or delete, applied to `model`.
class Changer {
 public:
  Changer(RouteModel& model, const std::string& prefix, std::uint64_t number, std::mt19937& random)
      : model_(model), prefix_(prefix), number_(number), random_(random) {}

  // {kind, fields}
  std::pair<std::string, json::object> change() {
    const std::string name = prefix_ + std::to_string(random_() % kNames);
    const auto found = model_.find(name);
    const auto dice = random_() % 10;
    if (found == model_.end() || dice < 4) return {"put", put(name, found == model_.end())};
    if (dice < 8) return {"patch", patch(found->second, name)};
    model_.erase(found);
    return {"delete", json::object{{"name", name}}};
  }

 private:
  json::object put(const std::string& name, bool is_new) {
    ModelRoute route;
    route.change = number_;
    const json::value metadata = random_metadata(number_, random_);
    route.metadata = json::serialize(metadata);
    route.references = random_rows(1 + random_() % 4, random_);
    route.negatives = random_rows(random_() % 3 == 0 ? 1 + random_() % 2 : 0, random_);
    json::object fields{{"name", name},
                        {"description", std::to_string(number_)},
                        {"metadata", metadata},
                        {"references", json_rows(route.references)}};
    if (!route.negatives.empty()) fields["negatives"] = json_rows(route.negatives);
    if (random_() % 2 == 0) fields["target"] = route.target = "canned";
    if (random_() % 2 == 0)
      fields["score_threshold"] = *(route.score_threshold = static_cast<double>(random_() % 8) / 8);
    model_[name] = std::move(route);
    json::object put{{"route", std::move(fields)}};
    if (is_new && random_() % 2 == 0) put["if_version"] = 0;
    return put;
  }

  json::object patch(ModelRoute& route, const std::string& name) {
    const json::value metadata = random_metadata(number_, random_);
    json::object set{{"description", std::to_string(number_)}, {"metadata", metadata}};
    route.change = number_;
    route.metadata = json::serialize(metadata);
    json::object patch{{"name", name}};
    if (random_() % 3 == 0) {
      set["score_threshold"] = nullptr;
      route.score_threshold.reset();
    }
    patch["set"] = std::move(set);
    if (route.references.size() > 1 && random_() % 2 == 0) {
      const std::size_t row = random_() % route.references.size();
      patch["remove"] = json::array{row};
      route.references.erase(route.references.begin() + static_cast<std::ptrdiff_t>(row));
    }
    if (!route.negatives.empty() && random_() % 2 == 0) {
      patch["remove_negatives"] = json::array{0};
      route.negatives.erase(route.negatives.begin());
    }
    if (route.references.size() < kMostRows) {
      const std::vector<ModelRow> rows = random_rows(1 + random_() % 2, random_);
      patch["add"] = json_rows(rows);
      route.references.insert(route.references.end(), rows.begin(), rows.end());
    }
    return patch;
  }

  RouteModel& model_;
  const std::string& prefix_;
  const std::uint64_t number_;
  std::mt19937& random_;
};

std::vector<ModelRow> rows_of(const json::value& rows) {
  std::vector<ModelRow> all;
  for (const json::value& one : rows.as_array()) {
    ModelRow& row = all.emplace_back();
    for (const json::value& value : one.at("embedding").as_array())
      row.values.push_back(static_cast<float>(value.to_number<double>()));
    if (one.as_object().contains("text")) row.text = json::value_to<std::string>(one.at("text"));
  }
  return all;
}

ModelRoute route_of(const json::object& route) {
  ModelRoute read;
  read.change = std::stoull(json::value_to<std::string>(route.at("description")));
  read.metadata = json::serialize(route.at("metadata"));
  if (route.contains("target")) read.target = json::value_to<std::string>(route.at("target"));
  if (route.contains("score_threshold")) read.score_threshold = route.at("score_threshold").to_number<double>();
  read.references = rows_of(route.at("references"));
  read.negatives = rows_of(route.at("negatives"));
  return read;
}

json::object reply_in(RawClient& client) {
  const auto line = client.read_line();
  if (!line) throw std::runtime_error("no reply");
  json::object reply = json::parse(*line).as_object();
  if (!reply.at("ok").as_bool()) throw std::runtime_error(*line);
  return reply;
}

}  // namespace

ModelRequest random_request(const RouteModel& model, const std::string& prefix, std::uint64_t number,
                            std::mt19937& random) {
  ModelRequest request{.number = number, .line = {}, .refused_with = {}, .after = model};
  Changer changer(request.after, prefix, number, random);
  const auto dice = random() % 20;
  json::object fields;
  if (dice < 13) {
    auto [kind, one] = changer.change();
    fields = std::move(one);
    fields["op"] = "routes." + kind;
  } else {
    json::array changes;
    const std::size_t count = 2 + random() % 4;
    for (std::size_t i = 0; i < count; ++i) {
      auto [kind, one] = changer.change();
      changes.emplace_back(json::object{{kind, std::move(one)}});
    }
    if (dice >= 18) {  // refused at its end: nothing of it is there
      request.refused_with = "not_found";
      request.after = model;
      changes.emplace_back(json::object{{"delete", json::object{{"name", prefix + "nobody"}}}});
    }
    fields["op"] = "routes.batch";
    fields["changes"] = std::move(changes);
  }
  fields["id"] = number;
  request.line = json::serialize(fields) + "\n";
  return request;
}

ServedTable read_table(std::uint16_t port) {
  RawClient client(port);
  client.send("{\"op\":\"routes.list\"}\n");
  const json::object list = reply_in(client);
  ServedTable table;
  table.revision = list.at("revision").to_number<std::uint64_t>();
  std::vector<std::string> names;
  std::string asked;
  for (const json::value& one : list.at("routes").as_array()) {
    if (one.at("source").as_string() == "file") {
      ++table.file_routes;
      continue;
    }
    if (one.at("state").as_string() != "active") throw std::runtime_error(json::serialize(one));
    names.push_back(json::value_to<std::string>(one.at("name")));
    table.versions[names.back()] = one.at("version").to_number<std::uint64_t>();
    asked += json::serialize(
        json::object{{"op", "routes.get"}, {"id", names.back()}, {"name", names.back()}, {"vectors", true}});
    asked += '\n';
  }
  client.send(asked);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const json::object reply = reply_in(client);
    const json::object& route = reply.at("route").as_object();
    table.routes[json::value_to<std::string>(reply.at("id"))] = route_of(route);
  }
  return table;
}

}  // namespace semroute::test
