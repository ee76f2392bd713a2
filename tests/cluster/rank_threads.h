#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster/key_table.h"
#include "cluster/process_group.h"
#include "support/test_support.h"

namespace glm_image::test {

using OnRank = std::function<void(cluster::ProcessGroup&)>;

/// Connects a group of ranks by Gloo, one on each of the hosts, and runs `on_rank` on a thread for
/// each. They meet in `place`. Returns what each of them threw; "" for a rank that threw nothing.
inline std::vector<std::string> errors_of_ranks(
    const std::vector<std::string>& hosts,
    const OnRank& on_rank,
    const std::shared_ptr<cluster::MeetingPlace>& place = std::make_shared<cluster::KeyTable>(),
    const cluster::GroupLimits& limits = {}) {
  const auto ranks = static_cast<int>(hosts.size());
  std::vector<std::string> errors(hosts.size());
  // All groups end after all threads: a rank that has finished must not be lost to the others.
  std::vector<std::shared_ptr<cluster::ProcessGroup>> groups(hosts.size());
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      const torch::NoGradGuard no_grad;
      const auto index = static_cast<size_t>(rank);
      try {
        groups[index] = std::make_shared<cluster::ProcessGroup>(
            cluster::GroupMember{rank, ranks, hosts[index]});
        groups[index]->connect(place, "group", limits);
        on_rank(*groups[index]);
      } catch (const std::exception& error) {
        errors[index] = error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return errors;
}

/// The same on this many ranks of this machine.
inline std::vector<std::string> errors_of_ranks(int ranks, const OnRank& on_rank) {
  return errors_of_ranks(std::vector<std::string>(static_cast<size_t>(ranks), "127.0.0.1"),
                         on_rank);
}

/// The same for ranks that throw nothing, else the test fails.
inline void run_on_ranks(
    const std::vector<std::string>& hosts,
    const OnRank& on_rank,
    const std::shared_ptr<cluster::MeetingPlace>& place = std::make_shared<cluster::KeyTable>()) {
  for (const auto& error : errors_of_ranks(hosts, on_rank, place)) EXPECT_EQ(error, "");
}

inline void run_on_ranks(int ranks, const OnRank& on_rank) {
  for (const auto& error : errors_of_ranks(ranks, on_rank)) EXPECT_EQ(error, "");
}

}  // namespace glm_image::test
