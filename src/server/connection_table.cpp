#include "server/connection_table.h"

#include "server/http_session.h"

namespace glm_image::server {

/// The slowest of the sessions that `accepts` returns true for; `count` receives their number.
template <typename Accepts>
HttpSession* ConnectionTable::find(const Accepts& accepts, int64_t* count) const {
  HttpSession* slowest = nullptr;
  for (const auto& session : sessions_) {
    if (session->is_closed() || !accepts(*session)) continue;
    if (count != nullptr) ++*count;
    if (slowest == nullptr || session->progress() < slowest->progress()) slowest = session.get();
  }
  return slowest;
}

void ConnectionTable::add(std::shared_ptr<HttpSession> session) {
  sessions_.push_back(std::move(session));
  ++open_;
}

void ConnectionTable::tick() {
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    (*it)->tick();
    it = (*it)->is_over() ? sessions_.erase(it) : std::next(it);
  }
}

ConnectionTable::Dropped ConnectionTable::drop_one(std::chrono::steady_clock::duration patience) {
  auto* session = find([](const HttpSession& one) { return one.is_lingering(); });
  if (session == nullptr) {
    session = find([](const HttpSession& one) { return one.waits_for_client(); });
    if (session == nullptr) return Dropped::kNone;
    if (Clock::now() - session->progress() < patience) return Dropped::kNoneYet;
  }
  session->close();
  return Dropped::kOne;
}

void ConnectionTable::bound_the_lingering(int64_t most) {
  int64_t count = 0;
  auto* oldest = find([](const HttpSession& one) { return one.is_lingering(); }, &count);
  if (count > most) oldest->close();
}

void ConnectionTable::bound_the_unsent(int64_t most) {
  while (unsent_bytes > most) {
    int64_t count = 0;
    auto* slowest = find([](const HttpSession& one) { return one.unsent_bytes() > 0; }, &count);
    // A single response may exceed the limit.
    if (count < 2) return;
    slowest->close();
  }
}

void ConnectionTable::close(bool all) {
  for (const auto& session : sessions_) {
    if (session->is_closed()) continue;
    if (all || (session->waits_for_request() && !session->is_lingering())) session->close();
  }
}

}  // namespace glm_image::server
