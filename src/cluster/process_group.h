#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/torch.h"

namespace glm_image::cluster {

/// A key-value store through which the ranks of a group exchange their addresses.
class MeetingPlace {
 public:
  virtual ~MeetingPlace() = default;
  virtual void set(const std::string& key, const std::string& value) = 0;
  /// Waits for the value. Throws Error after `limit`, or when the group is stopped.
  virtual std::string get(const std::string& key, std::chrono::milliseconds limit) = 0;
};

struct GroupMember {
  int rank = 0;
  int size = 1;
  std::string host;  ///< the address of this machine on which the others reach it
};

/// How long connect() waits.
struct GroupLimits {
  std::chrono::milliseconds meeting = std::chrono::seconds(60);     ///< for another rank to come
  std::chrono::milliseconds connecting = std::chrono::seconds(30);  ///< for each that has come
};

/// Collective operations over c10d's Gloo, on tensors of any device (cluster/backend). All ranks of
/// a group call the same operations in the same order. This is the one place that knows c10d; what
/// differs between versions of LibTorch is guarded here.
class ProcessGroup {
 public:
  /// Not connected yet.
  explicit ProcessGroup(GroupMember member);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  /// Connects all ranks of the group; call it once, before the operations. `name` is unique to the
  /// group in the meeting place. Throws kInternal if a rank does not come in time, and kCancelled
  /// with the reason of stop(). That does not end the waits of `place`; whoever stops does.
  void connect(std::shared_ptr<MeetingPlace> place,
               const std::string& name,
               const GroupLimits& limits = {});

  int rank() const { return member_.rank; }
  int size() const { return member_.size; }

  // The operations throw kInternal when a rank is lost, and kCancelled with the reason of stop().

  /// Overwrites the tensor by that of the rank `root`. Same shape and type on all ranks.
  void broadcast(const Tensor& tensor, int root);
  /// The tensors of all ranks, in their order. Same shape and type on all ranks. Each rank sends to
  /// each other one, so that the ranks wait for one message, whatever their number.
  std::vector<Tensor> all_gather(const Tensor& tensor);
  /// Begins to pass the tensors along a ring, on Gloo's own thread; the result waits for the end,
  /// and is that of all_gather. The tensor must keep its values until then.
  std::function<std::vector<Tensor>()> begin_all_gather(const Tensor& tensor);
  /// Overwrites the tensor by the sum over all ranks, with the same bits on all of them.
  void all_reduce(const Tensor& tensor);
  /// Begins that, on Gloo's own thread; the result waits for its end. Operations are carried out in
  /// the order in which they began.
  std::function<void()> begin_all_reduce(const Tensor& tensor);

  /// Makes pending and later operations throw kCancelled with this reason, and a connect() that
  /// has met the other ranks. Thread-safe.
  void stop(const std::string& reason);

  /// Bytes that this rank has sent in the operations so far.
  int64_t bytes_sent() const { return bytes_sent_; }

 private:
  class LimitedGloo;
  class Gloo;

  const GroupMember member_;
  const std::unique_ptr<Gloo> gloo_;
  int64_t bytes_sent_ = 0;
};

}  // namespace glm_image::cluster
