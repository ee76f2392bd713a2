#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster/key_table.h"
#include "support/test_support.h"

namespace glm_image::test {

/// Connects a group of ranks by Gloo, one on each of the hosts, and runs `on_rank` on a thread for
/// each. The test fails with what a rank throws. `while_it_runs` is called again and again until
/// all have ended.
inline void run_on_ranks(const std::vector<std::string>& hosts,
                         const std::function<void(cluster::ProcessGroup&)>& on_rank,
                         const std::function<void()>& while_it_runs = {}) {
  const auto place = std::make_shared<cluster::KeyTable>();
  const auto ranks = static_cast<int>(hosts.size());
  std::vector<std::string> errors(hosts.size());
  // They end together: a rank must not close a connection that another one still uses.
  std::vector<std::shared_ptr<cluster::ProcessGroup>> groups(hosts.size());
  std::atomic<int> ended{0};
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      const torch::NoGradGuard no_grad;
      const auto index = static_cast<size_t>(rank);
      try {
        groups[index] = cluster::ProcessGroup::connect(place, "group", {rank, ranks, hosts[index]});
        on_rank(*groups[index]);
      } catch (const std::exception& error) {
        errors[index] = error.what();
      }
      ++ended;
    });
  }
  while (while_it_runs && ended < ranks) while_it_runs();
  for (auto& thread : threads) thread.join();
  for (const auto& error : errors) EXPECT_EQ(error, "");
}

/// The same on this many ranks of this machine.
inline void run_on_ranks(int ranks, const std::function<void(cluster::ProcessGroup&)>& on_rank) {
  run_on_ranks(std::vector<std::string>(static_cast<size_t>(ranks), "127.0.0.1"), on_rank);
}

}  // namespace glm_image::test
