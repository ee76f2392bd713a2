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

/// Runs `on_rank` on a thread for each rank of a group that Gloo connects over the loopback
/// interface. Returns what each of them threw; "" for a rank that threw nothing.
inline std::vector<std::string> errors_of_ranks(
    int ranks, const std::function<void(cluster::ProcessGroup&)>& on_rank) {
  const auto place = std::make_shared<cluster::KeyTable>();
  std::vector<std::string> errors(static_cast<size_t>(ranks));
  // All groups end after all threads: a rank that has finished must not be lost to the others.
  std::vector<std::shared_ptr<cluster::ProcessGroup>> groups(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      const torch::NoGradGuard no_grad;
      const auto index = static_cast<size_t>(rank);
      try {
        groups[index] = cluster::ProcessGroup::connect(place, "group", {rank, ranks, "127.0.0.1"});
        on_rank(*groups[index]);
      } catch (const std::exception& error) {
        errors[index] = error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return errors;
}

/// The same, for ranks that throw nothing.
inline void run_ranks(int ranks, const std::function<void(cluster::ProcessGroup&)>& on_rank) {
  for (const auto& error : errors_of_ranks(ranks, on_rank)) EXPECT_EQ(error, "");
}

}  // namespace glm_image::test
