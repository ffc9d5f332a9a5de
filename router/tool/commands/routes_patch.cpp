#include <algorithm>
#include <charconv>

#include "config/scalar.h"
#include "config/vector_file.h"
#include "router/protocol/json_codec.h"
#include "router/tool/change_client.h"

namespace semroute::router::tool {
namespace {

class RoutesPatch final : public Command {
 public:
  void declare(Options& options) override {
    options.server(server_);
    options.positional("NAME", name_, "the route");
    options.repeated_text("--add", add_, "FILE", "references to add: NPY, or JSONL with texts");
    options.text_list("--remove", remove_, "ROW,...", "references to remove, numbered as `routes get` shows them");
    options.repeated_text("--add-negatives", add_negatives_, "FILE", "negatives to add");
    options.text_list("--remove-negatives", remove_negatives_, "ROW,...", "negatives to remove");
    options.text("--target", target_, "NAME", "the target; \"\" for none");
    options.text("--fallback-targets", fallbacks_, "NAME,...",
                 "asked in this order when the target takes nothing; \"\" for none");
    options.text("--score-threshold", threshold_, "NUMBER", "the least score; \"\" for that of the configuration");
    options.text("--description", description_, "TEXT", "for people");
    options.optional_integer("--if-version", if_version_, 0, UINT32_MAX, "only if it has this version");
  }

  Exit run(const Context& context) override {
    auto client = ChangeClient::connect(server_);
    if (!client.ok()) return context.fail(client.error());
    ChangeBody body{.values = {}, .dimension = client->index().dimension, .extras = "{"};
    body.extras += "\"name\":";
    append_json_string(name_, body.extras);
    for (const auto& [key, files] : {std::pair{"add", &add_}, std::pair{"add_negatives", &add_negatives_}}) {
      config::ReferenceRows rows;
      for (const std::string& file : *files) {
        const auto read = config::read_vectors(file, client->index().dimension, client->index().metric);
        if (!read.ok()) return context.fail(Exit::data, read.error().message);
        rows.texts.resize(rows.values.size() / client->index().dimension);
        rows.values.insert(rows.values.end(), read->values.begin(), read->values.end());
        rows.texts.insert(rows.texts.end(), read->texts.begin(), read->texts.end());
      }
      body.append_rows(key, rows);
    }
    for (const auto& [key, rows] : {std::pair{"remove", &remove_}, std::pair{"remove_negatives", &remove_negatives_}})
      if (!append_positions(key, *rows, body.extras))
        return context.fail(Exit::usage, "--remove: expected numbers of rows separated by commas");
    if (!append_set(body.extras)) return context.fail(Exit::usage, "--score-threshold: expected a number");
    if (if_version_) body.extras += ",\"if_version\":" + std::to_string(*if_version_);
    body.extras += '}';
    if (const auto failed = change(context, *client, Op::routes_patch, body)) return *failed;
    if (!context.json) context.out << "route \"" << name_ << "\" is changed\n";
    return Exit::ok;
  }

 private:
  static bool append_positions(const char* key, const std::vector<std::string>& rows, std::string& out) {
    if (rows.empty()) return true;
    out += std::string(",\"") + key + "\":[";
    for (const std::string& row : rows) {
      std::uint64_t number = 0;
      const auto [end, status] = std::from_chars(row.data(), row.data() + row.size(), number);
      if (status != std::errc{} || end != row.data() + row.size()) return false;
      if (out.back() != '[') out += ',';
      out += std::to_string(number);
    }
    out += ']';
    return true;
  }

  [[nodiscard]] bool append_set(std::string& out) const {
    if (!target_ && !fallbacks_ && !threshold_ && !description_) return true;
    out += ",\"set\":{";
    const auto begin = [&out](const char* key) {
      if (out.back() != '{') out += ',';
      out += std::string("\"") + key + "\":";
    };
    if (target_) {
      begin("target");
      if (target_->empty())
        out += "null";
      else
        append_json_string(*target_, out);
    }
    if (fallbacks_) {
      begin("fallback_targets");
      out += '[';
      for (std::size_t at = 0; at < fallbacks_->size();) {
        const std::size_t end = std::min(fallbacks_->find(',', at), fallbacks_->size());
        if (at > 0) out += ',';
        append_json_string(fallbacks_->substr(at, end - at), out);
        at = end + 1;
      }
      out += ']';
    }
    if (threshold_) {
      begin("score_threshold");
      const auto number = config::parse_plain_scalar(*threshold_);
      if (!number.ok() || (!number->is_null() && number->integer() == nullptr && number->real() == nullptr))
        return false;
      append_json_value(*number, out);
    }
    if (description_) {
      begin("description");
      append_json_string(*description_, out);
    }
    out += '}';
    return true;
  }

  std::string server_{kDefaultServer};
  std::string name_;
  std::vector<std::string> add_;
  std::vector<std::string> remove_;
  std::vector<std::string> add_negatives_;
  std::vector<std::string> remove_negatives_;
  std::optional<std::string> target_;
  std::optional<std::string> fallbacks_;
  std::optional<std::string> threshold_;
  std::optional<std::string> description_;
  std::optional<std::uint64_t> if_version_;
};

}  // namespace

std::unique_ptr<Command> make_routes_patch() { return std::make_unique<RoutesPatch>(); }

}  // namespace semroute::router::tool
