#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/cluster_options.h"
#include "cli/commands.h"
#include "cli/lora_options.h"
#include "server/server.h"

namespace glm_image::cli {

/// Options of `serve`, as written on the command line.
struct ServeOptions {
  ModelOptions model;
  LoraOptions loras;
  ClusterOptions cluster;
  server::ServerOptions server;
  std::optional<std::string> api_key_file;
  std::string rewrite;
  std::string residency = "auto";
  bool open = false;  ///< the page, in the user's browser
  std::optional<double> idle_unload_seconds;
  double grace_seconds = 20;
  int64_t max_body_megabytes = 50;
  int64_t max_body_memory_megabytes = 320;
};

/// The server's part of the options, with the key that they name. Throws kInvalidInput for options
/// that do not go together, and as server::ApiKey::load does.
server::ServerOptions server_options(const ServeOptions& given);

/// Loads the model and serves until an interrupt.
void run_serve(const ServeOptions& given);

}  // namespace glm_image::cli
