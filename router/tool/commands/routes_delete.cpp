#include "router/protocol/json_codec.h"
#include "router/tool/ask.h"

namespace semroute::router::tool {
namespace {

class RoutesDelete final : public Command {
 public:
  void declare(Options& options) override {
    options.server(server_);
    options.positional("NAME", name_, "the route");
    options.optional_integer("--if-version", if_version_, 0, UINT32_MAX, "only if it has this version");
  }

  Exit run(const Context& context) override {
    std::string line = R"({"id":1,"op":"routes.delete","name":)";
    append_json_string(name_, line);
    if (if_version_) line += ",\"if_version\":" + std::to_string(*if_version_);
    const auto asked = ask(context, server_, line + "}");
    if (const Exit* said = std::get_if<Exit>(&asked)) return *said;
    context.out << "route \"" << name_ << "\" is deleted\n";
    return Exit::ok;
  }

 private:
  std::string server_{kDefaultServer};
  std::string name_;
  std::optional<std::uint64_t> if_version_;
};

}  // namespace

std::unique_ptr<Command> make_routes_delete() { return std::make_unique<RoutesDelete>(); }

}  // namespace semroute::router::tool
