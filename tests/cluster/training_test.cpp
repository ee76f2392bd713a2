// A training's coordinator and workers in one process, over the loopback interface. The training is
// a sum of one number per rank and step, with a checkpoint on rank 0.

#include <atomic>
#include <deque>
#include <iostream>
#include <thread>

#include "cluster/training_coordinator.h"
#include "cluster/training_worker.h"
#include "support/free_port.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kTrainingSteps = 40;

cluster::ModelFingerprint training_files(const std::string& hash = "hash") {
  cluster::ModelFingerprint files;
  files.files["data/a.png"] = hash;
  return files;
}

cluster::Address training_address() {
  cluster::Address address;
  address.host = "127.0.0.1";
  address.port = free_port();
  return address;
}

/// What rank 0 keeps between the parts of a run.
struct SumCheckpoint {
  int64_t step = 0;
  std::vector<int64_t> ranks;  ///< that took part in each step
};

/// Sums ones over the ranks in every step. `before_step` may throw.
void train_sums(train::Ranks& ranks,
                SumCheckpoint* checkpoint,
                const std::function<void(int64_t step)>& before_step = {}) {
  auto step = at::full({}, checkpoint == nullptr ? -1 : checkpoint->step, at::kLong);
  ranks.broadcast(step);
  auto bits = at::full({3}, ranks.rank() == 0 ? 2.5 : 0, at::kBFloat16);
  ranks.broadcast(bits.narrow(0, 1, 1));
  EXPECT_EQ(bits[1].item<double>(), 2.5);
  for (auto now = step.item<int64_t>(); now < kTrainingSteps; ++now) {
    if (before_step) before_step(now);
    auto first = at::ones({1000}), second = at::full({1}, now, at::kLong);
    const auto first_ends = ranks.begin_all_reduce(first);
    const auto second_ends = ranks.begin_all_reduce(second);
    second_ends();
    first_ends();
    EXPECT_EQ(first[999].item<double>(), ranks.size());
    EXPECT_EQ(second.item<int64_t>(), now * ranks.size());
    if (checkpoint == nullptr) continue;
    checkpoint->step = now + 1;
    checkpoint->ranks.push_back(ranks.size());
  }
  ranks.barrier();
}

/// A worker on a thread of its own.
class TrainingThread {
 public:
  TrainingThread(const cluster::Address& address,
                 const cluster::ModelFingerprint& files,
                 std::function<void(int64_t step)> before_step = {})
      : thread_([this, address, files, before_step = std::move(before_step)] {
          try {
            cluster::TrainingWorker worker({address, cluster::Secret()});
            EXPECT_EQ(worker.welcome().task.at("kind"), "sums");
            worker.run(
                files,
                [&](train::Ranks& ranks) { train_sums(ranks, nullptr, before_step); },
                [this] { return !leaves_; });
          } catch (const std::exception& error) {
            error_ = error.what();
          }
        }) {}
  ~TrainingThread() {
    leaves_ = true;
    if (thread_.joinable()) thread_.join();
  }
  /// The worker's connection closes when its training has ended.
  void leave() { leaves_ = true; }
  /// Waits for its end; what it threw.
  std::string error() {
    if (thread_.joinable()) thread_.join();
    return error_;
  }

 private:
  std::atomic<bool> leaves_{false};
  std::string error_;
  std::thread thread_;
};

class ClusterTraining : public testing::Test {
 protected:
  void start(int world) {
    options_.address = training_address();
    options_.world = world;
    options_.work = cluster::Work::kTraining;
    options_.task = {{"kind", "sums"}};
    options_.files = training_files();
    coordinator_ =
        std::make_unique<cluster::TrainingCoordinator>(options_, [this](const std::string& text) {
          const std::lock_guard lock(mutex_);
          notices_ += text + "\n";
        });
  }
  void add_worker(std::function<void(int64_t step)> before_step = {}) {
    workers_.push_back(std::make_unique<TrainingThread>(
        options_.address, training_files(), std::move(before_step)));
  }
  void wait_for_all() {
    const auto end = std::chrono::steady_clock::now() + 5min;
    ASSERT_TRUE(coordinator_->wait_for_all([&] { return std::chrono::steady_clock::now() < end; }))
        << notices();
  }
  void train() {
    coordinator_->run([this](train::Ranks& ranks) { train_sums(ranks, &checkpoint_); });
  }
  std::string notices() {
    const std::lock_guard lock(mutex_);
    return notices_;
  }
  /// How often the notices contain it.
  int64_t times_told(const std::string& text) {
    const auto all = notices();
    int64_t times = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++times;
    return times;
  }
  void wait_for_notice(const std::string& text) {
    wait_until([&] { return times_told(text) > 0; });
  }

