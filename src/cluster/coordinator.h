#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/draw_message.h"
#include "cluster/key_table.h"
#include "cluster/members.h"
#include "cluster/rank_claims.h"
#include "cluster/rank_part.h"
#include "cluster/spread.h"
#include "cluster/work_thread.h"

namespace glm_image::cluster {

/// Thrown when a rank that takes part in the work dies or hangs. The message names it.
class LostRank : public Error {
 public:
  explicit LostRank(const std::string& sentence) : Error(ErrorCode::kInternal, sentence) {}
};

/// Rank 0: spreads requests over itself and the workers, and collects their pictures.
class Coordinator {
 public:
  using Notice = std::function<void(const std::string& sentence)>;

  /// Inputs for the choice of a spread.
  struct Rates {
    pipeline::DurationEstimate own;  ///< measured on this machine
    NetworkSpeed network;
    ModelSizes sizes;
    /// Whether no rank holds more than its share of the generator's weights.
    bool share_weights = false;
    /// `sizes` must be those of this wire (sizes_of).
    Wire wire = Wire::kExact;
  };

  /// Listens at once. Throws as Members does. `notice` is called from any thread.
  Coordinator(MemberOptions options, Rates rates, Notice notice);
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  /// Waits until all ranks have joined. Returns false if `goes_on` returns false first.
  bool wait_for_all(const std::function<bool()>& goes_on);
  /// Number of ready ranks, including this one.
  int64_t ranks() const { return 1 + static_cast<int64_t>(members_.ready().size()); }

  /// Claims ranks for one of `open` requests that have none yet. The free ranks are divided equally
  /// among these; a single request gets all. Returns null if no rank is free, or if another request
  /// holds this rank and `request` needs it. With Rates::share_weights, all ranks or none.
  std::unique_ptr<RankClaim> claim(const Request& request, int64_t open);
  /// Requests that may be drawn at the same time. Each takes a thread of the caller, so there is a
  /// limit for large clusters.
  int64_t most_requests() const;
  /// Number of free ranks, which claim() would divide.
  int64_t free_ranks() { return claims_.count_free(); }

  /// Draws on all ready ranks, as `pipeline` alone would. Throws LostRank, and as
  /// Pipeline::generate does. No other request may be drawn at the same time.
  Result draw(Pipeline& pipeline,
              const Request& request,
              const ProgressCallback& progress = {},
              const PreviewCallback& preview = {});
  /// As above. If a rank is lost, draws once more on the remaining ranks.
  Result draw_twice(Pipeline& pipeline,
                    const Request& request,
                    const ProgressCallback& progress = {},
                    const PreviewCallback& preview = {});
  /// As above, on the ranks of `claim`, which claim() returned for this request. Releases those
  /// that have nothing to do. Other threads may draw other requests at the same time. A thread of
  /// the coordinator draws this rank's share and calls `progress` and `preview`.
  Result draw_twice(RankClaim& claim,
                    Pipeline& pipeline,
                    const Request& request,
                    const ProgressCallback& progress = {},
                    const PreviewCallback& preview = {});

  /// Ends the workers. They print the reason unless it is empty.
  void dismiss(const std::string& reason) { members_.dismiss(reason); }

 private:
  /// One part of a request that is being drawn.
  struct Share {
    DrawPart part;
    int64_t first_picture = 0;  ///< of the request
    std::set<int> at_work;      ///< ranks that have not finished
    std::optional<Result> result;
    std::optional<Progress> progress;
  };
  /// A request that is being drawn. The mutex guards all but `own` and each Share::part, which do
  /// not change.
  struct Drawing {
    std::map<int64_t, Share> shares;  ///< by part
    std::deque<Preview> previews;
    std::exception_ptr failure;
    bool lost_a_rank = false;
    std::shared_ptr<RankPart> own;  ///< null if this rank has no part
  };

  void on_message(int rank, const Message& message);
  void on_lost(int rank, const std::string& sentence);
  Result draw(RankClaim& claim,
              Pipeline& pipeline,
              const Request& request,
              const ProgressCallback& progress,
              const PreviewCallback& preview,
              WorkThread* own_thread);
  std::shared_ptr<Drawing> begin(RankClaim& claim, const Request& request);
  void send_parts(Drawing& drawing);
  /// Runs on `own_thread`, or on the caller's thread if that is null.
  void draw_own_share(Drawing& drawing,
                      Pipeline& pipeline,
                      const ProgressCallback& progress,
                      const PreviewCallback& preview,
                      WorkThread* own_thread);
  bool report(Drawing& drawing, const ProgressCallback& progress, const PreviewCallback& preview);
  void wait_for_others(Drawing& drawing,
                       const ProgressCallback& progress,
                       const PreviewCallback& preview);
  /// Both require no lock. All parts end, on all ranks; the request ends.
  void stop_parts(Drawing& drawing, const std::string& reason);
  void release_parts(const std::shared_ptr<Drawing>& drawing);
  /// Ends the request with this failure, unless it has one already. Requires no lock.
  void fail_with(Drawing& drawing, std::exception_ptr failure, bool is_loss);
  void stop_own(RankPart& own, const std::string& reason);
  Result collect(Drawing& drawing, const Request& request);
  std::exception_ptr failure_after_a_while(Drawing& drawing);

  const Rates rates_;
  const Notice notice_;
  std::shared_ptr<KeyTable> places_ = std::make_shared<KeyTable>();
  std::mutex mutex_;
  std::condition_variable change_;
  int64_t next_part_ = 1;
  std::vector<std::shared_ptr<Drawing>> drawings_;
  /// Draws this rank's shares of concurrent requests. Each caller has its own thread, but the
  /// pipeline computes on this one.
  WorkThread own_thread_;
  RankClaims claims_;
  Members members_;  ///< last: its threads use the members above
};

}  // namespace glm_image::cluster
