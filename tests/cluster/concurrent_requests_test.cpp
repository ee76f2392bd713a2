// Several requests that a cluster draws at the same time, each on ranks of its own.

#include <functional>
#include <optional>
#include <utility>

#include "cluster/drawing_cluster.h"

namespace glm_image::test {
namespace {

/// A request on a thread of its own, as one of `open` requests that have no ranks yet.
class ConcurrentDrawing {
 public:
  ConcurrentDrawing(cluster::Coordinator& coordinator,
                    Pipeline& pipeline,
                    const Request& request,
                    int64_t open,
                    ProgressCallback progress = {})
      : claim_(coordinator.claim(request, open)) {
    if (!claim_) return;
    ranks_ = claim_->ranks();
    thread_ = std::thread([this, &coordinator, &pipeline, request, progress] {
      try {
        result_ = coordinator.draw_twice(*claim_, pipeline, request, progress);
      } catch (const Error& error) {
        error_ = error.code();
      }
      claim_.reset();
      is_over_ = true;
    });
  }
  ~ConcurrentDrawing() {
    if (thread_.joinable()) thread_.join();
  }
  /// At the beginning; empty if there were none.
  std::vector<int> ranks() const { return ranks_; }
  bool is_over() const { return is_over_; }
  const Result& result() {
    EXPECT_FALSE(error());
    return result_;
  }
  std::optional<ErrorCode> error() {
    if (thread_.joinable()) thread_.join();
    return error_;
  }

 private:
  std::unique_ptr<cluster::RankClaim> claim_;
  std::vector<int> ranks_;
  Result result_;
  std::optional<ErrorCode> error_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

/// Requests with different prompts, seeds, sizes and steps.
std::vector<Request> different_requests(int64_t count) {
  std::vector<Request> requests;
  for (int64_t i = 0; i < count; ++i) {
    auto request = small_request(1);
    request.prompt += " n° " + std::to_string(i);
    request.seed += static_cast<uint64_t>(100 * i);
    request.width += 32 * i;
    request.steps = 3 + i;
    requests.push_back(std::move(request));
  }
  return requests;
}

TEST_F(ClusterOf, RequestsAreDrawnAtTheSameTime) {
  start(3);
  const auto requests = different_requests(3);
  std::atomic<bool> others_are_over{false};
  // This rank's request goes on when the others are drawn.
  ConcurrentDrawing first(
      *coordinator_, pipeline_, pipeline_.check(requests[0]), 3, [&](const Progress& /*now*/) {
        wait_until([&] { return others_are_over.load(); });
        return true;
      });
  ConcurrentDrawing second(*coordinator_, pipeline_, pipeline_.check(requests[1]), 2);
  ConcurrentDrawing third(*coordinator_, pipeline_, pipeline_.check(requests[2]), 1);
  EXPECT_EQ(first.ranks(), std::vector<int>{0});
  EXPECT_EQ(second.ranks(), std::vector<int>{1});
  EXPECT_EQ(third.ranks(), std::vector<int>{2});
  const std::vector<Result> results = {second.result(), third.result()};
  EXPECT_FALSE(first.is_over());
  others_are_over = true;
  expect_same(first.result(), drawn_alone(requests[0]));
  expect_same(results[0], drawn_alone(requests[1]));
  expect_same(results[1], drawn_alone(requests[2]));
}

/// Without guidance and without rates, a picture is drawn by one rank.
TEST_F(ClusterOf, RanksWithoutAPartDrawTheNextRequest) {
  start(2);
  auto requests = different_requests(2);
  requests[0].guidance = requests[1].guidance = 1;
  requests[0].steps = 30;
  std::unique_ptr<ConcurrentDrawing> second;
  ConcurrentDrawing first(
      *coordinator_, pipeline_, pipeline_.check(requests[0]), 1, [&](const Progress& /*now*/) {
        if (!second) {
          second = std::make_unique<ConcurrentDrawing>(
              *coordinator_, pipeline_, pipeline_.check(requests[1]), 1);
        }
        return true;
      });
  EXPECT_EQ(first.ranks(), (std::vector<int>{0, 1}));
  const auto first_result = first.result();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->ranks(), std::vector<int>{1});
  const auto second_result = second->result();
  expect_same(first_result, drawn_alone(requests[0]));
  expect_same(second_result, drawn_alone(requests[1]));
}

TEST_F(ClusterOf, ACancelledRequestLeavesTheOthersAlone) {
  start(2);
  const auto requests = different_requests(2);
  std::atomic<bool> stops{false};
  // The second request is drawn by the worker, which does not end it.
  workers_[0]->halt();
  ConcurrentDrawing first(
      *coordinator_, pipeline_, pipeline_.check(requests[0]), 2, [&](const Progress& now) {
        if (now.stage == Stage::kDenoising) stops = true;
        return true;
      });
  ConcurrentDrawing second(
      *coordinator_, pipeline_, pipeline_.check(requests[1]), 1, [&](const Progress& /*now*/) {
        return !stops;
      });
  EXPECT_EQ(second.error(), ErrorCode::kCancelled);
  workers_[0]->go_on();
  const auto result = first.result();
  expect_same(result, drawn_alone(requests[0]));
  expect_same(drawn_together(requests[0]), drawn_alone(requests[0]));
}

TEST_F(ClusterOf, ALostRankEndsOnlyTheRequestThatItDraws) {
  start(3);
  const auto requests = different_requests(3);
  std::atomic<bool> told{false};
  workers_[0]->halt();
  std::vector<std::unique_ptr<ConcurrentDrawing>> drawings;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto progress = [&](const Progress& now) {
      if (now.stage == Stage::kDenoising && !told.exchange(true)) workers_[0]->leave();
      return true;
    };
    drawings.push_back(std::make_unique<ConcurrentDrawing>(*coordinator_,
                                                           pipeline_,
                                                           pipeline_.check(requests[i]),
                                                           3 - static_cast<int64_t>(i),
                                                           progress));
  }
  std::vector<Result> results;
  for (auto& drawing : drawings) results.push_back(drawing->result());
  EXPECT_TRUE(told);
  wait_until([&] { return coordinator_->ranks() == 2; });
  for (size_t i = 0; i < requests.size(); ++i) expect_same(results[i], drawn_alone(requests[i]));
}

TEST_F(ClusterOf, TextsAreReadWhereTheFirstRankIsFree) {
  start(2);
  auto request = small_request(1);
  request.best_of = 2;
  auto other = coordinator_->claim(small_request(1), 2);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->ranks(), std::vector<int>{0});
  EXPECT_FALSE(coordinator_->claim(request, 1));
  other.reset();
  EXPECT_TRUE(coordinator_->claim(request, 1));
}

