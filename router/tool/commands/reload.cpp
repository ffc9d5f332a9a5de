#include "router/tool/ask.h"
#include "router/tool/json_text.h"
#include "router/tool/value_text.h"

namespace semroute::router::tool {
namespace {

class Reload final : public Command {
 public:
  void declare(Options& options) override { options.server(server_); }

  Exit run(const Context& context) override {
    const auto asked = ask(context, server_, R"({"id":1,"op":"reload"})");
    if (const Exit* said = std::get_if<Exit>(&asked)) {
      // A refused reload is a wrong configuration; the daemon keeps the old one.
      return *said == Exit::data ? Exit::config : *said;
    }
    context.out << server_ << ": reloaded, revision " << value_text(std::get<Answer>(asked).value.find("revision"))
                << "\n";
    return Exit::ok;
  }

 private:
  std::string server_{kDefaultServer};
};

}  // namespace

std::unique_ptr<Command> make_reload() { return std::make_unique<Reload>(); }

}  // namespace semroute::router::tool
