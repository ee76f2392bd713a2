#pragma once

#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster/coordinator.h"
#include "cluster/worker.h"
#include "support/free_port.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {

inline Request small_request(int64_t count) {
  Request request;
  request.prompt = "Une affiche : « Marché de Saaba »";
  request.width = 96;
  request.height = 64;
  request.steps = 3;
  request.guidance = 2;
  request.seed = 5;
  request.count = count;
  return request;
}

inline cluster::ModelFingerprint tiny_fingerprint() {
  cluster::ModelFingerprint model;
  model.files["vae/config.json"] = "hash";
  return model;
}

inline cluster::Address next_cluster_address() {
  cluster::Address address;
  address.host = "127.0.0.1";
  address.port = free_port();
  return address;
}

/// A worker on a thread of its own, with a pipeline of its own.
class WorkerThread {
 public:
  explicit WorkerThread(const cluster::Address& address)
      : thread_([this, address] {
          try {
            auto pipeline = Pipeline::load(tiny_model_dir());
            cluster::Worker worker({address, cluster::Secret()}, tiny_fingerprint());
            worker.run(
                pipeline,
                [this] { return goes_on(); },
                [this](const cluster::DrawPart& /*part*/) { draws_ = true; });
          } catch (const std::exception& error) {
            error_ = error.what();
          }
        }) {}
  ~WorkerThread() { end(); }
  /// Leaves the cluster as a program does that is interrupted. A worker that waits for another rank
  /// leaves when that has answered, so whoever draws must not wait for its end.
  void leave() { stops_ = true; }
  /// Halts its drawing at the next step, until it goes on or leaves: it is not done before.
  void halt() { halts_ = true; }
  void go_on() { halts_ = false; }
  void end() {
    leave();
    if (thread_.joinable()) thread_.join();
  }
  /// Waits for its end; what it threw.
  std::string error() {
    if (thread_.joinable()) thread_.join();
    return error_;
  }

 private:
  bool goes_on() {
    while (draws_ && halts_ && !stops_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return !stops_;
  }

  std::atomic<bool> stops_{false}, halts_{false};
  std::atomic<bool> draws_{false};  // has begun to: before, it holds its lock while it asks
  std::string error_;
  std::thread thread_;
};

class ClusterOf : public testing::Test {
 protected:
  void start(int world) {
    cluster::MemberOptions options;
    options.address = next_cluster_address();
    options.world = world;
    options.model = tiny_fingerprint();
    options.dtype = pipeline_.info().dtype;
    options.vae_dtype = pipeline_.info().vae_dtype;
    coordinator_ = std::make_unique<cluster::Coordinator>(
        options, rates_, [](const std::string& sentence) { std::cerr << sentence << '\n'; });
    for (int rank = 1; rank < world; ++rank) {
      workers_.push_back(std::make_unique<WorkerThread>(options.address));
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(5);
    ASSERT_TRUE(coordinator_->wait_for_all([&] { return std::chrono::steady_clock::now() < end; }));
  }
  Result drawn_alone(const Request& request) {
    return pipeline_.generate(pipeline_.check(request));
  }
  Result drawn_together(const Request& request) {
    return coordinator_->draw(pipeline_, pipeline_.check(request));
  }
  static void expect_same(const Result& a, const Result& b) {
    ASSERT_EQ(a.pictures.size(), b.pictures.size());
    for (size_t i = 0; i < a.pictures.size(); ++i) {
      EXPECT_EQ(a.pictures[i].image.pixels, b.pictures[i].image.pixels) << i;
      EXPECT_EQ(a.pictures[i].seed, b.pictures[i].seed);
      EXPECT_EQ(a.pictures[i].composition.picture.tokens, b.pictures[i].composition.picture.tokens);
      EXPECT_EQ(a.pictures[i].composition.preview.tokens, b.pictures[i].composition.preview.tokens);
    }
    EXPECT_EQ(a.spelled_texts, b.spelled_texts);
    EXPECT_EQ(a.generated_tokens, b.generated_tokens);
    EXPECT_EQ(a.prompt_tokens, b.prompt_tokens);
  }

  cluster::Coordinator::Rates rates_;
  Pipeline pipeline_ = Pipeline::load(tiny_model_dir());
  std::unique_ptr<cluster::Coordinator> coordinator_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
};

}  // namespace glm_image::test
