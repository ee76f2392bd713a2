#include "cluster/coordinator.h"

#include <algorithm>
#include <utility>

#include "cluster/failure_reason.h"
#include "cluster/remote_place.h"
#include "core/error.h"
#include "pipeline/request_values.h"

namespace glm_image::cluster {
namespace {

using Lock = std::unique_lock<std::mutex>;

/// Interval at which a waiting request checks for cancellation.
constexpr std::chrono::milliseconds kTick{100};
/// Maximum number of concurrent requests.
constexpr int64_t kMostRequests = 64;

template <typename Shares>
bool all_done(const Shares& shares) {
  return std::all_of(
      shares.begin(), shares.end(), [](const auto& item) { return item.second.at_work.empty(); });
}

}  // namespace

Coordinator::Coordinator(MemberOptions options, Rates rates, Notice notice)
    : rates_(rates),
      notice_(std::move(notice)),
      claims_([this] {
        std::vector<int> ranks = {kCoordinatorRank};
        for (const int rank : members_.ready()) ranks.push_back(rank);
        return ranks;
      }),
      members_(std::move(options),
               {[this](int rank, const Message& message) { on_message(rank, message); },
                [this](int rank, const std::string& sentence) { on_lost(rank, sentence); },
                notice_}) {}

Coordinator::~Coordinator() = default;

bool Coordinator::wait_for_all(const std::function<bool()>& goes_on) {
  return members_.wait_for_all(goes_on);
}

std::unique_ptr<RankClaim> Coordinator::claim(const Request& request, int64_t open) {
  return claims_.take(rates_.share_weights ? 1 : open, pipeline::wants_verification(request));
}

int64_t Coordinator::most_requests() const {
  return rates_.share_weights ? 1 : std::min<int64_t>(members_.world(), kMostRequests);
}

Result Coordinator::draw(Pipeline& pipeline,
                         const Request& request,
                         const ProgressCallback& progress,
                         const PreviewCallback& preview) {
  const auto all = claim(request, 1);
  GLM_IMAGE_CHECK(all != nullptr, "another request is being drawn");
  return draw(*all, pipeline, request, progress, preview, /*own_thread=*/nullptr);
}

Result Coordinator::draw_twice(Pipeline& pipeline,
                               const Request& request,
                               const ProgressCallback& progress,
                               const PreviewCallback& preview) {
  const auto all = claim(request, 1);
  GLM_IMAGE_CHECK(all != nullptr, "another request is being drawn");
  return draw_twice(*all, pipeline, request, progress, preview);
}

Result Coordinator::draw_twice(RankClaim& claim,
                               Pipeline& pipeline,
                               const Request& request,
                               const ProgressCallback& progress,
                               const PreviewCallback& preview) {
  std::string lost;
  try {
    return draw(claim, pipeline, request, progress, preview, &own_thread_);
  } catch (const LostRank& error) {
    lost = error.what();
  }
  claims_.take_again(claim, pipeline::wants_verification(request), [&] {
    return !progress || progress(Progress());
  });
  const auto ranks = claim.ranks().size();
  notice_(ranks == 1 ? concat(lost, "; drawing the request again on 1 rank")
                     : concat(lost, "; drawing the request again on ", ranks, " ranks"));
  return draw(claim, pipeline, request, progress, preview, &own_thread_);
}

Result Coordinator::draw(RankClaim& claim,
                         Pipeline& pipeline,
                         const Request& request,
                         const ProgressCallback& progress,
                         const PreviewCallback& preview,
                         WorkThread* own_thread) {
  const auto drawing = begin(claim, request);
  std::optional<Result> result;
  try {
    send_parts(*drawing);
    draw_own_share(*drawing, pipeline, progress, preview, own_thread);
    wait_for_others(*drawing, progress, preview);
    result = collect(*drawing, request);
  } catch (...) {
    fail_with(*drawing, std::current_exception(), /*is_loss=*/false);
  }
  const auto failure = failure_after_a_while(*drawing);
  if (failure) stop_parts(*drawing, failure_reason(failure, "the request has failed"));
  release_parts(drawing);
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

std::shared_ptr<Coordinator::Drawing> Coordinator::begin(RankClaim& claim, const Request& request) {
  auto spread = best_spread(
      request, claim.ranks(), rates_.own, rates_.network, rates_.sizes, rates_.share_weights);
  std::set<int> used;
  for (const auto& one : spread.parts) used.insert(one.part.ranks.begin(), one.part.ranks.end());
  claim.keep(used);
  auto drawing = std::make_shared<Drawing>();
  const Lock lock(mutex_);
  for (auto& one : spread.parts) {
    Share share;
    share.first_picture = one.first_picture;
    share.at_work = {one.part.ranks.begin(), one.part.ranks.end()};
    share.part = std::move(one.part);
    share.part.id = next_part_++;
    share.part.wire = rates_.wire;
    if (share.at_work.count(kCoordinatorRank) != 0) {
      drawing->own =
          std::make_shared<RankPart>(share.part, kCoordinatorRank, members_.host(), places_);
    }
    const int64_t id = share.part.id;
    drawing->shares.emplace(id, std::move(share));
  }
  drawings_.push_back(drawing);
  return drawing;
}

void Coordinator::send_parts(Drawing& drawing) {
  for (const auto& [id, share] : drawing.shares) {
    const auto message = draw_message(share.part);
    for (const int rank : share.part.ranks) {
      if (rank != kCoordinatorRank && !members_.send(rank, message)) {
        fail_with(drawing,
                  std::make_exception_ptr(
                      LostRank(concat("rank ", rank, " was lost before it got its part"))),
                  /*is_loss=*/true);
      }
    }
  }
}

void Coordinator::draw_own_share(Drawing& drawing,
                                 Pipeline& pipeline,
                                 const ProgressCallback& progress,
                                 const PreviewCallback& preview,
                                 WorkThread* own_thread) {
  const auto& own = drawing.own;
  if (!own) return;
  const int64_t id = own->part().id;
  const int64_t first = [&] {
    const Lock lock(mutex_);
    return drawing.shares.at(id).first_picture;
  }();
  Result result;
  const auto run = [&] {
    result = own->run(
        pipeline,
        [&](Progress now) {
          now.picture += first;
          {
            const Lock lock(mutex_);
            drawing.shares.at(id).progress = now;
            if (drawing.failure) return false;
          }
          return report(drawing, progress, preview);
        },
        [&](Preview shown) {
          shown.picture += first;
          if (preview) preview(shown);
        });
  };
  // Only the holder of this rank's claim gets here, so the thread is idle.
  if (own_thread != nullptr) {
    own_thread->run(run);
  } else {
    run();
  }
  const Lock lock(mutex_);
  auto& share = drawing.shares.at(id);
  if (own->leads()) share.result = std::move(result);
  share.at_work.erase(kCoordinatorRank);
}

/// Forwards messages of the ranks to the callbacks, on the caller's thread. Returns the result of
/// `progress`.
bool Coordinator::report(Drawing& drawing,
                         const ProgressCallback& progress,
                         const PreviewCallback& preview) {
  std::deque<Preview> previews;
  std::optional<Progress> now;
  {
    const Lock lock(mutex_);
    previews.swap(drawing.previews);
    // The caller sees this rank's share until that is done, then one that is not.
    for (const auto& [id, share] : drawing.shares) {
      const bool is_own = share.at_work.count(kCoordinatorRank) != 0;
      if (!share.progress || share.at_work.empty()) continue;
      if (!now || is_own) now = share.progress;
    }
  }
  if (preview) {
    for (const auto& shown : previews) preview(shown);
  }
  return !progress || progress(now.value_or(Progress()));
}

void Coordinator::wait_for_others(Drawing& drawing,
                                  const ProgressCallback& progress,
                                  const PreviewCallback& preview) {
  while (true) {
    {
      Lock lock(mutex_);
      const auto is_over = [&] { return drawing.failure || all_done(drawing.shares); };
      change_.wait_for(lock, kTick, is_over);
      if (drawing.failure) std::rethrow_exception(drawing.failure);
      if (is_over()) break;
    }
    if (!report(drawing, progress, preview)) fail(ErrorCode::kCancelled, "cancelled");
  }
  report(drawing, {}, preview);
}

Result Coordinator::collect(Drawing& drawing, const Request& request) {
  const Lock lock(mutex_);
  Result all;
  for (auto& [id, share] : drawing.shares) {
    GLM_IMAGE_CHECK(share.result.has_value(), "a part without a result");
    auto& result = *share.result;
    GLM_IMAGE_CHECK(static_cast<int64_t>(result.pictures.size()) == share.part.request.count,
                    "a part with ",
                    result.pictures.size(),
                    " pictures");
    for (auto& picture : result.pictures) {
      if (share.part.way == Way::kTokens && share.part.wire != Wire::kExact) {
        picture.cluster_wire = wire_name(share.part.wire);
      }
      all.pictures.push_back(std::move(picture));
    }
    // The stages are those of one rank: that of the first part.
    if (all.stages.empty()) {
      all.stages = result.stages;
      all.spelled_texts = result.spelled_texts;
      all.prompt_tokens = result.prompt_tokens;
      all.condition_tokens = result.condition_tokens;
    }
    all.generated_tokens += result.generated_tokens;
    all.candidates += result.candidates;
  }
  GLM_IMAGE_CHECK(static_cast<int64_t>(all.pictures.size()) == request.count,
                  "pictures are missing");
  return all;
}

void Coordinator::fail_with(Drawing& drawing, std::exception_ptr failure, bool is_loss) {
  {
    const Lock lock(mutex_);
    // Report the loss of a rank first: it is the cause of the other failures.
    if (!drawing.failure || (is_loss && !drawing.lost_a_rank)) {
      drawing.failure = std::move(failure);
    }
    drawing.lost_a_rank = drawing.lost_a_rank || is_loss;
    change_.notify_all();
  }
  // This rank may be blocked on the failed one.
  if (drawing.own) stop_own(*drawing.own, "another rank has failed");
}

void Coordinator::stop_own(RankPart& own, const std::string& reason) {
  own.stop(reason);
  places_->end(own.part().key() + "/", reason);
}

/// The failure of the request, if there is one. A connection that breaks between two ranks is
/// explained by the loss of one of them, which the coordinator may notice later.
std::exception_ptr Coordinator::failure_after_a_while(Drawing& drawing) {
  Lock lock(mutex_);
  if (!drawing.failure || drawing.lost_a_rank) return drawing.failure;
  bool may_be_a_loss = false;
  try {
    std::rethrow_exception(drawing.failure);
  } catch (const Error& error) {
    may_be_a_loss = error.code() == ErrorCode::kInternal;
  } catch (...) {
    may_be_a_loss = false;
  }
  const auto is_shared = [](const auto& item) { return item.second.part.ranks.size() > 1; };
  if (may_be_a_loss && std::any_of(drawing.shares.begin(), drawing.shares.end(), is_shared)) {
    change_.wait_for(lock, kLossLimit, [&] { return drawing.lost_a_rank; });
  }
  return drawing.failure;
}

void Coordinator::stop_parts(Drawing& drawing, const std::string& reason) {
  for (const auto& [id, share] : drawing.shares) {
    for (const int rank : share.part.ranks) {
      members_.send(rank, Message("stop", {{"part", id}, {"reason", reason}}));
    }
  }
  if (drawing.own) stop_own(*drawing.own, reason);
}

/// All ranks may close the connections of the request's parts.
void Coordinator::release_parts(const std::shared_ptr<Drawing>& drawing) {
  {
    const Lock lock(mutex_);
    drawings_.erase(std::remove(drawings_.begin(), drawings_.end(), drawing), drawings_.end());
  }
  for (const auto& [id, share] : drawing->shares) {
    places_->forget(share.part.key() + "/");
    for (const int rank : share.part.ranks) {
      members_.send(rank, Message("release", {{"part", id}}));
    }
  }
}

void Coordinator::on_message(int rank, const Message& message) {
  const auto answer = [this, rank](const Message& value) { members_.send(rank, value); };
  if (serve_place(*places_, message, answer)) return;
  const auto type = message.type();
  const auto part = part_of(message);
  std::exception_ptr failure;
  std::shared_ptr<Drawing> drawing;
  {
    const Lock lock(mutex_);
    const auto found = std::find_if(drawings_.begin(), drawings_.end(), [&](const auto& one) {
      return one->shares.count(part) != 0;
    });
    if (found == drawings_.end()) return;  // of a request that has failed
    drawing = *found;
    auto& share = drawing->shares.at(part);
    if (type == "progress") {
      share.progress = progress_from(message);
      share.progress->picture += share.first_picture;
    } else if (type == "preview") {
      drawing->previews.push_back(preview_from(message));
      drawing->previews.back().picture += share.first_picture;
    } else if (type == "result") {
      if (share.part.ranks.front() == rank) share.result = result_from(message);
      share.at_work.erase(rank);
      change_.notify_all();
    } else if (type == "failure") {
      const auto error = failure_from(message);
      failure =
          std::make_exception_ptr(Error(error.code(), concat("rank ", rank, ": ", error.what())));
    }
  }
  if (failure) fail_with(*drawing, failure, /*is_loss=*/false);
}

void Coordinator::on_lost(int rank, const std::string& sentence) {
  std::shared_ptr<Drawing> drawing;
  {
    const Lock lock(mutex_);
    for (const auto& one : drawings_) {
      for (const auto& [id, share] : one->shares) {
        if (share.at_work.count(rank) != 0) drawing = one;
      }
    }
  }
  if (!drawing) return notice_(sentence);
  fail_with(*drawing, std::make_exception_ptr(LostRank(sentence)), /*is_loss=*/true);
}

}  // namespace glm_image::cluster
