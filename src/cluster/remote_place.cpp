#include "cluster/remote_place.h"

namespace glm_image::cluster {

bool serve_place(KeyTable& place,
                 const Message& message,
                 const std::function<void(const Message&)>& answer) {
  const auto type = message.type();
  if (type != "set" && type != "get") return false;
  const auto key = message.head.value("key", "");
  if (type == "set") {
    place.set(key, message.body);
    return true;
  }
  place.when_set(key, [key, answer](const std::string& value) {
    Message found("value", {{"key", key}});
    found.body = value;
    answer(found);
  });
  return true;
}

}  // namespace glm_image::cluster
