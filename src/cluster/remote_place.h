#pragma once

#include <functional>
#include <string>

#include "cluster/key_table.h"
#include "cluster/link.h"

namespace glm_image::cluster {

/// The coordinator's meeting place, reached over the link of a worker. The worker passes messages
/// of the type "value" to values().
class RemotePlace : public MeetingPlace {
 public:
  explicit RemotePlace(Link& link) : link_(link) {}

  void set(const std::string& key, const std::string& value) override {
    Message message("set", {{"key", key}});
    message.body = value;
    link_.send(message);
  }
  std::string get(const std::string& key, std::chrono::milliseconds limit) override {
    link_.send(Message("get", {{"key", key}}));
    return values_.get(key, limit);
  }
  KeyTable& values() { return values_; }

 private:
  Link& link_;
  KeyTable values_;
};

/// The coordinator's side: handles the messages of a RemotePlace. Returns false for others.
/// `answer` sends to the worker, now or on the thread that sets the key.
bool serve_place(KeyTable& place,
                 const Message& message,
                 const std::function<void(const Message&)>& answer);

}  // namespace glm_image::cluster
