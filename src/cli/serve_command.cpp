#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/model_options.h"
#include "cli/whole_number.h"
#include "core/error.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "server/access.h"
#include "server/server.h"

namespace glm_image::cli {
namespace {

constexpr double kGigabyte = 1e9;

struct ServeOptions {
  ModelOptions model;
  server::ServerOptions server;
  std::optional<std::string> api_key_file;
  std::string residency = "auto";
  double max_memory_gigabytes = 0;
  double grace_seconds = 20;
  int64_t max_body_megabytes = 50;
};

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
  command.add_option("--max-connections", server.http.max_connections, "Open connections at once")
      ->transform(whole_number<int64_t>(8, 900))
      ->capture_default_str()
      ->type_name("N");
}

void add_limit_options(CLI::App& command, ServeOptions& options) {
  auto& server = options.server;
  auto& limits = server.drawing.limits;
  command
      .add_option("--queue", server.max_waiting, "Requests that may wait behind the one at work")
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
      .add_option("--grace", options.grace_seconds, "Seconds for the request at work on SIGTERM")
      ->check(CLI::Range(0.0, 3600.0))
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
      .add_option("--max-memory",
                  options.max_memory_gigabytes,
                  "GB for weights under --resident auto (default: three quarters of what is free)")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("GB");
}

Pipeline load(const ServeOptions& options) {
  static const std::map<std::string, Residency> kResidencies = {
      {"auto", Residency::kAuto}, {"all", Residency::kAll}, {"none", Residency::kNone}};
  auto pipeline = pipeline_options(options.model);
  pipeline.residency = kResidencies.at(options.residency);
  pipeline.max_memory_bytes = static_cast<int64_t>(options.max_memory_gigabytes * kGigabyte);
  return load_pipeline(options.model, pipeline);
}

std::string address(const std::string& host, int port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return concat("http://", is_ipv6 ? "[" + host + "]" : host, ':', port);
}

void greet(const std::string& model, const server::ServerOptions& options, int port) {
  const auto& host = options.host;
  // A browser cannot open the address that stands for all of a machine's.
  const auto* local = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host.c_str();
  std::cout << "listening on " << address(host, port) << '\n'
            << "The model is " << model << ". Open " << address(local, port)
            << " in a browser. Ctrl-C stops the server.\n";
  if (!server::is_loopback(host) && !options.access.key.is_set()) {
    std::cout << "Anyone who reaches this machine can use the server; --api-key-file asks for a "
                 "key.\n";
  }
  std::cout << std::flush;
}

void serve(const ServeOptions& given) {
  auto options = given.server;
  options.grace = std::chrono::duration<double>(given.grace_seconds);
  options.drawing.max_body_bytes = given.max_body_megabytes << 20;
  // "" is no wish to do without: a script's variable may be unset.
  if (given.api_key_file) options.access.key = server::ApiKey::load(*given.api_key_file);
  auto pipeline = load(given);
  const auto model = pipeline.info().name;
  server::Server server(std::move(pipeline), options, std::cerr);
  greet(model, options, server.start());
  while (interrupted_by() == 0 && server.is_listening()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const bool was_told = interrupted_by() != 0;
  server.stop();
  // A supervisor starts a program again that fails, not one that only stops answering.
  if (!was_told) fail(ErrorCode::kInternal, "the system gives the server no more connections");
}

}  // namespace

void add_serve_command(CLI::App& app) {
  auto* command = app.add_subcommand(
      "serve", "Draw for others: OpenAI's images API and a page for the browser");
  const auto options = std::make_shared<ServeOptions>();
  add_network_options(*command, *options);
  add_limit_options(*command, *options);
  add_memory_options(*command, *options);
  command->add_flag(
      "--log-prompts", options->server.drawing.log_prompts, "Write prompts into the log too");
  add_model_options(*command, options->model);
  command->footer(
      "Examples:\n"
      "  glm-image serve                       then open http://127.0.0.1:8080 in a browser\n"
      "  glm-image serve --host 0.0.0.0 --api-key-file key.txt --queue 16\n"
      "  curl http://127.0.0.1:8080/v1/images/generations -H 'Content-Type: application/json' \\\n"
      "    -d '{\"prompt\": \"A dark green poster with a football and the title \\\"OPEN "
      "DAY\\\"\"}'");
  command->callback([options] { serve(*options); });
}

}  // namespace glm_image::cli
