#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace glm_image::cluster {

class RankClaims;

/// The ranks that one request holds. The destructor releases them. RankClaims must outlive it. Not
/// thread-safe.
class RankClaim {
 public:
  /// Creates a claim that holds no ranks.
  explicit RankClaim(RankClaims& claims) : claims_(claims) {}
  ~RankClaim() { keep({}); }
  RankClaim(const RankClaim&) = delete;
  RankClaim& operator=(const RankClaim&) = delete;

  /// In ascending order.
  const std::vector<int>& ranks() const { return ranks_; }
  /// Releases all ranks except these.
  void keep(const std::set<int>& used);

 private:
  friend class RankClaims;
  RankClaims& claims_;
  std::vector<int> ranks_;
};

/// Assigns ranks to requests. A rank draws for one request at a time. Thread-safe.
class RankClaims {
 public:
  /// Returns the ranks that have joined, in ascending order.
  using Ready = std::function<std::vector<int>()>;

  explicit RankClaims(Ready ready) : ready_(std::move(ready)) {}

  /// Claims ranks for one of `open` requests that have none yet: an equal share of the free ranks,
  /// rounded up. Returns null if no rank is free, if `needs_first` and another request holds rank
  /// 0, or if a request waits in take_again.
  std::unique_ptr<RankClaim> take(int64_t open, bool needs_first);
  /// Replaces the ranks of a request that has lost one: by as many free ranks, or by fewer if there
  /// are fewer. Waits until at least one is free, and throws kCancelled once `goes_on` returns
  /// false.
  void take_again(RankClaim& claim, bool needs_first, const std::function<bool()>& goes_on);
  /// Number of free ranks, which take() would divide.
  int64_t count_free();

 private:
  friend class RankClaim;
  /// The caller holds the mutex.
  std::vector<int> free_ranks() const;
  bool suffice(const std::vector<int>& free, bool needs_first) const;
  void hold(const std::vector<int>& ranks);

  const Ready ready_;
  std::mutex mutex_;
  std::condition_variable change_;
  std::set<int> held_;
  std::atomic<int> waiting_again_{0};
};

}  // namespace glm_image::cluster
