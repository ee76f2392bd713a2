#include "cluster/rank_part.h"

#include <algorithm>

#include "cluster/shared_drawing.h"
#include "core/error.h"

namespace glm_image::cluster {
namespace {

std::unique_ptr<ProcessGroup> group_of(const DrawPart& part, int rank, const std::string& host) {
  if (part.ranks.size() == 1) return nullptr;
  GroupMember member;
  const auto own = std::find(part.ranks.begin(), part.ranks.end(), rank);
  member.rank = static_cast<int>(own - part.ranks.begin());
  member.size = static_cast<int>(part.ranks.size());
  member.host = host;
  return std::make_unique<ProcessGroup>(std::move(member));
}

}  // namespace

RankPart::RankPart(DrawPart part,
                   int rank,
                   const std::string& host,
                   std::shared_ptr<MeetingPlace> place)
    : part_(std::move(part)),
      rank_(rank),
      place_(std::move(place)),
      group_(group_of(part_, rank, host)) {}

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
  if (!group_) return pipeline.generate(part_.request, progress, preview);
  group_->connect(place_, part_.key());
  SharedDrawing drawing(*group_, part_.way, part_.shares_generator, part_.wire);
  const pipeline::RankScope scope(drawing);
  return pipeline.generate(part_.request, progress, preview);
}

void RankPart::stop(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    is_stopped_ = true;
    reason_ = reason;
  }
  if (group_) group_->stop(reason);
}

}  // namespace glm_image::cluster
