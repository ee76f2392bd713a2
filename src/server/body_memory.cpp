#include "server/body_memory.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "server/api_error.h"

namespace glm_image::server {
namespace {

constexpr int64_t kTrimBytes = int64_t{32} << 20;
constexpr int64_t kFirstBytes = 4096;
constexpr int kBusyRetrySeconds = 5;

}  // namespace

bool BodyMemory::take(int64_t bytes) {
  // The sum never exceeds the limit, even temporarily: a body that does not fit must not make
  // concurrent reservations fail.
  auto used = used_.load();
  while (used + bytes <= limit_) {
    if (used_.compare_exchange_weak(used, used + bytes)) return true;
  }
  return false;
}

void BodyMemory::give_back(int64_t bytes) {
  used_ -= bytes;
  freed_ += bytes;
}

void BodyMemory::trim() {
  if (freed_ < kTrimBytes) return;
  freed_ = 0;
  ::malloc_trim(0);
}

MemoryShare::MemoryShare(MemoryShare&& other) noexcept
    : memory_(std::move(other.memory_)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryShare& MemoryShare::operator=(MemoryShare&& other) noexcept {
  if (this == &other) return *this;
  clear();
  memory_ = std::move(other.memory_);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

bool MemoryShare::resize(int64_t bytes) {
  if (memory_ == nullptr) return true;  // tests use no BodyMemory
  if (bytes > bytes_ && !memory_->take(bytes - bytes_)) return false;
  if (bytes < bytes_) memory_->give_back(bytes_ - bytes);
  bytes_ = bytes;
  return true;
}

void MemoryShare::require(int64_t bytes) {
  if (!resize(bytes)) refuse_for_memory();
}

void MemoryShare::clear() {
  if (memory_ && bytes_ > 0) memory_->give_back(std::exchange(bytes_, 0));
}

Body::Added Body::append(const char* data, std::size_t count) {
  const auto needed = static_cast<int64_t>(bytes_.size() + count);
  if (needed > max_bytes_) return Added::kTooLarge;
  if (needed > share_.bytes()) {
    // Grow by half with the data received, so that an announced length alone reserves nothing.
    const auto held = share_.bytes();
    const auto wanted =
        std::max(std::min(std::max(held + held / 2, kFirstBytes), max_bytes_), needed);
    if (!share_.resize(wanted)) return Added::kNoMemory;
    bytes_.reserve(static_cast<std::size_t>(wanted));
  }
  bytes_.append(data, count);
  return Added::kWhole;
}

std::string Body::take_bytes() {
  return std::exchange(bytes_, {});
}

void Body::clear() {
  std::string().swap(bytes_);
  share_.clear();
}

void refuse_for_memory() {
  ApiError error(503, "the bodies of all requests use too much memory", "", "overloaded");
  error.retry_after_seconds = kBusyRetrySeconds;
  throw error;
}

}  // namespace glm_image::server
