// Messages between ranks that Gloo connects over the loopback interface: what arrives, when it
// leaves, and how waits end.

#include "cluster/process_group.h"

#include <future>

#include "cluster/rank_threads.h"
#include "cluster/shared_generator.h"
#include "support/program.h"

namespace glm_image::test {
namespace {

using cluster::ProcessGroup;

/// A rank's values in a round; other ranks and rounds have others.
Tensor values_of(int rank, int64_t round, int64_t count) {
  return at::arange(count, at::TensorOptions(at::kFloat)) + 1000.0 * rank + 0.25 * round;
}

TEST(ProcessGroup, GathersTheTensorsOfAllRanks) {
  // The buffers of small messages are announced ahead, those of the largest are not. Five to eight
  // values share a buffer.
  const std::vector<int64_t> counts = {
      2048, 2048, 7, 2048, 1, 5, 100000, 8, 7, 100000, 6, 2048, 1500};
  for (const int ranks : {2, 3, 5}) {
    run_on_ranks(ranks, [&](ProcessGroup& group) {
      int64_t sent = 0;
      for (size_t round = 0; round < counts.size(); ++round) {
        const auto number = static_cast<int64_t>(round);
        const auto all = group.all_gather(values_of(group.rank(), number, counts[round]));
        ASSERT_EQ(all.size(), static_cast<size_t>(ranks));
        for (int rank = 0; rank < ranks; ++rank) {
          EXPECT_TRUE(
              at::equal(all[static_cast<size_t>(rank)], values_of(rank, number, counts[round])))
              << counts[round] << " values of rank " << rank << " of " << ranks;
        }
        sent += (ranks - 1) * 4 * counts[round];
      }
      EXPECT_EQ(group.bytes_sent(), sent);
    });
  }
}

TEST(ProcessGroup, BroadcastsFromAnyRank) {
  for (const int ranks : {2, 3}) {
    run_on_ranks(ranks, [&](ProcessGroup& group) {
      for (const int64_t count : {1, 1, 1024, 1025}) {
        for (int root = 0; root < ranks; ++root) {
          auto tensor = values_of(group.rank(), 0, count);
          group.broadcast(tensor, root);
          EXPECT_TRUE(at::equal(tensor, values_of(root, 0, count))) << count << " from " << root;
        }
      }
    });
  }
}

/// Else a message would wait for the network twice. The second message is longer, within the same
/// power of two.
TEST(ProcessGroup, AMessageLeavesBeforeItsReceiverAsksForIt) {
  std::promise<void> has_left;
  run_on_ranks(2, [&](ProcessGroup& group) {
    auto tokens = at::full({3}, group.rank(), at::kLong);
    group.broadcast(tokens, /*root=*/0);
    tokens = at::full({4}, group.rank() + 5, at::kLong);
    if (group.rank() == 0) {
      group.broadcast(tokens, /*root=*/0);
      has_left.set_value();
      return;
    }
    EXPECT_EQ(has_left.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
    group.broadcast(tokens, /*root=*/0);
    EXPECT_TRUE(at::equal(tokens, at::full({4}, 5, at::kLong)));
  });
}

/// Ranks may compute for long between two messages.
TEST(ProcessGroup, AMessageMayTakeLongerThanConnecting) {
  // Gloo's own limit, a fifth of this, is also the one of its messages.
  cluster::GroupLimits limits;
  limits.connecting = std::chrono::seconds(10);
  const auto errors = errors_of_ranks(
      {"127.0.0.1", "127.0.0.1"},
      [](ProcessGroup& group) {
        if (group.rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2500));
        group.all_gather(at::zeros({4}));
      },
      std::make_shared<cluster::KeyTable>(),
      limits);
  EXPECT_EQ(errors, std::vector<std::string>(2));
}

/// Rank 0 waits in `wait` for rank 1, which does not answer but calls `end` with both groups.
std::vector<std::string> errors_when_one_waits(
    const std::function<void(ProcessGroup&)>& wait,
    const std::function<void(ProcessGroup& waiting, ProcessGroup& other)>& end) {
  std::promise<ProcessGroup*> waiting;
  return errors_of_ranks(2, [&](ProcessGroup& group) {
    group.all_gather(at::zeros({4}));
    if (group.rank() == 0) {
      waiting.set_value(&group);
      return wait(group);
    }
    auto& other = *waiting.get_future().get();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    end(other, group);
  });
}

TEST(ProcessGroup, AStopEndsAWaitWithItsReason) {
  const auto stop = [](ProcessGroup& waiting, ProcessGroup& /*other*/) {
    waiting.stop("rank 1 was lost");
  };
  // A buffer that is announced, one that is not, a message that nobody takes, and Gloo's own.
  for (const auto& wait : std::vector<std::function<void(ProcessGroup&)>>{
           [](auto& group) { group.all_gather(at::zeros({4})); },
           [](auto& group) { group.all_gather(at::zeros({5})); },
           [](auto& group) { group.broadcast(at::zeros({4}), /*root=*/0); },
           [](auto& group) { group.begin_all_gather(at::zeros({4}))(); }}) {
    const auto errors = errors_when_one_waits(wait, stop);
    EXPECT_EQ(errors[0], "rank 1 was lost");
    EXPECT_EQ(errors[1], "");
  }
}

TEST(ProcessGroup, AConnectionThatEndsEndsAWait) {
  const auto errors = errors_when_one_waits(
      [](ProcessGroup& group) { group.all_gather(at::zeros({4})); },
      [](ProcessGroup& /*waiting*/, ProcessGroup& other) { other.stop("it leaves"); });
  EXPECT_NE(errors[0].find("the connection to another rank broke: "), std::string::npos)
      << errors[0];
}

/// The meeting place of a rank that hangs once it has told the others its address.
class HangingPlace : public cluster::MeetingPlace {
 public:
  explicit HangingPlace(std::shared_ptr<cluster::MeetingPlace> place) : place_(std::move(place)) {}

