#include "cli/cluster_rates.h"

#include "pipeline/learned_rates.h"

namespace glm_image::cli {

cluster::Coordinator::Rates cluster_rates(const ModelInfo& model,
                                          int threads,
                                          const NetworkOptions& network) {
  cluster::Coordinator::Rates rates;
  rates.own = pipeline::LearnedRates(model, threads).estimate();
  rates.network.bytes_per_second = cluster::parse_bandwidth(network.bandwidth);
  rates.network.latency_seconds = cluster::parse_latency(network.latency);
  if (network.wire == cluster::kInt8Wire) rates.wire = cluster::Wire::kInt8;
  rates.sizes = cluster::sizes_of(model, rates.wire);
  return rates;
}

}  // namespace glm_image::cli
