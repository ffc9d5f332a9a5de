// StandIn: a TCP server on a free loopback port that answers by a script, on a thread of its own.
//
// The script is called with everything received and not yet taken; it erases what it takes and
// returns what to send. Setting `hang_up` closes the connection after that.
// Threads: the script runs on the server's thread. Lifetime: the destructor ends thread and connections.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace semroute::router::tool {

class StandIn {
 public:
  struct Turn {
    std::string& input;
    bool hang_up = false;
  };
  using Script = std::function<std::string(Turn&)>;

  explicit StandIn(Script script) : script_(std::move(script)) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;
  ~StandIn() {
    boost::asio::post(io_, [this] { io_.stop(); });
    thread_.join();
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

  // For JSON lines: `reply` makes the answer to one line; "" sends nothing.
  static Script lines(std::function<std::string(const std::string&)> reply) {
    return [reply = std::move(reply)](Turn& turn) {
      std::string out;
      for (auto end = turn.input.find('\n'); end != std::string::npos; end = turn.input.find('\n')) {
        out += reply(turn.input.substr(0, end));
        turn.input.erase(0, end + 1);
      }
      return out;
    };
  }

 private:
  using Tcp = boost::asio::ip::tcp;

  struct Connection {
    explicit Connection(Tcp::socket accepted) : socket(std::move(accepted)) {}
    Tcp::socket socket;
    std::array<char, 65536> chunk{};
    std::string input;
    std::string output;
  };

  void accept() {
    acceptor_.async_accept([this](boost::system::error_code problem, Tcp::socket socket) {
      if (problem) return;
      read(std::make_shared<Connection>(std::move(socket)));
      accept();
    });
  }

  void read(const std::shared_ptr<Connection>& connection) {
    connection->socket.async_read_some(
        boost::asio::buffer(connection->chunk),
        [this, connection](boost::system::error_code problem, std::size_t bytes) {
          if (problem) return;
          connection->input.append(connection->chunk.data(), bytes);
          Turn turn{connection->input};
          connection->output = script_(turn);
          const bool hang_up = turn.hang_up;
          boost::asio::async_write(connection->socket, boost::asio::buffer(connection->output),
                                   [this, connection, hang_up](boost::system::error_code failed, std::size_t) {
                                     if (!failed && !hang_up) read(connection);
                                   });
        });
  }

  Script script_;
  boost::asio::io_context io_{1};
  Tcp::acceptor acceptor_{io_, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::thread thread_;
};

}  // namespace semroute::router::tool
