#include "cli/cluster_options.h"

#include "cli/whole_number.h"
#include "core/error.h"
#if GLM_IMAGE_HAVE_CLUSTER
#include "cluster/address.h"
#include "cluster/network_speed.h"
#endif

namespace glm_image::cli {

void add_cluster_key_option(CLI::App& command, std::optional<std::string>& key_file) {
  command
      .add_option(
          "--cluster-key-file", key_file, "The secret of all ranks, in the first line of this file")
      ->type_name("F");
}

void add_network_options(CLI::App& command, NetworkOptions& options) {
  command.add_option("--bandwidth", options.bandwidth, "Bandwidth between the machines")
      ->capture_default_str()
      ->type_name("B");
  command.add_option("--latency", options.latency, "Latency between the machines, one way")
      ->capture_default_str()
      ->type_name("T");
  command
      .add_option("--cluster-wire",
                  options.wire,
                  "exact or int8: how machines that share a picture's image tokens send keys and "
                  "values; int8 halves the bytes and changes the picture slightly")
      ->check(CLI::IsMember({cluster::kExactWire, cluster::kInt8Wire}))
      ->capture_default_str()
      ->type_name("W");
}

namespace {

void add_address_options(CLI::App& command, ClusterOptions& options, const char* help) {
  command.add_option("--cluster", options.address, help)->type_name("HOST:PORT");
  command.add_option("--world", options.world, "Machines of the cluster, with this one")
      ->transform(whole_number<int64_t>(2, 1024))
      ->type_name("N");
  add_cluster_key_option(command, options.key_file);
}

}  // namespace

void add_cluster_options(CLI::App& command, ClusterOptions& options) {
  add_address_options(
      command,
      options,
      "Draw with other machines, which join at this address of this one (docs/cluster.md)");
  command.add_flag("--share-weights",
                   options.share_weights,
                   "Each machine reads and holds only its share of the generator's weights, for "
                   "machines that cannot hold them all");
  add_network_options(command, options.network);
}

void add_training_cluster_options(CLI::App& command, ClusterOptions& options) {
  add_address_options(
      command,
      options,
      "Train with other machines, which join at this address of this one (docs/cluster.md)");
}

void check_cluster_address(const std::string& address,
                           const std::string& option,
                           const std::optional<std::string>& key_file) {
#if GLM_IMAGE_HAVE_CLUSTER
  const auto parsed = cluster::parse_address(address, option);
  if (!key_file && !parsed.is_loopback()) {
    fail(ErrorCode::kInvalidInput,
         option,
         ' ',
         address,
         ": other machines reach this address, so the ranks need a secret; give all of them the "
         "same "
         "--cluster-key-file");
  }
#else
  (void)address;
  (void)key_file;
  fail(ErrorCode::kUnsupported,
       option,
       " needs Gloo and OpenSSL, which this program was built without; install libgloo-dev and "
       "libssl-dev, and build it again");
#endif
}

void check_network_options(const NetworkOptions& options) {
#if GLM_IMAGE_HAVE_CLUSTER
  cluster::parse_bandwidth(options.bandwidth);
  cluster::parse_latency(options.latency);
#else
  (void)options;
#endif
}

void check_cluster_options(const ClusterOptions& options) {
  if (!options.address) {
    if (options.world) fail(ErrorCode::kInvalidInput, "--world needs --cluster HOST:PORT");
    if (options.key_file) {
      fail(ErrorCode::kInvalidInput, "--cluster-key-file needs --cluster HOST:PORT");
    }
    if (options.share_weights) {
      fail(ErrorCode::kInvalidInput, "--share-weights needs --cluster HOST:PORT");
    }
    if (options.network.wire != cluster::kExactWire) {
      fail(ErrorCode::kInvalidInput, "--cluster-wire needs --cluster HOST:PORT");
    }
    return;
  }
  check_cluster_address(*options.address, "--cluster", options.key_file);
  check_network_options(options.network);
  if (!options.world) {
    fail(ErrorCode::kInvalidInput,
         "--cluster needs --world N, the number of machines with this one");
  }
}

}  // namespace glm_image::cli
