#include "cluster/worker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cluster/remote_place.h"
#include "core/error.h"

namespace glm_image::cluster {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenProgress{250};

}  // namespace

Worker::Worker(const WorkerOptions& options, const ModelFingerprint& model)
    : coordinator_(options.address.text()) {
  auto socket = Socket::connect(options.address, kJoinLimit);
  welcome_ = join(socket, options.secret, model);
  link_ = std::make_unique<Link>(std::move(socket));
  place_ = std::make_shared<RemotePlace>(*link_);
  link_->start([this](const Message& message) { on_message(message); },
               [this](const std::string& why) { on_lost(why); });
}

Worker::~Worker() {
  // Its threads use the other members, and this one until it is taken away.
  std::unique_ptr<Link> link;
  {
    const std::lock_guard lock(mutex_);
    link = std::move(link_);
  }
  link->close();
  link.reset();
}

void Worker::run(Pipeline& pipeline,
                 const std::function<bool()>& goes_on,
                 const std::function<void(const DrawPart&)>& began) {
  link_->send(Message("ready"));
  while (const auto part = next_part(goes_on)) {
    if (began) began(part->part());
    draw(pipeline, part, goes_on);
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
    drawn_.push_back(part);
  }
  const std::lock_guard lock(mutex_);
  if (!reason_.empty()) fail(ErrorCode::kInternal, reason_);
}

/// Null when it is over.
std::shared_ptr<RankPart> Worker::next_part(const std::function<bool()>& goes_on) {
  std::unique_lock lock(mutex_);
  while (!is_over_ && goes_on()) {
    if (waiting_.empty()) {
      change_.wait_for(lock, kIdleTick);
      continue;
    }
    running_ = waiting_.front();
    waiting_.pop_front();
    return running_;
  }
  return nullptr;
}

void Worker::draw(Pipeline& pipeline,
                  const std::shared_ptr<RankPart>& part,
                  const std::function<bool()>& goes_on) {
  const int64_t id = part->part().id;
  auto told = Clock::now();
  const auto progress = [&](const Progress& now) {
    if (Clock::now() - told >= kBetweenProgress) {
      told = Clock::now();
      link_->send(progress_message(id, now));
    }
    return goes_on();
  };
  const auto preview = [&](const Preview& shown) {
    if (part->leads()) link_->send(preview_message(id, shown));
  };
  try {
    link_->send(result_message(id, part->run(pipeline, progress, preview)));
  } catch (const Error& error) {
    // A rank that leaves is lost to the others.
    if (goes_on()) link_->send(failure_message(id, error));
  } catch (const std::exception& error) {
    link_->send(failure_message(id, Error(ErrorCode::kInternal, error.what())));
  }
}

void Worker::on_message(const Message& message) {
  const auto type = message.type();
  if (type == "value") {
    return place_->values().set(message.head.value("key", ""), message.body);
  }
  if (type == "draw") {
    auto part =
        std::make_shared<RankPart>(part_from(message), welcome_.rank, link_->own_host(), place_);
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(part));
    change_.notify_all();
  } else if (type == "stop") {
    const auto id = part_of(message);
    const auto reason = message.head.value("reason", "the coordinator stopped it");
    std::shared_ptr<RankPart> part;
    {
      const std::lock_guard lock(mutex_);
      const auto is_meant = [&](const auto& one) { return one && one->part().id == id; };
      if (is_meant(running_)) part = running_;
      waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), is_meant), waiting_.end());
    }
    if (part) stop(*part, reason);
  } else if (type == "release") {
    const auto id = part_of(message);
    std::deque<std::shared_ptr<RankPart>> released;  // ends after the lock
    const std::lock_guard lock(mutex_);
    while (!drawn_.empty() && drawn_.front()->part().id <= id) {
      released.push_back(std::move(drawn_.front()));
      drawn_.pop_front();
    }
  } else if (type == "goodbye") {
    std::shared_ptr<RankPart> part;
    const auto reason = message.head.value("reason", "");
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
      reason_ = reason;
      part = running_;
      // The thread of run() may end this worker as soon as it has the lock.
      if (link_) link_->close();
      change_.notify_all();
    }
    if (part) stop(*part, reason);
  }
}

void Worker::on_lost(const std::string& why) {
  std::shared_ptr<RankPart> part;
  const auto sentence = concat("rank 0, the coordinator at ", coordinator_, ", was lost: ", why);
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    reason_ = sentence;
    part = running_;
    change_.notify_all();
  }
  if (part) stop(*part, sentence);
}

void Worker::stop(RankPart& part, const std::string& reason) {
  part.stop(reason);
  place_->values().end(part.part().key() + "/", reason);
}

}  // namespace glm_image::cluster
