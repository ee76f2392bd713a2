#include "cluster/members.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/error.h"

namespace glm_image::cluster {
namespace {

constexpr std::chrono::milliseconds kAcceptTick{100};
constexpr std::chrono::milliseconds kReadyTick{100};
/// Connections that have not joined yet.
constexpr std::size_t kMostNewcomers = 64;
constexpr std::chrono::seconds kGoodbyeLimit{2};

}  // namespace

Members::Members(MemberOptions options, Events events)
    : options_(std::move(options)), events_(std::move(events)), listener_(options_.address) {
  acceptor_ = std::thread([this] { accept_all(); });
}

Members::~Members() {
  dismiss("");
  is_over_ = true;
  acceptor_.join();
  std::map<int, std::shared_ptr<Member>> members;
  {
    const std::lock_guard lock(mutex_);
    members.swap(members_);
  }
  // A worker answers a goodbye by closing its connection. Closing it here could lose the goodbye.
  const auto end = std::chrono::steady_clock::now() + kGoodbyeLimit;
  const auto is_open = [](const auto& item) {
    return item.second->link && !item.second->link->is_over();
  };
  while (std::any_of(members.begin(), members.end(), is_open) &&
         std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // Their links end here, without the mutex: a link's thread may wait for it.
}

std::vector<int> Members::ready() const {
  const std::lock_guard lock(mutex_);
  std::vector<int> ranks;
  for (const auto& [rank, member] : members_) {
    if (member->is_ready && !member->is_lost) ranks.push_back(rank);
  }
  return ranks;
}

bool Members::wait_for_all(const std::function<bool()>& goes_on) {
  const auto ranks = [this] { return 1 + static_cast<int>(ready().size()); };
  for (int told = 0; ranks() < options_.world; wait_for_change(kReadyTick)) {
    if (!goes_on()) return false;
    const int now = ranks();
    if (std::exchange(told, now) == now) continue;
    events_.notice(concat("waiting at ",
                          address(),
                          " for ",
                          options_.world - now,
                          " more of ",
                          options_.world,
                          " ranks: glm-image worker --join ",
                          address(),
                          options_.work == Work::kTraining ? " --train-in FOLDER" : ""));
  }
  return true;
}

void Members::wait_for_change(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  change_.wait_for(lock, limit);
}

bool Members::send(int rank, const Message& message) {
  std::shared_ptr<Member> member;
  {
    const std::lock_guard lock(mutex_);
    const auto found = members_.find(rank);
    // A rank that has just joined gets its link from another thread.
    if (found == members_.end() || found->second->is_lost || !found->second->link) return false;
    member = found->second;
  }
  member->link->send(message);
  return true;
}

void Members::dismiss(const std::string& reason) {
  is_over_ = true;
  std::vector<int> ranks;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [rank, member] : members_) ranks.push_back(rank);
  }
  for (const int rank : ranks) send(rank, Message("goodbye", {{"reason", reason}}));
}

void Members::accept_all() {
  while (!is_over_) {
    try {
      sweep();
      accept_one();
    } catch (const std::exception&) {
      // If there is no memory or thread for a new connection, keep the others. The worker retries.
      std::this_thread::sleep_for(kAcceptTick);
    }
  }
  for (auto& newcomer : newcomers_) newcomer.thread.join();
}

void Members::accept_one() {
  auto socket = listener_.accept(kAcceptTick);
  if (!socket || newcomers_.size() >= kMostNewcomers) return;
  auto& newcomer = newcomers_.emplace_back();
  try {
    newcomer.thread = std::thread([this, &newcomer, moved = std::move(*socket)]() mutable {
      try {
        admit_newcomer(std::move(moved));
      } catch (const std::exception&) {
        // If there is no memory for the reason, the newcomer is closed without one.
      }
      newcomer.is_over = true;
    });
  } catch (const std::exception&) {
    newcomers_.pop_back();
    throw;
  }
}

/// Removes lost members and finished threads of new connections.
void Members::sweep() {
  for (auto newcomer = newcomers_.begin(); newcomer != newcomers_.end();) {
    if (!newcomer->is_over) {
      ++newcomer;
      continue;
    }
    newcomer->thread.join();
    newcomer = newcomers_.erase(newcomer);
  }
  std::vector<std::shared_ptr<Member>> lost;
  const std::lock_guard lock(mutex_);
  for (auto item = members_.begin(); item != members_.end();) {
    if (item->second->is_lost && item->second.use_count() == 1) {
      lost.push_back(item->second);
      item = members_.erase(item);
    } else {
      ++item;
    }
  }
}

void Members::admit_newcomer(Socket socket) {
  const auto host = socket.peer_host();
  int rank = -1;
  try {
    const auto welcome = [&] {
      rank = take_rank(host);
      return Welcome{rank, options_.world, options_.dtype, options_.vae_dtype, options_.task};
    };
    admit(socket, options_.secret, options_.model, welcome, options_.work);
    start(rank, std::move(socket));
  } catch (const std::exception& error) {
    if (rank >= 0) {
      const std::lock_guard lock(mutex_);
      members_.erase(rank);
    }
    if (!is_over_) events_.notice(concat(host, " did not join: ", error.what()));
  }
}

/// The lowest number that is free. Throws kInvalidInput if all are taken.
int Members::take_rank(const std::string& host) {
  const std::lock_guard lock(mutex_);
  for (int rank = 1; rank < options_.world; ++rank) {
    if (members_.count(rank) != 0) continue;
    members_[rank] = std::make_shared<Member>();
    members_[rank]->host = host;
    return rank;
  }
  fail(ErrorCode::kInvalidInput,
       "all ",
       options_.world,
       " ranks of the cluster have joined already");
}

void Members::start(int rank, Socket socket) {
  std::shared_ptr<Member> member;
  {
    const std::lock_guard lock(mutex_);
    member = members_.at(rank);
    member->link = std::make_unique<Link>(std::move(socket));
  }
  member->link->start([this, rank](Message message) { on_message(rank, std::move(message)); },
                      [this, rank](const std::string& why) { on_lost(rank, why); });
}

std::string Members::name_of(int rank, const std::string& host) const {
  return concat("rank ", rank, " of ", options_.world, " (", host, ")");
}

void Members::on_message(int rank, Message message) {
  if (message.type() != "ready") return events_.message(rank, std::move(message));
  on_ready(rank, message);
}

void Members::on_ready(int rank, const Message& message) {
  std::string refusal, host;
  if (options_.work == Work::kTraining) {
    refusal = options_.files.difference(
        fingerprint_from_json(message.head.value("files", nlohmann::json())), "training data");
  }
  {
    const std::lock_guard lock(mutex_);
    const auto found = members_.find(rank);
    if (found == members_.end()) return;
    found->second->is_ready = refusal.empty();
    found->second->is_refused = !refusal.empty();
    host = found->second->host;
    change_.notify_all();
  }
  if (refusal.empty()) return events_.notice(concat(name_of(rank, host), " has joined"));
  events_.notice(concat(host, " did not join: ", refusal));
  send(rank, Message("goodbye", {{"reason", refusal}, {"refusal", true}}));
}

void Members::on_lost(int rank, const std::string& why) {
  std::string host;
  {
    const std::lock_guard lock(mutex_);
    const auto found = members_.find(rank);
    if (found == members_.end()) return;
    found->second->is_lost = true;
    change_.notify_all();
    if (found->second->is_refused) return;
    host = found->second->host;
  }
  if (!is_over_) events_.lost(rank, concat(name_of(rank, host), " was lost: ", why));
}

}  // namespace glm_image::cluster
