#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "cluster/wire.h"

namespace glm_image::cli {

/// --bandwidth, --latency and --cluster-wire.
struct NetworkOptions {
  std::string bandwidth = "1Gbit";
  std::string latency = "0.5ms";
  std::string wire = cluster::kExactWire;
};
void add_network_options(CLI::App& command, NetworkOptions& options);

/// --cluster, --world, --cluster-key-file and --share-weights, as written on the command line.
struct ClusterOptions {
  std::optional<std::string> address;
  std::optional<int64_t> world;
  std::optional<std::string> key_file;
  bool share_weights = false;
  NetworkOptions network;
};

/// Throws kInvalidInput.
void check_network_options(const NetworkOptions& options);

void add_cluster_options(CLI::App& command, ClusterOptions& options);
/// The same for training, without the network's speed and shared weights.
void add_training_cluster_options(CLI::App& command, ClusterOptions& options);
/// --cluster-key-file alone.
void add_cluster_key_option(CLI::App& command, std::optional<std::string>& key_file);

/// Throws kInvalidInput for options that do not go together or are wrong, and kUnsupported if this
/// program was built without clusters.
void check_cluster_options(const ClusterOptions& options);
/// The same for an address that `option` names. Ranks that meet on a network need a key.
void check_cluster_address(const std::string& address,
                           const std::string& option,
                           const std::optional<std::string>& key_file);

}  // namespace glm_image::cli
