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
    options.repeated_text("--add", add_, "FILE",
                          "references to add: NPY, or JSONL with texts; of rows with a label those labelled NAME");
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
    if (add_.empty() && remove_.empty() && add_negatives_.empty() && remove_negatives_.empty() && !target_ &&
        !fallbacks_ && !threshold_ && !description_)
      return context.fail(Exit::usage,
                          "there is nothing to change: give --add, --remove, --add-negatives, --remove-negatives, "
                          "--target, --fallback-targets, --score-threshold or --description");
    auto client = ChangeClient::connect(server_);
    if (!client.ok()) return fail(context, client.error());
    ChangeBody body{.values = {}, .dimension = client->index().dimension, .extras = "{"};
    body.extras += "\"name\":";
    append_json_string(name_, body.extras);
    for (const auto& [key, files] : {std::pair{"add", &add_}, std::pair{"add_negatives", &add_negatives_}}) {
      config::ReferenceRows rows;
      for (const std::string& file : *files)
        if (const auto added = add_rows(file, client->index(), rows); !added.ok()) return fail(context, added.error());
      body.append_rows(key, rows);
    }
    for (const auto& [key, rows] : {std::pair{"remove", &remove_}, std::pair{"remove_negatives", &remove_negatives_}})
      if (!append_positions(key, *rows, body.extras))
        return context.fail(Exit::usage, (key == std::string_view("remove") ? "--remove" : "--remove-negatives") +
                                             std::string(": expected numbers of rows separated by commas"));
    if (!append_set(body.extras)) return context.fail(Exit::usage, "--score-threshold: expected a number");
    if (if_version_) body.extras += ",\"if_version\":" + std::to_string(*if_version_);
    body.extras += '}';
    if (const auto done = change(context, *client, Op::routes_patch, body); !done.ok())
      return fail(context, done.error());
    if (!context.json) context.out << "route \"" << name_ << "\" is changed\n";
    return Exit::ok;
  }

 private:
  // Where rows have labels, those of the route alone, as a configuration takes them.
  [[nodiscard]] core::Result<void> add_rows(const std::string& file, const config::IndexConfig& index,
                                            config::ReferenceRows& rows) const {
    if (auto there = check_file(file); !there.ok()) return there;
    const auto read = config::read_vectors(file, index.dimension, index.metric);
    if (!read.ok()) return read.error();
    rows.texts.resize(rows.values.size() / index.dimension);
    const std::size_t before = rows.texts.size();
    for (std::size_t row = 0; row < read->count; ++row) {
      const bool has_label = row < read->labels.size() && !read->labels[row].empty();
      if (has_label && read->labels[row] != name_) continue;
      const auto vector = read->values.begin() + static_cast<std::ptrdiff_t>(row * index.dimension);
      rows.values.insert(rows.values.end(), vector, vector + static_cast<std::ptrdiff_t>(index.dimension));
      rows.texts.push_back(row < read->texts.size() ? read->texts[row] : "");
    }
    if (rows.texts.size() > before) return {};
    return core::Error{core::ErrorCode::bad_request, file + ": no row has the label \"" + name_ + "\", or none"};
  }

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
      if (!number.ok() || (!number->is_null() && !number->number())) return false;
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
