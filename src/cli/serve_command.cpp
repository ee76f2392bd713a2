#include <chrono>
#include <memory>

#include "cli/decimal_number.h"
#include "cli/model_options.h"
#include "cli/serve_run.h"
#include "cli/whole_number.h"
#include "core/error.h"
#include "glm_image/limits.h"

namespace glm_image::cli {
namespace {

void add_network_options(CLI::App& command, ServeOptions& options) {
  auto& server = options.server;
  command.add_option("--host", server.host, "Address to listen on; 0.0.0.0 for all")
      ->capture_default_str()
      ->type_name("H");
  command.add_option("--port", server.port, "0 lets the system choose")
      ->transform(whole_number<int64_t>(0, 65535))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--api-key-file",
                  options.api_key_file,
                  "Ask every request for the key in the first line of this file")
      ->type_name("F");
  command
      .add_option("--cors-origin",
                  server.access.allowed_origins,
                  "Let pages of this origin use the server, e.g. https://a.example (repeatable)")
      ->allow_extra_args(false)
      ->type_name("O");
  command
      .add_option("--public-url",
                  server.drawing.public_url,
                  "How clients reach the server through a proxy, e.g. https://draw.example")
      ->type_name("URL");
  command
      .add_option("--tls-cert",
                  server.tls.certificate,
                  "Serve HTTPS with the certificate chain in this PEM file")
      ->type_name("F");
  command.add_option("--tls-key", server.tls.key, "The certificate's private key, in PEM")
      ->type_name("F");
  command.add_option("--max-connections", server.http.max_connections, "Open connections at once")
      ->transform(whole_number<int64_t>(8, 100000))
      ->capture_default_str()
      ->type_name("N");
}

void add_limit_options(CLI::App& command, ServeOptions& options) {
  auto& server = options.server;
  auto& limits = server.drawing.limits;
  command
      .add_option(
          "--queue", server.max_waiting, "Requests that may wait behind those that are drawn")
      ->transform(whole_number<int64_t>(0, 1000))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--steps",
                  limits.default_steps,
                  "Denoising steps of quality auto (default: the model's own)")
      ->transform(whole_number<int64_t>(1, limits::kMaxSteps))
      ->type_name("N");
  command.add_option("--max-steps", limits.max_steps, "Denoising steps that a request may ask for")
      ->transform(whole_number<int64_t>(1, limits::kMaxSteps))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--max-pixels", limits.max_pixels, "Pixels of one picture")
      ->transform(whole_number<int64_t>(32 * 32, limits::kMaxSide * limits::kMaxSide))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("--max-body", options.max_body_megabytes, "MB of an upload")
      ->transform(whole_number<int64_t>(1, 1024))
      ->capture_default_str()
      ->type_name("MB");
  command
      .add_option("--max-body-memory",
                  options.max_body_memory_megabytes,
                  "MB of the bodies of all requests together")
      ->transform(whole_number<int64_t>(1, 1 << 20))
      ->capture_default_str()
      ->type_name("MB");
  command
      .add_option("--grace", options.grace_seconds, "Seconds for the running request on SIGTERM")
      ->check(decimal_number(0.0, 3600.0))
      ->capture_default_str()
      ->type_name("S");
}

void add_memory_options(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--resident",
                  options.residency,
                  "Stages that stay in memory between requests: those that fit, all, or none")
      ->check(CLI::IsMember({"auto", "all", "none"}))
      ->capture_default_str()
      ->type_name("R");
  command
      .add_option("--idle-unload",
                  options.idle_unload_seconds,
                  "Release the weights after S seconds without a request (default: never)")
      ->check(decimal_number(1.0, 1e9))
      ->type_name("S");
}

}  // namespace

server::ServerOptions server_options(const ServeOptions& given) {
  auto options = given.server;
  options.threads = pipeline_options(given.model).threads;
  options.grace = std::chrono::duration<double>(given.grace_seconds);
  if (given.idle_unload_seconds) {
    options.idle_unload = std::chrono::duration<double>(*given.idle_unload_seconds);
  }
  if (!given.rewrite.empty()) options.drawing.rewriter = rewrite::parse_chat_address(given.rewrite);
  options.drawing.max_body_bytes = given.max_body_megabytes << 20;
  options.http.max_body_memory = given.max_body_memory_megabytes << 20;
  if (options.tls.certificate.empty() != options.tls.key.empty()) {
    fail(ErrorCode::kInvalidInput, "--tls-cert and --tls-key must be given together");
  }
  // An empty path is an error, not "no key": it usually means an unset shell variable.
  if (given.api_key_file) options.access.key = server::ApiKey::load(*given.api_key_file);
  return options;
}

void add_serve_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "serve", "Draw for others: OpenAI's images API and a page for the browser");
  const auto options = std::make_shared<ServeOptions>();
  add_network_options(*command, *options);
  add_limit_options(*command, *options);
  add_memory_options(*command, *options);
  command->add_flag("--open", options->open, "Open the page in your browser");
  command->add_flag(
      "--log-prompts", options->server.drawing.log_prompts, "Write prompts into the log too");
  command->add_flag_callback(
      "--no-metadata",
      [options] { options->server.drawing.metadata = false; },
      "Do not store prompt and settings in pictures (they stay marked as generated)");
  command
      ->add_option("--rewrite",
                   options->rewrite,
                   "Have prompts rewritten by a chat server on this machine, e.g. llama-server")
      ->type_name("URL");
  add_lora_option(*command, options->loras);
  command
      ->add_option("--lora-dir",
                   options->loras.folder,
                   "Folder of adapters that requests may apply by their names")
      ->type_name("DIR");
  add_cluster_options(*command, options->cluster);
  add_model_options(*command, options->model);
  command->footer(
      "Examples:\n"
      "  glm-image serve --open                opens http://127.0.0.1:8080 in a browser\n"
      "  glm-image serve --host 0.0.0.0 --api-key-file key.txt --queue 16\n"
      "  glm-image serve --lora-dir loras        requests may apply the adapters in it\n"
      "  glm-image serve --model models/glm-image-q4 --max-memory 8GB\n"
      "  curl http://127.0.0.1:8080/v1/images/generations -H 'Content-Type: application/json' \\\n"
      "    -d '{\"prompt\": \"A dark green poster with a football and the title \\\"OPEN "
      "DAY\\\"\"}'");
  command->callback([options] { run_serve(*options); });
}

}  // namespace glm_image::cli
