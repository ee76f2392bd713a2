#include "cluster/rank_part.h"

#include <algorithm>

#include "cluster/shared_drawing.h"
#include "core/error.h"

namespace glm_image::cluster {

RankPart::RankPart(DrawPart part, int rank, std::string host, std::shared_ptr<MeetingPlace> place)
    : part_(std::move(part)), rank_(rank), host_(std::move(host)), place_(std::move(place)) {}

RankPart::~RankPart() = default;

Result RankPart::run(Pipeline& pipeline,
                     const ProgressCallback& progress,
                     const PreviewCallback& preview) {
  const auto goes_on = [&](const Progress& now) {
    {
      const std::lock_guard lock(mutex_);
      if (is_stopped_) return false;
    }
    return !progress || progress(now);
  };
  try {
    return draw(pipeline, goes_on, preview);
  } catch (const std::exception&) {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) fail(ErrorCode::kCancelled, reason_);
    throw;
  }
}

Result RankPart::draw(Pipeline& pipeline,
                      const ProgressCallback& progress,
                      const PreviewCallback& preview) {
  if (part_.ranks.size() == 1) return pipeline.generate(part_.request, progress, preview);
  GroupMember member;
  const auto own = std::find(part_.ranks.begin(), part_.ranks.end(), rank_);
  member.rank = static_cast<int>(own - part_.ranks.begin());
  member.size = static_cast<int>(part_.ranks.size());
  member.host = host_;
  auto group = ProcessGroup::connect(place_, part_.key(), member);
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) fail(ErrorCode::kCancelled, reason_);
    group_ = group;
  }
  SharedDrawing drawing(*group, part_.way, part_.shares_generator, part_.wire);
  const pipeline::RankScope scope(drawing);
  return pipeline.generate(part_.request, progress, preview);
}

void RankPart::stop(const std::string& reason) {
  std::shared_ptr<ProcessGroup> group;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    is_stopped_ = true;
    reason_ = reason;
    group = group_;
  }
  if (group) group->stop(reason);
}

}  // namespace glm_image::cluster
