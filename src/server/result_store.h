#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <string>

namespace glm_image::server {

/// Encoded pictures kept in memory for a while, for answers by address. An identifier has 128
/// random bits: who knows it may have the picture. Safe for any thread.
class ResultStore {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    size_t max_pictures = 64;
    size_t max_bytes = size_t{256} << 20;
    Clock::duration age = std::chrono::hours(1);
  };
  struct Picture {
    std::string bytes;
    std::string media_type;
  };

  explicit ResultStore(Limits limits) : limits_(limits) {}

  /// Its identifier. The oldest go where the limits ask for it.
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
