#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "cluster/draw_message.h"
#include "cluster/process_group.h"

namespace glm_image::cluster {

/// One rank's share of a part: it draws alone, or connects to the part's other ranks and draws with
/// them.
class RankPart {
 public:
  /// `rank`: this rank's number in the cluster. `host`: its address for the others.
  RankPart(DrawPart part, int rank, const std::string& host, std::shared_ptr<MeetingPlace> place);
  /// Closes the connections to the part's other ranks. Destroy it only when all have finished.
  ~RankPart();

  const DrawPart& part() const { return part_; }
  bool leads() const { return part_.ranks.front() == rank_; }

  /// Draws. Throws as Pipeline::generate does, and kCancelled with the reason of stop().
  Result run(Pipeline& pipeline, const ProgressCallback& progress, const PreviewCallback& preview);
  /// Makes run() end soon, unless it waits for a key of `place`: the caller ends those waits.
  /// Thread-safe.
  void stop(const std::string& reason);

 private:
  Result draw(Pipeline& pipeline, const ProgressCallback& progress, const PreviewCallback& preview);

  const DrawPart part_;
  const int rank_;
  const std::shared_ptr<MeetingPlace> place_;
  std::mutex mutex_;
  bool is_stopped_ = false;
  std::string reason_;
  const std::unique_ptr<ProcessGroup> group_;  ///< null if this rank draws alone
};

}  // namespace glm_image::cluster
