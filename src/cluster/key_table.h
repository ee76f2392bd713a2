#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/process_group.h"

namespace glm_image::cluster {

/// A meeting place within one process.
class KeyTable : public MeetingPlace {
 public:
  using OnValue = std::function<void(const std::string& value)>;

  void set(const std::string& key, const std::string& value) override;
  std::string get(const std::string& key, std::chrono::milliseconds limit) override;
  /// Calls `on_value` with the value: now, or on the thread that sets it.
  void when_set(const std::string& key, OnValue on_value);

  /// Ends the waits for keys that begin with `prefix`; they throw kCancelled with this reason.
  void end(const std::string& prefix, const std::string& reason);
  /// Forgets the keys that begin with `prefix`, and that they were ended.
  void forget(const std::string& prefix);

 private:
  std::mutex mutex_;
  std::condition_variable change_;
  std::map<std::string, std::string> values_;
  std::map<std::string, std::vector<OnValue>> waiting_;
  std::map<std::string, std::string> ended_;  ///< reasons by prefix
};

}  // namespace glm_image::cluster
