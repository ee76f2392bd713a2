#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace glm_image::server {

/// Returns 128 random bits as 32 hexadecimal digits. Throws kInternal if the system has none.
std::string random_id();

/// Keeps encoded pictures in memory for a limited time, for responses with URLs. The 128 random
/// bits of an identifier are the permission to read its picture. Thread-safe.
class ResultStore {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    size_t max_pictures = 64;
    size_t max_bytes = size_t{256} << 20;
    Clock::duration age = std::chrono::hours(1);
  };
  struct Picture {
    std::shared_ptr<const std::string> bytes;  ///< shared with responses that are being sent
    std::string media_type;
  };

  explicit ResultStore(Limits limits) : limits_(limits) {}

  /// Stores a picture and returns its identifier. Removes the oldest ones beyond the limits.
  std::string keep(Picture picture, Clock::time_point now = Clock::now());
  std::optional<Picture> find(const std::string& id, Clock::time_point now = Clock::now());

 private:
  struct Entry {
    std::string id;
    Picture picture;
    Clock::time_point kept;
  };
  void drop_the_old(Clock::time_point now);

  const Limits limits_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // oldest first
  size_t bytes_ = 0;
};

}  // namespace glm_image::server
