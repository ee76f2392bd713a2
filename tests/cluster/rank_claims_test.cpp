#include "cluster/rank_claims.h"

#include <thread>

#include "cluster/work_thread.h"
#include "core/error.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::RankClaims;
using Ranks = std::vector<int>;

class Claims : public testing::Test {
 protected:
  std::mutex mutex_;
  Ranks ready_ = {0, 1, 2, 3};
  RankClaims claims_{[this] {
    const std::lock_guard lock(mutex_);
    return ready_;
  }};

  void set_ready(const Ranks& ranks) {
    const std::lock_guard lock(mutex_);
    ready_ = ranks;
  }
};

TEST_F(Claims, ASingleRequestGetsAllRanks) {
  const auto all = claims_.take(1, false);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->ranks(), (Ranks{0, 1, 2, 3}));
  EXPECT_FALSE(claims_.take(1, false));
}

TEST_F(Claims, FreeRanksAreThoseThatARequestWouldGet) {
  EXPECT_EQ(claims_.count_free(), 4);
  auto first = claims_.take(2, false);
  EXPECT_EQ(claims_.count_free(), 2);
  set_ready({0, 1, 2});
  EXPECT_EQ(claims_.count_free(), 1);
  first.reset();
  EXPECT_EQ(claims_.count_free(), 3);
}

TEST_F(Claims, RequestsDivideTheRanks) {
  const auto first = claims_.take(3, false);
  const auto second = claims_.take(2, false);
  const auto third = claims_.take(1, false);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first->ranks(), (Ranks{0, 1}));
  EXPECT_EQ(second->ranks(), (Ranks{2}));
  EXPECT_EQ(third->ranks(), (Ranks{3}));
}

TEST_F(Claims, MoreRequestsThanRanksGetOneEach) {
  std::vector<std::unique_ptr<cluster::RankClaim>> held;
  for (int open = 9; open > 5; --open) {
    held.push_back(claims_.take(open, false));
    ASSERT_TRUE(held.back());
    EXPECT_EQ(held.back()->ranks().size(), 1U);
  }
  EXPECT_FALSE(claims_.take(5, false));
  held.erase(held.begin() + 2);
  const auto next = claims_.take(5, false);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->ranks(), (Ranks{2}));
}

TEST_F(Claims, RanksWithoutWorkAreGivenBack) {
  const auto first = claims_.take(1, false);
  ASSERT_TRUE(first);
  first->keep({0, 2});
  EXPECT_EQ(first->ranks(), (Ranks{0, 2}));
  const auto second = claims_.take(1, false);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->ranks(), (Ranks{1, 3}));
}

TEST_F(Claims, ARequestThatNeedsTheFirstRankWaitsForIt) {
  auto first = claims_.take(2, false);
  EXPECT_FALSE(claims_.take(1, true));
  first.reset();
  const auto second = claims_.take(4, true);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->ranks(), (Ranks{0}));
}

TEST_F(Claims, ALostRankIsExchanged) {
  auto first = claims_.take(2, false);
  const auto second = claims_.take(1, false);
  set_ready({0, 2, 3});
  claims_.take_again(*first, false, [] { return true; });
  EXPECT_EQ(first->ranks(), (Ranks{0}));
  set_ready({0, 1, 2, 3});
  claims_.take_again(*first, false, [] { return true; });
  EXPECT_EQ(first->ranks(), (Ranks{0})) << "as many as before";
}

TEST_F(Claims, ARequestThatLostItsRankComesBeforeOthers) {
  auto first = claims_.take(2, false);
  const auto second = claims_.take(1, false);
  first->keep({1});
  set_ready({2, 3});
  std::atomic<bool> waits{false}, is_back{false};
  std::thread again([&] {
    claims_.take_again(*first, false, [&] { return waits = true; });
    is_back = true;
  });
  wait_until([&] { return waits.load(); });
  EXPECT_FALSE(is_back);
  EXPECT_FALSE(claims_.take(1, false)) << "a new request";
  EXPECT_EQ(claims_.count_free(), 0);
  second->keep({2});
  again.join();
  EXPECT_EQ(first->ranks(), (Ranks{3}));
}

TEST_F(Claims, ACancelledRequestStopsWaiting) {
  auto first = claims_.take(2, false);
  const auto second = claims_.take(1, false);
  set_ready({2, 3});
  expect_error(
      ErrorCode::kCancelled, {}, [&] { claims_.take_again(*first, false, [] { return false; }); });
  EXPECT_TRUE(first->ranks().empty());
  set_ready({1, 2, 3});
  EXPECT_TRUE(claims_.take(1, false)) << "nobody waits any more";
}

TEST(WorkThreads, RunAllWorkOnOneThreadAndPassOnItsError) {
  cluster::WorkThread worker;
  std::thread::id first, second;
  worker.run([&] { first = std::this_thread::get_id(); });
  expect_error(ErrorCode::kInternal, {"broken"}, [&] {
    worker.run([] { fail(ErrorCode::kInternal, "broken"); });
  });
  worker.run([&] { second = std::this_thread::get_id(); });
  EXPECT_EQ(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
}

}  // namespace
}  // namespace glm_image::test
