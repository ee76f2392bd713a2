#pragma once

#include <gloo/transport/device.h>

#include <chrono>
#include <memory>
#include <string>

namespace glm_image::cluster {

/// A device of Gloo whose connections and operations can be ended at any time.
///
/// Gloo itself ends a wait only after a time limit. Ranks compute for long between two operations,
/// so such a limit would be hours. When one operation runs out of time, Gloo ends the others too,
/// except those of which a part has been sent or received. The waits here end in either case.
class BreakableDevice : public gloo::transport::Device {
 public:
  /// `limit`: of operations that have no limit of their own, instead of that for connecting.
  BreakableDevice(std::shared_ptr<gloo::transport::Device> device, std::chrono::milliseconds limit);
  ~BreakableDevice() override;

  std::string str() const override { return device_->str(); }
  const std::string& getPCIBusID() const override { return device_->getPCIBusID(); }
  int getInterfaceSpeed() const override { return device_->getInterfaceSpeed(); }
  std::shared_ptr<gloo::transport::Context> createContext(int rank, int size) override;

  /// Closes the connections, also those that are being made. Pending and later operations throw
  /// kCancelled. Thread-safe.
  void break_up();

 private:
  class Waits;
  class Buffer;
  class Context;

  const std::shared_ptr<gloo::transport::Device> device_;
  const std::shared_ptr<Waits> waits_;
};

}  // namespace glm_image::cluster