/// OpenMP keeps a team of threads for each thread that computes.
TEST_F(ClusterOf, OneThreadDrawsTheSharesOfTheFirstRank) {
  start(2);
  for (const auto& request : different_requests(2)) {
    const auto claim = coordinator_->claim(request, 2);
    ASSERT_TRUE(claim);
    ASSERT_EQ(claim->ranks(), std::vector<int>{0});
    const auto caller = std::this_thread::get_id();
    int elsewhere = 0, here = 0;
    const auto result = coordinator_->draw_twice(
        *claim, pipeline_, pipeline_.check(request), [&](const Progress& /*now*/) {
          ++(std::this_thread::get_id() == caller ? here : elsewhere);
          return true;
        });
    EXPECT_GT(elsewhere, 0);
    EXPECT_EQ(here, 0);
    expect_same(result, drawn_alone(request));
  }
}

/// A request may lose a rank, and get other ones that do not include the first. While it waits for
/// them, the next request may hold the first rank.
TEST_F(ClusterOf, ARequestOfOtherRanksLeavesTheThreadOfTheFirst) {
  start(2);
  const auto requests = different_requests(2);
  // It is not done before the other request has held the first rank.
  workers_[0]->halt();
  const auto remote = coordinator_->claim(requests[0], 1);
  ASSERT_TRUE(remote);
  remote->keep({1});
  bool told = false;
  const auto remote_result = coordinator_->draw_twice(
      *remote, pipeline_, pipeline_.check(requests[0]), [&](const Progress& /*now*/) {
        if (std::exchange(told, true)) return true;
        ConcurrentDrawing own(*coordinator_, pipeline_, pipeline_.check(requests[1]), 1);
        EXPECT_EQ(own.ranks(), std::vector<int>{0});
        EXPECT_FALSE(own.error());
        workers_[0]->go_on();
        return true;
      });
  EXPECT_TRUE(told);
  expect_same(remote_result, drawn_alone(requests[0]));
}

TEST_F(ClusterOf, RequestsAtTheSameTimeAreBounded) {
  cluster::MemberOptions options;
  options.address = next_cluster_address();
  options.world = 1024;
  const cluster::Coordinator coordinator(options, rates_, [](const std::string&) {});
  EXPECT_EQ(coordinator.most_requests(), 64);
}

TEST_F(ClusterOf, ASharedGeneratorDrawsOneRequestAtATime) {
  rates_.share_weights = true;
  start(2);
  EXPECT_EQ(coordinator_->most_requests(), 1);
  const auto all = coordinator_->claim(small_request(1), 5);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->ranks(), (std::vector<int>{0, 1}));
}

}  // namespace
}  // namespace glm_image::test
