#include "cluster/rank_claims.h"

#include <algorithm>
#include <chrono>

#include "core/error.h"

namespace glm_image::cluster {
namespace {

constexpr int kFirstRank = 0;
/// Interval at which a request that waits for a rank checks for cancellation.
constexpr std::chrono::milliseconds kClaimTick{100};

/// Counts the waiting requests.
class Waiting {
 public:
  explicit Waiting(std::atomic<int>& count) : count_(count) { ++count_; }
  ~Waiting() { --count_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  std::atomic<int>& count_;
};

}  // namespace

void RankClaim::keep(const std::set<int>& used) {
  const std::lock_guard lock(claims_.mutex_);
  const auto kept = std::stable_partition(
      ranks_.begin(), ranks_.end(), [&](int rank) { return used.count(rank) != 0; });
  for (auto rank = kept; rank != ranks_.end(); ++rank) claims_.held_.erase(*rank);
  ranks_.erase(kept, ranks_.end());
  claims_.change_.notify_all();
}

std::vector<int> RankClaims::free_ranks() const {
  std::vector<int> free;
  for (const int rank : ready_()) {
    if (held_.count(rank) == 0) free.push_back(rank);
  }
  return free;
}

bool RankClaims::suffice(const std::vector<int>& free, bool needs_first) const {
  return !free.empty() && (!needs_first || free.front() == kFirstRank);
}

/// Holds all or, if memory runs out, none: no claim would release a part.
void RankClaims::hold(const std::vector<int>& ranks) {
  auto held = held_;
  held.insert(ranks.begin(), ranks.end());
  held_.swap(held);
}

int64_t RankClaims::count_free() {
  const std::lock_guard lock(mutex_);
  return waiting_again_ > 0 ? 0 : static_cast<int64_t>(free_ranks().size());
}

std::unique_ptr<RankClaim> RankClaims::take(int64_t open, bool needs_first) {
  auto claim = std::make_unique<RankClaim>(*this);
  const std::lock_guard lock(mutex_);
  if (waiting_again_ > 0) return nullptr;
  auto free = free_ranks();
  if (!suffice(free, needs_first)) return nullptr;
  const auto requests = static_cast<size_t>(std::max<int64_t>(open, 1));
  free.resize((free.size() + requests - 1) / requests);
  hold(free);
  claim->ranks_ = std::move(free);
  return claim;
}

void RankClaims::take_again(RankClaim& claim,
                            bool needs_first,
                            const std::function<bool()>& goes_on) {
  const Waiting waiting(waiting_again_);
  const auto most = claim.ranks().size();
  claim.keep({});
  std::unique_lock lock(mutex_);
  while (true) {
    auto free = free_ranks();
    if (suffice(free, needs_first)) {
      free.resize(std::min(free.size(), most));
      hold(free);
      claim.ranks_ = std::move(free);
      return;
    }
    change_.wait_for(lock, kClaimTick);
    lock.unlock();
    if (!goes_on()) fail(ErrorCode::kCancelled, "cancelled");
    lock.lock();
  }
}

}  // namespace glm_image::cluster
