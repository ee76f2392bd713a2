#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace glm_image::server {

/// Limits the memory of all request bodies together, whether they are being read, are being parsed
/// or wait in the queue. Thread-safe.
class BodyMemory {
 public:
  explicit BodyMemory(int64_t limit) : limit_(limit) {}

  /// Reserves `bytes`. Returns false and reserves nothing if they do not fit.
  bool take(int64_t bytes);
  void give_back(int64_t bytes);
  int64_t limit() const { return limit_; }
  int64_t used() const { return used_; }

  /// Returns freed memory to the system if at least 32 MB were given back since the last call.
  /// Takes milliseconds.
  void trim();

 private:
  const int64_t limit_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> freed_{0};
};

/// One request's reservation of BodyMemory. The destructor releases it.
class MemoryShare {
 public:
  MemoryShare() = default;
  explicit MemoryShare(std::shared_ptr<BodyMemory> memory) : memory_(std::move(memory)) {}
  ~MemoryShare() { clear(); }
  MemoryShare(MemoryShare&& other) noexcept;
  MemoryShare& operator=(MemoryShare&& other) noexcept;

  int64_t bytes() const { return bytes_; }
  /// Changes the size of the reservation. Returns false and changes nothing if it cannot grow.
  bool resize(int64_t bytes);
  /// As resize, but throws ApiError 503 if it cannot grow.
  void require(int64_t bytes);
  void clear();

 private:
  std::shared_ptr<BodyMemory> memory_;
  int64_t bytes_ = 0;
};

/// The body of a request and its reservation.
class Body {
 public:
  Body() = default;
  Body(std::shared_ptr<BodyMemory> memory, int64_t max_bytes)
      : share_(std::move(memory)), max_bytes_(max_bytes) {}

  enum class Added { kWhole, kTooLarge, kNoMemory };
  Added append(const char* data, std::size_t count);
  const std::string& bytes() const { return bytes_; }

  /// Moves the bytes out. The reservation stays.
  std::string take_bytes();
  MemoryShare& share() { return share_; }
  void clear();

 private:
  MemoryShare share_;
  int64_t max_bytes_ = 0;
  std::string bytes_;
};

/// Throws ApiError 503 with Retry-After.
[[noreturn]] void refuse_for_memory();

}  // namespace glm_image::server
