#include "cluster/process_group.h"

#include <mutex>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <utility>

#include "cluster/backend.h"
#include "cluster/breakable_device.h"
#include "cluster/direct_messages.h"
#include "core/error.h"

namespace glm_image::cluster {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Bytes = std::vector<uint8_t>;

/// Time limit for the addresses of ranks that have joined.
constexpr std::chrono::seconds kAddressLimit{60};
/// Gloo waits for a connection this many times as long as its time limit.
constexpr int kConnectFactor = 5;
/// Ranks may compute for long between two operations. Lost ranks are noticed by their links, which
/// call stop().
constexpr std::chrono::hours kOperationLimit{24};
/// Larger tensors are broadcast along a tree: the root would send them to each rank.
constexpr int64_t kMostSentToEach = 4096;

/// Waits until all ranks have joined. Unlike Gloo's own waiting, it stops when the meeting place
/// ends the group's keys.
void wait_for_ranks(MeetingPlace& place,
                    const std::string& name,
                    const GroupMember& member,
                    Milliseconds limit) {
  const auto key = [&](int rank) { return concat(name, "/here/", rank); };
  place.set(key(member.rank), "here");
  for (int rank = 0; rank < member.size; ++rank) place.get(key(rank), limit);
}

/// A meeting place as a store of c10d. Gloo sets and reads keys; it needs nothing else.
class MeetingStore : public c10d::Store {
 public:
  explicit MeetingStore(std::shared_ptr<MeetingPlace> place) : place_(std::move(place)) {}

  void set(const std::string& key, const Bytes& value) override {
    place_->set(key, {value.begin(), value.end()});
  }
  Bytes get(const std::string& key) override {
    const auto value = place_->get(key, kAddressLimit);
    return {value.begin(), value.end()};
  }
  void wait(const std::vector<std::string>& keys) override { wait(keys, kAddressLimit); }
  /// Gloo's limit is short (kConnectFactor). Any address may come late on a busy machine.
  void wait(const std::vector<std::string>& keys, const Milliseconds& /*limit*/) override {
    for (const auto& key : keys) place_->get(key, kAddressLimit);
  }
  int64_t add(const std::string& /*key*/, int64_t /*value*/) override { refuse("add"); }
  bool deleteKey(const std::string& /*key*/) override { refuse("deleteKey"); }
  bool check(const std::vector<std::string>& /*keys*/) override { refuse("check"); }
  int64_t getNumKeys() override { refuse("getNumKeys"); }
  /// Overrides a pure virtual function of LibTorch 2.7 and later.
  c10::intrusive_ptr<c10d::Store> clone() { return c10::make_intrusive<MeetingStore>(place_); }

 private:
  [[noreturn]] static void refuse(const char* operation) {
    fail(ErrorCode::kInternal, "the ranks' meeting place has no operation ", operation);
  }
  std::shared_ptr<MeetingPlace> place_;
};

}  // namespace

class ProcessGroup::LimitedGloo : public c10d::ProcessGroupGloo {
 public:
  using c10d::ProcessGroupGloo::ProcessGroupGloo;

  const std::shared_ptr<::gloo::Context>& context() const { return contexts_.front(); }
  void set_limit(Milliseconds limit) {
    for (const auto& context : contexts_) context->setTimeout(limit);
  }
};

class ProcessGroup::Gloo {
 public:
  void connect(std::shared_ptr<MeetingPlace> place,
               const std::string& name,
               const GroupMember& member,
               const GroupLimits& limits) {
    wait_for_ranks(*place, name, member, limits.meeting);
    auto options = c10d::ProcessGroupGloo::Options::create(limits.connecting / kConnectFactor);
    options->devices = {make_device(member.host)};
    options->threads = 1;
    const auto store = c10::make_intrusive<c10d::PrefixStore>(
        name, c10::make_intrusive<MeetingStore>(std::move(place)));
    group_ = c10::make_intrusive<LimitedGloo>(store, member.rank, member.size, options);
    group_->set_limit(kOperationLimit);
    messages_ = std::make_unique<DirectMessages>(group_->context());
  }

  c10d::ProcessGroupGloo& group() { return *group_; }

  /// Calls action(messages), which ends when it is done or stop() is called.
  template <typename Action>
  void exchange(const Action& action) {
    try {
      action(*messages_);
    } catch (const std::exception& error) {
      fail_for(error);
    }
  }

  /// Waits until `work` is done or stop() is called.
  void finish(const c10::intrusive_ptr<c10d::Work>& work) {
    try {
      work->wait();
    } catch (const std::exception& error) {
      fail_for(error);
    }
    check_not_stopped();
  }

