#include "router/tool/ask.h"
#include "router/tool/json_text.h"
#include "router/tool/value_text.h"

namespace semroute::router::tool {
namespace {

class Ping final : public Command {
 public:
  void declare(Options& options) override { options.server(server_); }

  Exit run(const Context& context) override {
    const auto asked = ask(context, server_, R"({"id":1,"op":"ping"})");
    if (const Exit* said = std::get_if<Exit>(&asked)) return *said;
    const config::Value& reply = std::get<Answer>(asked).value;
    context.out << server_ << ": semrouted " << text_of(reply, "version").value_or("?") << ", ";
    if (const auto model = text_of(reply, "model")) context.out << "model " << *model << ", ";
    context.out << "dimension " << value_text(reply.find("dimension")) << ", metric "
                << text_of(reply, "metric").value_or("?") << ", revision " << value_text(reply.find("revision"))
                << "\n";
    return Exit::ok;
  }

 private:
  std::string server_{kDefaultServer};
};

}  // namespace

std::unique_ptr<Command> make_ping() { return std::make_unique<Ping>(); }

}  // namespace semroute::router::tool