  cluster::MemberOptions options_;
  SumCheckpoint checkpoint_;
  std::mutex mutex_;
  std::string notices_;
  std::unique_ptr<cluster::TrainingCoordinator> coordinator_;
  std::vector<std::unique_ptr<TrainingThread>> workers_;
};

TEST_F(ClusterTraining, AllRanksTrain) {
  start(3);
  add_worker();
  add_worker();
  wait_for_all();
  train();
  EXPECT_EQ(checkpoint_.ranks, std::vector<int64_t>(kTrainingSteps, 3));
  coordinator_.reset();
  for (const auto& worker : workers_) EXPECT_EQ(worker->error(), "");
}

TEST_F(ClusterTraining, GoesOnWithTheRanksThatAreLeft) {
  start(3);
  // The first worker that reaches step 10 fails as if it were interrupted, and leaves.
  std::atomic<bool> is_left{false};
  const auto leave_at_10 = [&](int number) {
    return [&, number](int64_t step) {
      if (step < 10 || is_left.exchange(true)) return;
      workers_.at(number)->leave();
      fail(ErrorCode::kCancelled, "stopped");
    };
  };
  add_worker(leave_at_10(0));
  add_worker(leave_at_10(1));
  wait_for_all();
  const auto began = std::chrono::steady_clock::now();
  train();
  // Far less than the minute after which a group gives up waiting for a lost rank.
  EXPECT_LT(std::chrono::steady_clock::now() - began, 50s);
  ASSERT_EQ(checkpoint_.ranks.size(), static_cast<size_t>(kTrainingSteps)) << notices();
  EXPECT_EQ(checkpoint_.ranks.front(), 3);
  EXPECT_EQ(checkpoint_.ranks.back(), 2);
  wait_for_notice("was lost: its connection");
  wait_for_notice("continues from its last checkpoint on the 2 ranks left");
  coordinator_.reset();
}

TEST_F(ClusterTraining, TheLastRankTrainsAlone) {
  start(2);
  add_worker([this](int64_t step) {
    if (step < 5) return;
    workers_.front()->leave();
    fail(ErrorCode::kCancelled, "stopped");
  });
  wait_for_all();
  train();
  EXPECT_EQ(checkpoint_.ranks.size(), static_cast<size_t>(kTrainingSteps));
  EXPECT_EQ(checkpoint_.ranks.back(), 1);
}

TEST_F(ClusterTraining, AnErrorOnAWorkerEndsAll) {
  start(3);
  add_worker();
  add_worker([](int64_t step) {
    if (step == 5) fail(ErrorCode::kCorruptFile, "a.png: cannot be read");
  });
  wait_for_all();
  expect_error(ErrorCode::kCorruptFile, {"rank ", "a.png: cannot be read"}, [this] { train(); });
  EXPECT_LT(checkpoint_.step, kTrainingSteps);
  coordinator_->dismiss("the training has failed");
  for (const auto& worker : workers_) EXPECT_EQ(worker->error(), "the training has failed");
}

TEST_F(ClusterTraining, OtherDataAreRefusedBeforeTheTraining) {
  start(2);
  TrainingThread other(options_.address, training_files("another hash"));
  EXPECT_EQ(other.error(),
            "data/a.png of the worker's training data differs from the coordinator's");
  wait_for_notice("127.0.0.1 did not join: data/a.png");
  // Its place is free soon, for another one. Those that come too early are refused.
  while (times_told("has joined") == 0 && !HasFailure()) {
    const auto refused = times_told("did not join: all 2 ranks");
    add_worker();
    wait_until([&] {
      return times_told("has joined") > 0 || times_told("did not join: all 2 ranks") > refused;
    });
  }
  wait_for_all();
  train();
  EXPECT_EQ(checkpoint_.ranks, std::vector<int64_t>(kTrainingSteps, 2));
}

TEST(TrainingFiles, HaveNamesSizesAndHashes) {
  TemporaryDirectory folder;
  write_file(folder.path() / "a.txt", "abc");
  std::filesystem::create_directories(folder.path() / "sub" / ".cache");
  write_file(folder.path() / "sub" / "b.txt", "");
  write_file(folder.path() / "sub" / ".cache" / "c", "hidden");
  write_file(folder.path() / ".d", "hidden");
  const auto files = cluster::fingerprint_of_folders(
      {{"data", folder.path()}, {"start", folder.path() / "missing"}});
  const std::map<std::string, std::string> expected = {
      // echo -n abc | sha256sum
      {"data/a.txt", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3"},
      {"data/sub/b.txt", "empty 0"}};
  EXPECT_EQ(files.files, expected);
  auto other = files;
  other.files["data/z.txt"] = "more";
  EXPECT_EQ(files.difference(other, "training data"),
            "the worker's training data has data/z.txt, which the coordinator's has not");
}

}  // namespace
}  // namespace glm_image::test
