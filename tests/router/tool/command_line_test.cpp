// What the command line refuses, and how: exit codes and messages, in process and by the real program.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <set>

#include "router/tool/command.h"
#include "tests/router/tool/run.h"
#include "tests/support/places.h"

namespace semroute::router::tool {
namespace {

TEST(CommandLine, HelpNamesEveryCommand) {
  const Ran ran = run({"--help"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.err, "");
  for (const CommandEntry& entry : commands()) {
    const std::string name(entry.name.substr(0, entry.name.find(' ')));
    EXPECT_NE(ran.out.find("\n  " + name + " "), std::string::npos) << name << "\n" << ran.out;
  }
  EXPECT_NE(ran.out.find("SEMROUTE_SERVER"), std::string::npos);
}

TEST(CommandLine, EveryCommandHasHelpAndOutput) {
  for (const CommandEntry& entry : commands()) {
    if (entry.make == nullptr) continue;
    std::vector<std::string> arguments;
    std::istringstream words{std::string(entry.name)};
    for (std::string word; words >> word;) arguments.push_back(word);
    arguments.emplace_back("--help");
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.exit, 0) << entry.name;
    EXPECT_NE(ran.out.find("--output"), std::string::npos) << entry.name;
  }
}

TEST(CommandLine, HelpTellsOfTheDaemonsAddressWhereOneIsAsked) {
  for (const char* command : {"ping", "match", "stats", "bench"})
    EXPECT_NE(run({command, "--help"}).out.find("The daemon is found at"), std::string::npos) << command;
  for (const char* command : {"check", "echo", "eval"}) {
    const std::string help = run({command, "--help"}).out;
    EXPECT_EQ(help.find("The daemon is found at"), std::string::npos) << help;
    EXPECT_NE(help.find("Exit codes"), std::string::npos) << help;
  }
}

TEST(CommandLine, VersionIsPrinted) {
  const Ran ran = run({"--version"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, "semroute " SEMROUTE_VERSION "\n");
}

TEST(CommandLine, KnownCommandsOfLaterVersionsAreRefusedByName) {
  std::set<std::string> later;
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"fit", "--config", "c.yaml"}, {"fit", "--help"}}) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.exit, 64) << ran.err;
    EXPECT_NE(ran.err.find("known, not in this version"), std::string::npos) << ran.err;
    later.insert(ran.err);
  }
  EXPECT_EQ(later.size(), 1U);
}

struct Refused {
  std::vector<std::string> arguments;
  std::string named;  // in the message
};

TEST(CommandLine, UsageErrorsAre64AndNameTheOffence) {
  const std::vector<Refused> cases{
      {{}, "subcommand"},
      {{"nonsense"}, "nonsense"},
      {{"ping", "--server", "nonsense"}, "--server: expected HOST:PORT"},
      {{"bench", "--server", "127.0.0.1"}, "--server: expected HOST:PORT"},
      {{"eval", "--vectors", "f.npy", "--server", "h:99999"}, "--server: expected HOST:PORT"},
      {{"routes"}, "subcommand"},
      {{"routes", "nonsense"}, "nonsense"},
      {{"ping", "--nonsense"}, "--nonsense"},
      {{"ping", "--output", "xml"}, "xml"},
      {{"check"}, "FILE"},
      {{"routes", "put"}, "FILE"},
      {{"routes", "delete"}, "NAME"},
      {{"routes", "import"}, "DIR"},
      {{"routes", "put", "f", "--if-version", "x"}, "--if-version: expected an integer"},
      {{"check", "a.yaml", "b.yaml"}, "b.yaml"},
      {{"check", "a.yaml", "--server", "h:1"}, "--server"},
      {{"routes", "get"}, "NAME"},
      {{"routes", "get", "x", "--limit", "0"}, "1..1000"},
      {{"match"}, "--vectors"},
      {{"match", "--vectors", "f.npy", "--embedding", "[1]"}, "--embedding"},
      {{"match", "--embedding", "[1", "--server", "127.0.0.1:1"}, "--embedding"},
      {{"match", "--embedding", "[1]", "--row", "0"}, "--row"},
      {{"match", "--embedding", "[1]", "--top-k", "1001"}, "1..1000"},
      {{"match", "--embedding", "[1]", "--top-k", "-1"}, "--top-k"},
      {{"match", "--embedding", "[1]", "--top-k", "1", "--top-k", "2"}, "--top-k"},
      {{"match", "--embedding", "[1]", "--filter", "{"}, "--filter"},
      {{"match", "--embedding", "[1]", "--payload", "{"}, "--payload"},
      {{"match", "--embedding", "[1]", "--header", "a:b"}, "--header"},
      {{"route", "--embedding", "[1]", "--payload", "{"}, "--payload"},
      {{"route", "--embedding", "[1]", "--header", "x-tenant"}, "NAME:VALUE"},
      {{"route", "--embedding", "[1]", "--timeout-ms", "0"}, "--timeout-ms"},
      {{"eval"}, "--vectors"},
      {{"eval", "--vectors", "f.npy"}, "--config"},
      {{"eval", "--vectors", "f.npy", "--config", "c", "--server", "s:1"}, "--config"},
      {{"eval", "--vectors", "f.npy", "--server", "s:1", "--aggregations", "all"}, "--aggregations"},
      {{"eval", "--vectors", "f.npy", "--config", "c", "--thresholds", "high"}, "high"},
      {{"bench", "--requests", "0"}, "--requests"},
      {{"bench", "--requests", "1", "--duration", "1s"}, "--duration"},
      {{"bench", "--duration", "soon"}, "soon"},
      {{"bench", "--duration", "0s"}, "--duration"},
      {{"bench", "--op", "route", "--batch", "2"}, "--batch"},
      {{"bench", "--protocol", "http"}, "http"},
      {{"echo"}, "--listen"},
      {{"echo", "--listen", "here"}, "HOST:PORT"},
      {{"echo", "--listen", "127.0.0.1:0", "--status", "99"}, "--status"},
      {{"echo", "--listen", "127.0.0.1:0", "--delay", "long"}, "long"},
  };
  for (const Refused& wrong : cases) {
    const Ran ran = run(wrong.arguments);
    std::string shown;
    for (const std::string& argument : wrong.arguments) shown += argument + " ";
    EXPECT_EQ(ran.exit, 64) << shown << ran.err;
    EXPECT_NE(ran.err.find(wrong.named), std::string::npos) << shown << ran.err;
    EXPECT_EQ(ran.out, "") << shown;
    EXPECT_TRUE(ran.err.starts_with("semroute")) << ran.err;
  }
}

