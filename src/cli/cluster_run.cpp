#include "cli/cluster_run.h"

#if GLM_IMAGE_HAVE_CLUSTER

#include <unistd.h>

#include <iostream>

#include "cli/cluster_rates.h"
#include "cli/interrupt.h"
#include "cli/model_hashing.h"
#include "cli/translation.h"
#include "cluster/coordinator.h"
#include "core/error.h"

namespace glm_image::cli {

class ClusterRun::Implementation {
 public:
  Implementation(cluster::MemberOptions options, cluster::Coordinator::Rates rates, bool quiet)
      : coordinator(std::move(options), rates, [quiet](const std::string& sentence) {
          // One write: threads may speak at the same time.
          if (!quiet) std::cerr << translated(sentence) + "\n";
        }) {}
  cluster::Coordinator coordinator;
};

ClusterRun::ClusterRun(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
ClusterRun::~ClusterRun() = default;

std::unique_ptr<ClusterRun> ClusterRun::start(const ClusterOptions& options,
                                              const Pipeline& pipeline,
                                              int threads,
                                              bool quiet) {
  check_cluster_options(options);
  if (!options.address) return nullptr;
  survive_closed_connections();
  cluster::MemberOptions members;
  members.address = cluster::parse_address(*options.address, "--cluster");
  members.world = static_cast<int>(*options.world);
  if (options.key_file) members.secret = cluster::Secret::load(*options.key_file);
  members.model = hash_model(pipeline.info(), quiet);
  members.dtype = pipeline.info().dtype;
  members.vae_dtype = pipeline.info().vae_dtype;
  auto rates = cluster_rates(pipeline.info(), threads, options.network);
  rates.share_weights = options.share_weights;
  return std::unique_ptr<ClusterRun>(
      new ClusterRun(std::make_unique<Implementation>(std::move(members), rates, quiet)));
}

void ClusterRun::wait_for_all() {
  if (!implementation_->coordinator.wait_for_all([] { return interrupted_by() == 0; })) {
    fail(ErrorCode::kCancelled, "stopped while waiting for other machines");
  }
}

Result ClusterRun::draw(Pipeline& pipeline,
                        const Request& request,
                        const ProgressCallback& progress,
                        const PreviewCallback& preview) {
  auto& coordinator = implementation_->coordinator;
  try {
    return coordinator.draw(pipeline, request, progress, preview);
  } catch (const cluster::LostRank& lost) {
    coordinator.dismiss(lost.what());
    throw;
  }
}

int64_t ClusterRun::most_requests() const {
  return implementation_->coordinator.most_requests();
}

ClusterRun::Draw ClusterRun::find(const Request& request, int64_t open) {
  std::shared_ptr<cluster::RankClaim> claim = implementation_->coordinator.claim(request, open);
  if (!claim) return {};
  return [all = implementation_.get(), claim](Pipeline& pipeline,
                                              const Request& prepared,
                                              const ProgressCallback& progress,
                                              const PreviewCallback& preview) {
    return all->coordinator.draw_twice(*claim, pipeline, prepared, progress, preview);
  };
}

int64_t ClusterRun::room() {
  return implementation_->coordinator.free_ranks();
}

}  // namespace glm_image::cli

#else

namespace glm_image::cli {

class ClusterRun::Implementation {};

ClusterRun::~ClusterRun() = default;

std::unique_ptr<ClusterRun> ClusterRun::start(const ClusterOptions& options,
                                              const Pipeline& /*pipeline*/,
                                              int /*threads*/,
                                              bool /*quiet*/) {
  check_cluster_options(options);
  return nullptr;
}

void ClusterRun::wait_for_all() {}

Result ClusterRun::draw(Pipeline& pipeline,
                        const Request& request,
                        const ProgressCallback& progress,
                        const PreviewCallback& preview) {
  return pipeline.generate(request, progress, preview);
}

int64_t ClusterRun::most_requests() const {
  return 1;
}

ClusterRun::Draw ClusterRun::find(const Request& /*request*/, int64_t /*open*/) {
  return {};
}

int64_t ClusterRun::room() {
  return 0;
}

}  // namespace glm_image::cli

#endif
