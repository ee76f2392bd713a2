#include "cli/plan_run.h"

#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

#include "cli/cluster_rates.h"
#include "cli/draw_options.h"
#include "cli/model_options.h"
#include "core/byte_size.h"
#include "core/error.h"
#include "io/json_text.h"

namespace glm_image::cli {
namespace {

/// The prediction for one way to draw.
struct Row {
  std::string way;
  int64_t ranks = 0;
  double seconds_per_picture = 0;
  double bytes_per_picture = 0;
  bool is_taken = false;
};

Request request_of(const PlanOptions& options, const Pipeline& pipeline) {
  Request request;
  request.prompt = "a picture";
  request.count = options.count;
  if (options.size) std::tie(request.width, request.height) = parse_size(*options.size);
  apply(options.denoising, request);
  return pipeline.check(request);
}

std::vector<Row> rows_of(const Request& request,
                         const std::vector<int>& ranks,
                         const cluster::Coordinator::Rates& rates) {
  const auto best = cluster::best_spread(request, ranks, rates.own, rates.network, rates.sizes);
  std::vector<Row> rows;
  const auto add = [&](const cluster::Spread& spread, const std::string& name, bool is_taken) {
    const auto cost = cost_of(spread, rates.own, rates.network, rates.sizes);
    if (!cost) return;
    const auto pictures = static_cast<double>(request.count);
    rows.push_back(
        {name, spread.ranks(), cost->seconds / pictures, cost->bytes / pictures, is_taken});
  };
  add(cluster::spreads_of(request, {0}).front(), "one machine", false);
  for (const auto& spread : cluster::spreads_of(request, ranks)) {
    add(spread, spread.name, spread.name == best.name);
  }
  return rows;
}

void print_json(const Request& request, const std::vector<Row>& rows) {
  auto ways = nlohmann::ordered_json::array();
  for (const auto& row : rows) {
    ways.push_back({{"way", row.way},
                    {"ranks", row.ranks},
                    {"seconds_per_picture", row.seconds_per_picture},
                    {"bytes_per_picture", row.bytes_per_picture},
                    {"taken", row.is_taken}});
  }
  const nlohmann::ordered_json json = {{"width", request.width},
                                       {"height", request.height},
                                       {"count", request.count},
                                       {"steps", *request.steps},
                                       {"guidance", *request.guidance},
                                       {"ways", ways}};
  std::cout << io::json_text(json, 2) << '\n';
}

void print_table(const Request& request, const PlanOptions& options, const std::vector<Row>& rows) {
  std::printf("%ld %s of %ldx%ld, %ld steps, guidance %g; %s and %s between machines\n\n",
              static_cast<long>(request.count),
              request.count == 1 ? "picture" : "pictures",
              static_cast<long>(request.width),
              static_cast<long>(request.height),
              static_cast<long>(*request.steps),
              *request.guidance,
              options.network.bandwidth.c_str(),
              options.network.latency.c_str());
  std::printf(
      "%-26s %6s %14s %9s %16s\n", "way", "ranks", "s per picture", "speed-up", "sent per picture");
  for (const auto& row : rows) {
    std::printf("%-26s %6ld %14.2f %8.2fx %16s%s\n",
                row.way.c_str(),
                static_cast<long>(row.ranks),
                row.seconds_per_picture,
                rows.front().seconds_per_picture / row.seconds_per_picture,
                byte_size_text(static_cast<int64_t>(row.bytes_per_picture)).c_str(),
                row.is_taken ? "  taken" : "");
  }
  std::printf("\nPredicted from this machine's rates; assumes equally fast machines.\n");
}

}  // namespace

void run_plan(const PlanOptions& options) {
  const auto pipeline = load_pipeline(options.model);
  const auto request = request_of(options, pipeline);
  const auto rates =
      cluster_rates(pipeline.info(), pipeline_options(options.model).threads, options.network);
  std::vector<int> ranks(static_cast<size_t>(options.world));
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto rows = rows_of(request, ranks, rates);
  if (rows.empty()) {
    fail(ErrorCode::kNotFound,
         pipeline.info().directory.string(),
         ": no picture was drawn with this model and these options on this machine yet, so its "
         "rates "
         "are not known; draw one with `glm-image generate`");
  }
  if (options.json) {
    print_json(request, rows);
  } else {
    print_table(request, options, rows);
  }
}

}  // namespace glm_image::cli