  void check_not_stopped() {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) fail(ErrorCode::kCancelled, reason_);
  }

  void stop(const std::string& reason) {
    std::shared_ptr<BreakableDevice> device;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(is_stopped_, true)) return;
      reason_ = reason;
      device = device_;
    }
    if (device) device->break_up();
  }

 private:
  [[noreturn]] void fail_for(const std::exception& error) {
    check_not_stopped();
    fail(ErrorCode::kInternal, "the connection to another rank broke: ", error.what());
  }

  std::shared_ptr<BreakableDevice> make_device(const std::string& host) {
    auto device = std::make_shared<BreakableDevice>(
        c10d::ProcessGroupGloo::createDeviceForHostname(host), kOperationLimit);
    const std::lock_guard lock(mutex_);
    if (is_stopped_) fail(ErrorCode::kCancelled, reason_);
    device_ = device;
    return device;
  }

  c10::intrusive_ptr<LimitedGloo> group_;
  std::unique_ptr<DirectMessages> messages_;
  std::mutex mutex_;
  bool is_stopped_ = false;  ///< guarded by mutex_, as are the two below
  std::string reason_;
  std::shared_ptr<BreakableDevice> device_;
};

ProcessGroup::ProcessGroup(GroupMember member)
    : member_(std::move(member)), gloo_(std::make_unique<Gloo>()) {}

ProcessGroup::~ProcessGroup() {
  // Otherwise the destructor would wait for the answers of other ranks.
  gloo_->stop("the group has ended");
}

void ProcessGroup::connect(std::shared_ptr<MeetingPlace> place,
                           const std::string& name,
                           const GroupLimits& limits) {
  try {
    gloo_->connect(std::move(place), name, member_, limits);
  } catch (const Error&) {
    gloo_->check_not_stopped();
    throw;
  } catch (const std::exception& error) {
    gloo_->check_not_stopped();
    fail(ErrorCode::kInternal, "the ranks cannot connect to each other: ", error.what());
  }
}

void ProcessGroup::broadcast(const Tensor& tensor, int root) {
  gloo_->check_not_stopped();
  std::vector<Tensor> tensors = {carried(tensor)};
  const int64_t bytes = tensor.numel() * tensor.element_size();
  const bool is_root = rank() == root;
  if (bytes <= kMostSentToEach) {
    if (is_root) bytes_sent_ += (size() - 1) * bytes;
    gloo_->exchange([&](DirectMessages& messages) {
      const auto count = static_cast<std::size_t>(bytes);
      if (is_root) return messages.send(tensors.front().data_ptr(), count);
      messages.receive(tensors.front().data_ptr(), count, root);
    });
    return take_back(tensors.front(), tensor);
  }
  if (is_root) bytes_sent_ += bytes;
  c10d::BroadcastOptions options;
  options.rootRank = root;
  gloo_->finish(gloo_->group().broadcast(tensors, options));
  take_back(tensors.front(), tensor);
}

std::vector<Tensor> ProcessGroup::all_gather(const Tensor& tensor) {
  gloo_->check_not_stopped();
  const auto own = carried(tensor);
  std::vector<Tensor> all;
  std::vector<void*> of_ranks;
  for (int i = 0; i < size(); ++i) {
    all.push_back(i == rank() ? own.clone() : at::empty_like(own));
    of_ranks.push_back(all.back().data_ptr());
  }
  const int64_t bytes = own.numel() * own.element_size();
  bytes_sent_ += (size() - 1) * bytes;
  gloo_->exchange([&](DirectMessages& messages) {
    messages.exchange(own.data_ptr(), static_cast<std::size_t>(bytes), of_ranks);
  });
  for (auto& one : all) one = one.to(tensor.device());
  return all;
}

std::function<std::vector<Tensor>()> ProcessGroup::begin_all_gather(const Tensor& tensor) {
  gloo_->check_not_stopped();
  std::vector<Tensor> inputs = {carried(tensor)};
  std::vector<std::vector<Tensor>> outputs(1);
  for (int i = 0; i < size(); ++i) outputs.front().push_back(at::empty_like(inputs.front()));
  bytes_sent_ += (size() - 1) * tensor.numel() * tensor.element_size();
  return [this,
          all = outputs.front(),
          device = tensor.device(),
          work = gloo_->group().allgather(outputs, inputs)] {
    gloo_->finish(work);
    auto there = all;
    for (auto& one : there) one = one.to(device);
    return there;
  };
}

void ProcessGroup::all_reduce(const Tensor& tensor) {
  begin_all_reduce(tensor)();
}

std::function<void()> ProcessGroup::begin_all_reduce(const Tensor& tensor) {
  gloo_->check_not_stopped();
  std::vector<Tensor> tensors = {carried(tensor)};
  // A ring sends each part twice, except its own.
  bytes_sent_ +=
      2 * (size() - 1) * tensors.front().numel() * tensors.front().element_size() / size();
  return [this, tensor, sum = tensors.front(), work = gloo_->group().allreduce(tensors)] {
    gloo_->finish(work);
    take_back(sum, tensor);
  };
}

void ProcessGroup::stop(const std::string& reason) {
  gloo_->stop(reason);
}

}  // namespace glm_image::cluster
