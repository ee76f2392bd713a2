#include "server/exchange.h"

#include <strings.h>

#include <new>

#include "core/seconds_since.h"

namespace glm_image::server {

std::string RequestHead::field(const std::string& name) const {
  std::string joined;
  bool is_first = true;
  for (const auto& [own, value] : fields) {
    if (::strcasecmp(own.c_str(), name.c_str()) != 0) continue;
    joined += (is_first ? "" : ", ") + value;
    is_first = false;
  }
  return joined;
}

Exchange::Exchange(RequestHead head, std::shared_ptr<AnswerSink> sink)
    : head_(std::move(head)), sink_(std::move(sink)) {}

double Exchange::seconds() const {
  return seconds_since(began_);
}

void Exchange::set_header(const std::string& name, const std::string& value) {
  for (auto& field : fields_) {
    if (field.first == name) {
      field.second = value;
      return;
    }
  }
  fields_.emplace_back(name, value);
}

void Exchange::answer(int status, std::string body, const std::string& media_type) {
  answer(status, std::make_shared<const std::string>(std::move(body)), media_type);
}

void Exchange::answer(int status,
                      std::shared_ptr<const std::string> body,
                      const std::string& media_type) {
  bytes_sent = static_cast<int64_t>(body->size());
  Answer answer{status, media_type, fields_, std::move(body), /*is_stream=*/false};
  status_ = status;
  sink_->begin(std::move(answer));
}

void Exchange::begin_stream(const std::string& media_type) {
  constexpr int kOk = 200;
  Answer answer{kOk, media_type, fields_, nullptr, /*is_stream=*/true};
  status_ = kOk;
  is_streaming_ = true;
  sink_->begin(std::move(answer));
}

bool Exchange::write(std::string text) {
  if (gone_) return false;
  if (text.empty()) return true;
  const auto size = static_cast<int64_t>(text.size());
  auto shared = std::make_shared<const std::string>(std::move(text));
  bytes_sent += size;
  unsent_ += size;
  sink_->write(std::move(shared));
  return true;
}

void Exchange::end_stream() {
  sink_->end_stream();
}

bool Exchange::is_caught_up() const {
  constexpr int64_t kMaxUnsentBytes = 64 * 1024;
  return unsent_ < kMaxUnsentBytes;
}

std::function<void()> Exchange::waker() const {
  return [sink = std::weak_ptr<AnswerSink>(sink_)] {
    const auto connection = sink.lock();
    if (connection == nullptr) return;
    try {
      connection->wake();
    } catch (const std::bad_alloc&) {
      // The step also runs every 100 ms.
    }
  };
}

}  // namespace glm_image::server
