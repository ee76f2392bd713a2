#include "cli/serve_run.h"

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "cli/cluster_run.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"
#include "cli/network_addresses.h"
#include "cli/open_page.h"
#include "cli/qr_code.h"
#include "cli/residency_name.h"
#include "cli/translation.h"
#include "core/error.h"
#include "core/network_host.h"
#include "core/text_format.h"
#include "reading/text_verifier.h"
#include "server/access.h"

namespace glm_image::cli {
namespace {

Pipeline load(const ServeOptions& options) {
  auto pipeline = pipeline_options(options.model);
  pipeline.residency = residency_named(options.residency);
  pipeline.adapters = given_adapters(options.loras);
  pipeline.adapter_folder = options.loras.folder;
  pipeline.verifier = reading::make_text_verifier();
  return load_pipeline(options.model, pipeline);
}

std::string address(const server::ServerOptions& options, const std::string& host, int port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  const auto* scheme = options.tls.certificate.empty() ? "http://" : "https://";
  return concat(scheme, is_ipv6 ? "[" + host + "]" : host, ':', port);
}

/// The address of the page on this machine. A browser cannot open the one that stands for all of a
/// machine's.
std::string page_address(const server::ServerOptions& options, int port) {
  const auto& host = options.host;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  const auto* local = !is_any_text(host) ? host.c_str() : is_ipv6 ? "::1" : "127.0.0.1";
  return address(options, local, port);
}

/// Prints an address that others can open as a QR code, if standard output is a terminal.
void show_qr_code(const std::string& url) {
  std::cout << terminal_qr_code(url, terminal_columns(STDOUT_FILENO));
}

void greet(const std::string& model, const server::ServerOptions& options, int port) {
  const auto& host = options.host;
  std::cout << "listening on " << address(options, host, port) << '\n'
            << tr("The model is %1. Open %2 in a browser. Ctrl-C stops the server.",
                  {model, page_address(options, port)})
            << '\n';
  if (is_any_text(host)) {
    bool is_first = true;
    for (const auto& other : network_addresses()) {
      const auto url = address(options, other, port);
      std::cout << tr("Other devices in the network: %1", {url}) << '\n';
      if (std::exchange(is_first, false)) show_qr_code(url);
    }
  } else if (!is_loopback_host(host)) {
    show_qr_code(page_address(options, port));
  }
  if (!is_loopback_host(host) && !options.access.key.is_set()) {
    std::cout << tr("Warning: anyone who reaches this machine can use the server; --api-key-file "
                    "asks for a key.")
              << '\n';
  }
  std::cout << std::flush;
}

void warn_of_failure(PageOpening& opening) {
  if (const auto reason = opening.failure()) {
    std::cout << tr("Warning: the page was not opened: %1", {*reason}) << '\n' << std::flush;
  }
}

}  // namespace

void run_serve(const ServeOptions& given) {
  // The program that reads the output may end before the server does.
  survive_closed_connections();
  // All threads share one malloc arena. Each further arena reserves 64 MB of address space, and a
  // thread that gets none maps every small allocation separately, which is hundreds of times
  // slower.
  ::mallopt(M_ARENA_MAX, 1);
  auto options = server_options(given);
  // In a thread that ends: with it ends the team of threads that OpenMP keeps for each thread that
  // has computed. While there are more of them than processors, libgomp's threads sleep at every
  // barrier instead of spinning, and a small model draws at half the speed.
  auto pipeline = std::async(std::launch::async, load, given).get();
  const auto model = pipeline.info().name;
  const auto cluster = ClusterRun::start(given.cluster, pipeline, options.threads, /*quiet=*/false);
  if (cluster) {
    options.elsewhere = server::ServerOptions::Elsewhere{
        cluster->most_requests(),
        [&cluster](const Request& request, int64_t open) { return cluster->find(request, open); },
        [&cluster] { return cluster->room(); }};
  }
  server::Server server(std::move(pipeline), options, STDERR_FILENO);
  const auto port = server.start();
  greet(model, options, port);
  std::optional<PageOpening> opening;
  if (given.open) opening.emplace(page_address(options, port));
  while (interrupted_by() == 0 && server.is_listening()) {
    if (opening) warn_of_failure(*opening);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const bool was_told = interrupted_by() != 0;
  server.stop();
  // A supervisor restarts a program that fails, but not one that only stops answering.
  if (!was_told) fail(ErrorCode::kInternal, "the system gives the server no more connections");
}

}  // namespace glm_image::cli
