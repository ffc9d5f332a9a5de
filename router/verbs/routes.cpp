#include <algorithm>
#include <functional>
#include <span>

#include "router/verbs/verb.h"

namespace semroute::router {

namespace {

constexpr std::size_t kRowsOfPage = 100;  // unless the request says how many

void append_summary(const Route& route, std::size_t references, std::size_t negatives, const std::string* parked,
                    std::string& out) {
  out += R"("name":)";
  append_json_string(route.name, out);
  out += R"(,"version":)" + std::to_string(route.version) + R"(,"source":")" +
         (route.source == RouteSource::file ? "file" : "run_time");
  if (parked == nullptr) {
    out += R"(","state":"active")";
  } else {
    out += R"(","state":"parked","reason":)";
    append_json_string(*parked, out);
  }
  out += R"(,"reference_count":)" + std::to_string(references) + R"(,"negative_count":)" + std::to_string(negatives);
  config::append_members(route.destination, out);
  if (route.score_threshold) {
    out += R"(,"score_threshold":)";
    append_json_number(*route.score_threshold, out);
  }
}

void append_active(const Route& route, std::string& out) {
  append_summary(route, route.references.count(), route.negatives.count(), nullptr, out);
}

void append_parked(const ParkedRoute& parked, std::string& out) {
  append_summary(*parked.route, parked.reference_count, parked.negative_count, &parked.reason, out);
}

// One side of a route, wherever its rows are. read(row, vector): the vector as it is stored; false when there is none.
struct Rows {
  std::size_t count = 0;
  const std::vector<std::string>& texts;
  std::size_t dimension = 0;
  std::function<bool(std::size_t row, std::span<float> vector)> read;
};

Rows rows_in(const core::Index& index, const IdRanges& ids, const std::vector<std::string>& texts) {
  return {ids.count(), texts, index.params().dimension,
          [&index, &ids](std::size_t row, std::span<float> vector) { return index.read(ids.id(row), vector); }};
}

Rows rows_beside(const std::vector<float>& rows, std::size_t count, const std::vector<std::string>& texts,
                 std::size_t dimension) {
  return {count, texts, dimension, [&rows](std::size_t row, std::span<float> vector) {
            if (rows.empty()) return false;
            std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(row * vector.size()), vector.size(), vector.begin());
            return true;
          }};
}

// Rows [offset, offset + limit). Vectors as they are stored: unit length under cosine.
void append_rows(const Rows& rows, const Request& request, std::size_t most_bytes, std::string& out) {
  std::vector<float> vector(request.vectors ? rows.dimension : 0);
  out += '[';
  const std::size_t begin = std::min(request.offset, rows.count);
  const std::size_t limit = request.limit == 0 ? kRowsOfPage : request.limit;
  const std::size_t end = begin + std::min(limit, rows.count - begin);
  // A page that has grown over the bound of replies is refused by the session: no use in making more of it.
  for (std::size_t row = begin; row < end && out.size() <= most_bytes; ++row) {
    if (row > begin) out += ',';
    out += R"({"row":)" + std::to_string(row);
    if (row < rows.texts.size() && !rows.texts[row].empty()) {
      out += R"(,"text":)";
      append_json_string(rows.texts[row], out);
    }
    if (request.vectors && rows.read(row, vector)) {
      out += R"(,"embedding":[)";
      for (std::size_t i = 0; i < vector.size(); ++i) {
        if (i > 0) out += ',';
        append_json_number(vector[i], out);
      }
      out += ']';
    }
    out += '}';
  }
  out += ']';
}

void append_details(const Route& route, const Rows& references, const Rows& negatives, const Request& request,
                    std::size_t most_bytes, std::string& out) {
  out += R"(,"description":)";
  append_json_string(route.description, out);
  out += R"(,"metadata":)";
  if (route.metadata.is_null()) {
    out += "{}";
  } else {
    append_json_value(route.metadata, out);
  }
  out += R"(,"references":)";
  append_rows(references, request, most_bytes, out);
  out += R"(,"negatives":)";
  append_rows(negatives, request, most_bytes, out);
}

}  // namespace

// By name; of one that is both, the active one first. [offset, offset + limit) of them.
void handle_routes_list(Exchange& exchange) {
  const ServiceState& state = *exchange.state;
  const RouteList routes = state.routing->table.routes();
  const auto& parked = state.routing->parked;
  const std::size_t total = routes.size() + parked.size();
  const std::size_t begin = std::min(exchange.request.offset, total);
  const std::size_t end = exchange.request.limit == 0 ? total : begin + std::min(exchange.request.limit, total - begin);
  std::string members =
      R"("revision":)" + std::to_string(state.revision) + R"(,"total":)" + std::to_string(total) + R"(,"routes":[)";
  auto next = parked.begin();
  for (std::size_t i = 0, place = 0; place < end; ++place) {
    const bool is_active = next == parked.end() || (i < routes.size() && routes[i].name <= (*next)->route->name);
    const std::size_t row = is_active ? i++ : 0;
    const auto one = is_active ? next : next++;
    if (place < begin) continue;
    if (place > begin) members += ',';
    members += '{';
    if (is_active) {
      append_active(routes[row], members);
    } else {
      append_parked(**one, members);
    }
    members += '}';
  }
  members += ']';
  exchange.session.reply_members(exchange.request.op, exchange.request.id,
                                 exchange.context.request_id(exchange.request), members);
}

void handle_routes_get(Exchange& exchange) {
  const RoutingState& routing = *exchange.state->routing;
  const Request& request = exchange.request;
  const std::size_t most_bytes = exchange.state->config.limits.max_output_buffer;
  std::string members = R"("revision":)" + std::to_string(exchange.state->revision) + R"(,"route":{)";
  if (const auto position = routing.table.find(request.route_name)) {
    const Route& route = routing.table.routes()[*position];
    append_active(route, members);
    append_details(route, rows_in(*routing.index, route.references, route.reference_texts),
                   rows_in(*routing.negatives, route.negatives, route.negative_texts), request, most_bytes, members);
  } else if (const ParkedRoute* parked = routing.find_parked(request.route_name)) {
    const std::size_t dimension = routing.index->params().dimension;
    append_parked(*parked, members);
    append_details(*parked->route,
                   rows_beside(parked->references, parked->reference_count, parked->route->reference_texts, dimension),
                   rows_beside(parked->negatives, parked->negative_count, parked->route->negative_texts, dimension),
                   request, most_bytes, members);
  } else {
    return reply_error(exchange,
                       {core::ErrorCode::not_found, "there is no route \"" + shown(request.route_name) + "\""});
  }
  members += '}';
  exchange.session.reply_members(request.op, request.id, exchange.context.request_id(request), members);
}

}  // namespace semroute::router
