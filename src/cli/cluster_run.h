#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/cluster_options.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// The machines that draw together with this one.
class ClusterRun {
 public:
  /// Hashes the model's files and listens for the others. Returns null without --cluster. Reports
  /// ranks that join and leave on standard error, unless `quiet`. `threads`: see LearnedRates.
  /// Throws as check_cluster_options does.
  static std::unique_ptr<ClusterRun> start(const ClusterOptions& options,
                                           const Pipeline& pipeline,
                                           int threads,
                                           bool quiet);
  ~ClusterRun();

  /// Waits for all machines of --world. Throws kCancelled on an interrupt.
  void wait_for_all();
  using Draw = std::function<Result(
      Pipeline&, const Request&, const ProgressCallback&, const PreviewCallback&)>;
  /// As Pipeline::generate, on all machines that have joined. If one is lost, the others stop and
  /// this throws. No other request may be drawn at the same time.
  Result draw(Pipeline& pipeline,
              const Request& request,
              const ProgressCallback& progress,
              const PreviewCallback& preview);
  /// Requests that find() may draw at the same time.
  int64_t most_requests() const;
  /// Returns what draws this request on some of the machines, or an empty function while there are
  /// none for it. If a machine is lost, the request is drawn once more. The result holds the
  /// machines until it is destroyed, and must not outlive this. `open`: see Coordinator::claim.
  Draw find(const Request& request, int64_t open);
  /// Requests for which find() would find a machine now, at most.
  int64_t room();

 private:
  class Implementation;
  explicit ClusterRun(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace glm_image::cli