TEST(CommandLine, AServerThatIsNotThereIs69) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"ping"},
                                             {"stats"},
                                             {"reload"},
                                             {"routes", "list"},
                                             {"routes", "get", "x"},
                                             {"match", "--embedding", "[1]"},
                                             {"route", "--embedding", "\"AACAPw==\""},
                                             {"bench", "--requests", "1"}}) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--server", "127.0.0.1:1"});
    const Ran ran = run(all);
    EXPECT_EQ(ran.exit, 69) << ran.err;
    EXPECT_NE(ran.err.find("127.0.0.1:1"), std::string::npos) << ran.err;
  }
}

TEST(CommandLine, AnInstructionSetThatIsNoneIs78) {
  const Folder folder;
  const std::string command =
      "SEMROUTE_ISA=sse9 " + test::tool_path() + " check " + folder.file("c.yaml", kSmallConfig) + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");  // NOLINT(cert-env33-c): a line of the test's own
  ASSERT_NE(pipe, nullptr);
  std::string said;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
  const int status = pclose(pipe);
  ASSERT_TRUE(WIFEXITED(status)) << said;
  EXPECT_EQ(WEXITSTATUS(status), 78) << said;
  EXPECT_NE(said.find("SEMROUTE_ISA is \"sse9\", expected one of"), std::string::npos) << said;
}

TEST(CommandLine, HelpThatCannotBeWrittenIs74) {
  std::ostringstream out;
  std::ostringstream err;
  out.setstate(std::ios::badbit);
  EXPECT_EQ(run_tool({"--help"}, out, err), 74);
}

TEST(CommandLine, FilesThatAreNotThereAre74) {
  const Folder folder;
  const std::string config = folder.file("c.yaml", kSmallConfig);
  EXPECT_EQ(run({"match", "--vectors", "/nowhere/at/all.npy"}).exit, 74);
  EXPECT_EQ(run({"bench", "--vectors", "/nowhere/at/all.npy", "--requests", "1"}).exit, 74);
  EXPECT_EQ(run({"eval", "--config", config, "--vectors", "/nowhere/at/all.npy"}).exit, 74);
}

// The program itself, with its output thrown away but for the exit code.
int exit_of_program(const std::string& arguments) {
  const int status = std::system(("'" + semroute::test::tool_path() + "' " + arguments + " 2>/dev/null").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Program, ExitCodes) {
  EXPECT_EQ(exit_of_program("--version >/dev/null"), 0);
  EXPECT_EQ(exit_of_program(">/dev/null"), 64);
  EXPECT_EQ(exit_of_program("fit >/dev/null"), 64);
  EXPECT_EQ(exit_of_program("ping --server 127.0.0.1:1 >/dev/null"), 69);
  EXPECT_EQ(exit_of_program("check /nowhere/at/all.yaml >/dev/null"), 78);
}

TEST(Program, TheServerComesFromTheEnvironment) {
  const std::string command = "SEMROUTE_SERVER=127.0.0.1:2 '" + semroute::test::tool_path() + "' ping 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said(4096, '\0');
  said.resize(fread(said.data(), 1, said.size(), pipe));
  const int status = pclose(pipe);
  EXPECT_EQ(WEXITSTATUS(status), 69);
  EXPECT_NE(said.find("127.0.0.1:2"), std::string::npos) << said;
}

TEST(Program, AFullDiskIs74) {
  const Folder folder;
  const std::string config = folder.file("c.yaml", kSmallConfig);
  EXPECT_EQ(exit_of_program("check '" + config + "' >/dev/full"), 74);
}

}  // namespace
}  // namespace semroute::router::tool
