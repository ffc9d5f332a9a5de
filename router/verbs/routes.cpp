#include <algorithm>

#include "core/base/check.h"
#include "router/verbs/verb.h"

namespace semroute::router {

namespace {

void append_summary(const ServiceState& state, std::size_t position, std::string& out) {
  const Route& route = state.routing->table.routes()[position];
  out += R"("name":)";
  append_json_string(route.name, out);
  out += R"(,"version":)" + std::to_string(route.version) + R"(,"source":"file","state":"active","reference_count":)" +
         std::to_string(route.references.count()) + R"(,"negative_count":)" + std::to_string(route.negatives.count());
  if (route.target) {
    out += R"(,"target":)";
    append_json_string(*route.target, out);
  }
  if (route.score_threshold) {
    out += R"(,"score_threshold":)";
    append_json_number(*route.score_threshold, out);
  }
}

// Rows [offset, offset + limit) of one range. Vectors as they are stored: unit length under cosine.
void append_rows(const IdRanges& ids, const std::vector<std::string>& texts, const core::Index& index,
                 const Request& request, std::size_t most_bytes, std::string& out) {
  std::vector<float> vector(request.vectors ? index.params().dimension : 0);
  out += '[';
  const std::size_t begin = std::min(request.offset, ids.count());
  const std::size_t end = begin + std::min(request.limit, ids.count() - begin);
  // A page that has grown over the bound of replies is refused by the session: no use in making more of it.
  for (std::size_t row = begin; row < end && out.size() <= most_bytes; ++row) {
    if (row > begin) out += ',';
    out += R"({"row":)" + std::to_string(row);
    if (row < texts.size() && !texts[row].empty()) {
      out += R"(,"text":)";
      append_json_string(texts[row], out);
    }
    if (request.vectors) {
      out += R"(,"embedding":[)";
      SEMROUTE_CHECK(index.read(ids.id(row), vector));
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

}  // namespace

void handle_routes_list(Exchange& exchange) {
  const ServiceState& state = *exchange.state;
  std::string members = R"("revision":)" + std::to_string(state.revision) + R"(,"routes":[)";
  for (std::size_t i = 0; i < state.routing->table.routes().size(); ++i) {
    members += i == 0 ? "{" : ",{";
    append_summary(state, i, members);
    members += '}';
  }
  members += ']';
  exchange.session.reply_members(exchange.request.op, exchange.request.id,
                                 exchange.context.request_id(exchange.request), members);
}

void handle_routes_get(Exchange& exchange) {
  const ServiceState& state = *exchange.state;
  const Request& request = exchange.request;
  const auto position = state.routing->table.find(request.route_name);
  if (!position) {
    return reply_error(exchange,
                       {core::ErrorCode::not_found, "there is no route \"" + shown(request.route_name) + "\""});
  }
  const Route& route = state.routing->table.routes()[*position];
  std::string members = R"("route":{)";
  append_summary(state, *position, members);
  members += R"(,"description":)";
  append_json_string(route.description, members);
  members += R"(,"metadata":)";
  if (route.metadata.is_null()) {
    members += "{}";
  } else {
    append_json_value(route.metadata, members);
  }
  const std::size_t most_bytes = state.config.limits.max_output_buffer;
  members += R"(,"references":)";
  append_rows(route.references, route.reference_texts, *state.routing->index, request, most_bytes, members);
  members += R"(,"negatives":)";
  append_rows(route.negatives, route.negative_texts, *state.routing->negatives, request, most_bytes, members);
  members += '}';
  exchange.session.reply_members(request.op, request.id, exchange.context.request_id(request), members);
}

}  // namespace semroute::router