  void set(const std::string& key, const std::string& value) override {
    place_->set(key, value);
    ++sets_;
  }
  std::string get(const std::string& key, std::chrono::milliseconds limit) override {
    constexpr int kPresenceNameAndAddress = 3;
    if (sets_ < kPresenceNameAndAddress) return place_->get(key, limit);
    hangs_.set_value();
    ends_.get_future().wait();
    throw std::runtime_error("it hung");
  }
  void wait_until_it_hangs() { hangs_.get_future().wait(); }
  void end() { ends_.set_value(); }

 private:
  const std::shared_ptr<cluster::MeetingPlace> place_;
  int sets_ = 0;
  std::promise<void> hangs_, ends_;
};

TEST(ProcessGroup, AStopEndsConnecting) {
  const auto place = std::make_shared<cluster::KeyTable>();
  const auto hanging_place = std::make_shared<HangingPlace>(place);
  // The lower address waits for the connection.
  ProcessGroup waiting({0, 2, "127.0.0.1"}), hanging({1, 2, "127.0.0.2"});
  const auto connect = [](ProcessGroup& group, std::shared_ptr<cluster::MeetingPlace> meeting) {
    return std::async(std::launch::async, [&group, meeting]() -> std::string {
      try {
        group.connect(meeting, "group");
      } catch (const std::exception& error) {
        return error.what();
      }
      return "";
    });
  };
  auto of_hanging = connect(hanging, hanging_place);
  auto of_waiting = connect(waiting, place);
  hanging_place->wait_until_it_hangs();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const Stopwatch ending;
  waiting.stop("rank 1 was lost");
  EXPECT_EQ(of_waiting.get(), "rank 1 was lost");
  // Else it would be the limit for connecting, 30 s.
  EXPECT_LT(ending.seconds(), 10);
  hanging_place->end();
  EXPECT_EQ(of_hanging.get(), "the ranks cannot connect to each other: it hung");
}

TEST(ProcessGroup, NothingIsExchangedAfterAStop) {
  const auto errors = errors_of_ranks(2, [](ProcessGroup& group) {
    group.stop("it is over");
    group.all_gather(at::zeros({4}));
  });
  EXPECT_EQ(errors, std::vector<std::string>(2, "it is over"));
}

TEST(SharedGenerator, AddsTheRanksTensorsInFloat) {
  const auto gathered = [](int ranks, int64_t values) {
    return cluster::SharedGenerator::sums_by_gathering(values, ranks);
  };
  EXPECT_TRUE(gathered(2, int64_t{1} << 30));
  EXPECT_TRUE(gathered(20, 4096));
  EXPECT_FALSE(gathered(3, 1 << 17));
  torch::manual_seed(1);
  for (const int ranks : {2, 3}) {
    for (const int64_t values : {4096, 1 << 17}) {
      const auto parts = at::randn({ranks, 1, values}).to(at::kBFloat16);
      const auto total = parts.to(at::kFloat).sum(0);
      std::vector<Tensor> sums(static_cast<size_t>(ranks));
      run_on_ranks(ranks, [&](ProcessGroup& group) {
        cluster::SharedGenerator share(group);
        sums[static_cast<size_t>(group.rank())] = share.sum(parts[group.rank()]);
      });
      for (const auto& sum : sums) {
        EXPECT_TRUE(at::equal(sum, sums.front()));  // else the ranks would drift apart
        // Rounded to bfloat16 once.
        EXPECT_TRUE(at::allclose(sum.to(at::kFloat), total, /*rtol=*/0x1p-8, /*atol=*/1e-6));
      }
    }
  }
}

}  // namespace
}  // namespace glm_image::test
