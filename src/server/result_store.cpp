#include "server/result_store.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "core/error.h"

namespace glm_image::server {

std::string random_id() {
  std::array<uint8_t, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    fail(ErrorCode::kInternal, "the system gives no random bytes: errno ", errno);
  }
  std::string id;
  for (const uint8_t byte : bytes) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

void ResultStore::drop_the_old(Clock::time_point now) {
  while (!entries_.empty() &&
         (entries_.size() > limits_.max_pictures || bytes_ > limits_.max_bytes ||
          now - entries_.front().kept > limits_.age)) {
    bytes_ -= entries_.front().picture.bytes->size();
    entries_.pop_front();
  }
}

std::string ResultStore::keep(Picture picture, Clock::time_point now) {
  auto id = random_id();
  const std::lock_guard lock(mutex_);
  bytes_ += picture.bytes->size();
  entries_.push_back({id, std::move(picture), now});
  drop_the_old(now);
  return id;
}

std::optional<ResultStore::Picture> ResultStore::find(const std::string& id,
                                                      Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  drop_the_old(now);
  for (const auto& entry : entries_) {
    if (entry.id == id) return entry.picture;
  }
  return std::nullopt;
}

}  // namespace glm_image::server
