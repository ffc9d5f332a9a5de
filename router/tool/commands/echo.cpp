#include <csignal>

#include "router/protocol/json_codec.h"
#include "router/tool/command.h"
#include "router/tool/echo_server.h"

namespace semroute::router::tool {
namespace {

class Echo final : public Command {
 public:
  void declare(Options& options) override {
    options.required_text("--listen", listen_, "HOST:PORT", "where to listen; port 0 takes a free one, which is told");
    options.integer("--status", status_, 200, 599, "the status of every reply");
    options.text("--delay", delay_, "DURATION", "how long every reply is held back, such as 250ms");
  }

  Exit run(const Context& context) override {
    const auto endpoint = parse_endpoint(listen_);
    if (!endpoint) return context.fail(Exit::usage, "--listen: " + endpoint.error().message);
    EchoRules rules{static_cast<unsigned>(status_), std::chrono::milliseconds{0}};
    if (delay_) {
      const auto delay = parse_duration(*delay_);
      if (!delay) return context.fail(Exit::usage, "--delay: " + delay.error().message);
      rules.delay = *delay;
    }
    auto server = EchoServer::listen(*endpoint, rules, [&context](const EchoedRequest& request) {
      context.out << (context.json ? echo_json(request) : line_of(request)) << std::endl;
    });
    if (!server) return context.fail(server.error());
    const std::string address = to_string((*server)->address());
    if (context.json) {
      context.out << R"({"listening":")" << address << "\"}" << std::endl;
    } else {
      context.out << "listening on " << address << std::endl;
    }
    (*server)->run({SIGINT, SIGTERM});
    return Exit::ok;
  }

 private:
  // Quoted where it came from outside, so that a request cannot write lines of its own.
  static std::string line_of(const EchoedRequest& request) {
    std::string line = request.method + " ";
    append_json_string(request.path, line);
    line += " " + std::to_string(request.body.size()) + " bytes";
    for (const auto& [name, value] : request.headers) {
      line += " " + name + "=";
      append_json_string(value, line);
    }
    return line;
  }

  std::string listen_;
  std::uint64_t status_ = 200;
  std::optional<std::string> delay_;
};

}  // namespace

std::unique_ptr<Command> make_echo() { return std::make_unique<Echo>(); }

}  // namespace semroute::router::tool
