// The addresses on which this process listens while ranks come together, as the kernel lists them:
// those that were named, and no other. Gloo's own sockets are among them.

#include <arpa/inet.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string_view>

#include "cluster/rank_threads.h"
#include "cluster/socket.h"
#include "core/error.h"
#include "core/network_host.h"
#include "support/free_port.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

/// "127.0.0.1" of "0100007F": words of 32 bits in the byte order of this machine.
std::string host_of_hex(const std::string& hex) {
  std::array<uint32_t, 4> words{};
  for (size_t i = 0; i < hex.size() / 8; ++i) {
    words.at(i) = static_cast<uint32_t>(std::stoul(hex.substr(8 * i, 8), nullptr, 16));
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(hex.size() == 8 ? AF_INET : AF_INET6, words.data(), text.data(), text.size());
  return text.data();
}

/// "HOST:PORT" of each TCP socket of all processes that listens, by its inode.
std::map<std::string, std::string> all_listening() {
  std::map<std::string, std::string> found;
  for (const auto* file : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::ifstream lines(file);
    std::string line;
    std::getline(lines, line);  // the names of the columns
    while (std::getline(lines, line)) {
      std::istringstream columns(line);
      std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      columns >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
          timeout >> inode;
      constexpr const char* kListening = "0A";
      if (state != kListening) continue;
      const auto colon = local.find(':');
      found[inode] = concat(host_of_hex(local.substr(0, colon)),
                            ':',
                            std::stoul(local.substr(colon + 1), nullptr, 16));
    }
  }
  return found;
}

/// Adds the addresses on which this process listens now.
void add_listening(std::set<std::string>& addresses) {
  const auto all = all_listening();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd", error)) {
    const auto target = fs::read_symlink(entry.path(), error).string();
    constexpr std::string_view kBegin = "socket:[";
    if (error || target.rfind(kBegin, 0) != 0) continue;
    const auto inode = target.substr(kBegin.size(), target.size() - kBegin.size() - 1);
    const auto found = all.find(inode);
    if (found != all.end()) addresses.insert(found->second);
  }
}

TEST(Listening, TheTablesOfTheKernelAreRead) {
  cluster::Address address{"127.0.0.2", free_port()};
  const cluster::Listener named(address);
  EXPECT_EQ(named.host(), "127.0.0.2");
  std::set<std::string> addresses;
  add_listening(addresses);
  EXPECT_EQ(addresses.count(address.text()), 1U) << testing::PrintToString(addresses);
}

/// A meeting place that notes the addresses whenever a rank uses it. Gloo leaves the address of a
/// socket there while it listens, and stops listening when all have connected.
class WatchedPlace : public cluster::MeetingPlace {
 public:
  void set(const std::string& key, const std::string& value) override {
    look();
    table_.set(key, value);
  }
  std::string get(const std::string& key, std::chrono::milliseconds limit) override {
    look();
    return table_.get(key, limit);
  }
  void look() {
    const std::lock_guard lock(mutex_);
    add_listening(addresses_);
  }
  const std::set<std::string>& addresses() const { return addresses_; }

 private:
  cluster::KeyTable table_;
  std::mutex mutex_;
  std::set<std::string> addresses_;
};

TEST(Listening, OnNamedAddressesAloneWhileAGroupIsFormed) {
  const cluster::Address address{"127.0.0.2", free_port()};
  const cluster::Listener coordinator(address);
  const auto place = std::make_shared<WatchedPlace>();
  run_on_ranks(
      {"127.0.0.3", "127.0.0.4", "127.0.0.5"},
      [&](cluster::ProcessGroup& group) {
        place->look();
        auto ones = at::ones({1});
        group.all_reduce(ones);
        EXPECT_EQ(ones.item<double>(), 3);
        place->look();
      },
      place);
  EXPECT_EQ(place->addresses().count(address.text()), 1U);
  std::set<std::string> hosts;
  for (const auto& text : place->addresses()) hosts.insert(text.substr(0, text.rfind(':')));
  EXPECT_EQ(hosts, (std::set<std::string>{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"}))
      << testing::PrintToString(place->addresses());
}

TEST(Listening, ANameIsTheNumberThatItResolvedTo) {
  const cluster::Listener named(cluster::Address{"localhost", free_port()});
  EXPECT_NE(named.host(), "localhost");
  EXPECT_TRUE(is_loopback_text(named.host())) << named.host();
}

TEST(Listening, ANumberOfAllAddressesIsRefused) {
  // As a name would resolve, which parse_address does not see.
  for (const auto* host : {"0.0.0.0", "::"}) {
    cluster::Address address{host, free_port()};
    expect_error(ErrorCode::kInvalidInput,
                 {"--cluster ", "stands for all addresses of this machine"},
                 [&] { cluster::Listener listener(address); });
  }
}

}  // namespace
}  // namespace glm_image::test
