#include "cluster/spread.h"

#include <algorithm>
#include <cmath>

#include "cluster/rounded_heads.h"
#include "cluster/shared_generator.h"
#include "core/error.h"
#include "core/prefix.h"
#include "diffusion/sampling_options.h"
#include "io/json_file.h"
#include "models/autoencoder/config.h"
#include "models/generator/generation_model.h"
#include "models/layout.h"
#include "models/transformer/config.h"
#include "pipeline/request_values.h"
#include "pipeline/speed.h"
#include "text/grid.h"

namespace glm_image::cluster {
namespace {

constexpr double kBytesPerPixel = 3;
constexpr const char* kGuidancePairs = "guidance pairs";
constexpr const char* kImageTokens = "image tokens";
constexpr const char* kGenerator = "generator";

/// Evaluations of the transformer for one picture.
int64_t evaluations(const Request& request) {
  return diffusion::evaluations(pipeline::sampling_options(request), *request.steps);
}

/// Steps that two ranks can share.
int64_t guided_steps(const Request& request) {
  return request.draft ? 0 : evaluations(request) - *request.steps;
}

/// The pictures from `first` on, `count` of them.
Request pictures_of(Request request, int64_t first, int64_t count) {
  request.seed += static_cast<uint64_t>(first);
  request.count = count;
  return request;
}

Spread spread_in_pictures(const Request& request, const std::vector<int>& ranks) {
  const int64_t parts = std::min(static_cast<int64_t>(ranks.size()), request.count);
  Spread spread;
  spread.name = "pictures";
  for (int64_t i = 0; i < parts; ++i) {
    SpreadPart one;
    one.first_picture = request.count * i / parts;
    const int64_t end = request.count * (i + 1) / parts;
    one.part.request = pictures_of(request, one.first_picture, end - one.first_picture);
    one.part.ranks = {ranks[static_cast<size_t>(i)]};
    spread.parts.push_back(std::move(one));
  }
  return spread;
}

Spread spread_in_pairs(const Request& request, const std::vector<int>& ranks) {
  auto spread = spread_in_pictures(request, ranks);
  spread.name = kGuidancePairs;
  auto next = spread.parts.size();
  for (auto& one : spread.parts) {
    if (next == ranks.size()) break;
    one.part.ranks.push_back(ranks[next++]);
    one.part.way = Way::kGuidance;
  }
  return spread;
}

/// The step cache's decisions would differ between ranks that see different tokens.
bool can_share_tokens(const Request& request) {
  return !request.draft && *request.step_cache == 0;
}

/// The ranks divided among the pictures, without a name.
Spread spread_in_groups(const Request& request, const std::vector<int>& ranks) {
  auto spread = spread_in_pictures(request, ranks);
  spread.name.clear();
  auto next = spread.parts.size();
  for (size_t i = 0; next < ranks.size(); ++next, i = (i + 1) % spread.parts.size()) {
    spread.parts[i].part.ranks.push_back(ranks[next]);
  }
  return spread;
}

Spread spread_in_tokens(const Request& request, const std::vector<int>& ranks) {
  auto spread = spread_in_groups(request, ranks);
  spread.name = kImageTokens;
  for (auto& one : spread.parts) {
    if (one.part.ranks.size() > 1) one.part.way = Way::kTokens;
  }
  return spread;
}

/// All pictures, drawn together by all of these ranks.
Spread one_part(const char* name, const Request& request, const std::vector<int>& ranks, Way way) {
  Spread spread;
  spread.name = name;
  spread.parts.emplace_back();
  auto& part = spread.parts.front().part;
  part.request = request;
  part.ranks = ranks;
  part.way = way;
  return spread;
}

/// As above, with the generator shared by the ranks of each part.
Spread with_generator(Spread spread) {
  spread.name = spread.name.empty() ? kGenerator : concat(spread.name, " + ", kGenerator);
  for (auto& one : spread.parts) one.part.shares_generator = one.part.ranks.size() > 1;
  return spread;
}

/// Image tokens of an evaluation.
double image_tokens(const Request& request, const ModelSizes& sizes) {
  const auto side = static_cast<double>(sizes.pixels_per_token);
  return static_cast<double>(request.width * request.height) / (side * side);
}

/// Bytes of the keys and values that a rank sends to each other rank at each evaluation.
double gathered_bytes(const Request& request, const ModelSizes& sizes, double ranks) {
  const double values =
      image_tokens(request, sizes) / ranks * static_cast<double>(sizes.hidden * sizes.layers);
  return 2 * values * sizes.bytes_per_gathered_value;
}

/// The share of a block's computing that hides its messages: the projections to values and queries,
/// 4·h² operations a token at width h. A block has 24·h² in its matrices (four of h×h, two of h×4h)
/// and 4·h for each token that one attends to. Keys and values are sent while these run.
double hiding_share(const Request& request, const ModelSizes& sizes) {
  const auto width = static_cast<double>(sizes.hidden);
  return width / (6 * width + image_tokens(request, sizes));
}

/// Bytes of the velocities that a rank of a pair sends at each guided step.
double velocity_bytes(const Request& request, const ModelSizes& sizes) {
  const auto pixels = static_cast<double>(request.width * request.height);
  const auto side = static_cast<double>(sizes.pixels_per_cell);
  return pixels / (side * side) * static_cast<double>(sizes.latent_channels) * sizeof(float);
}

/// Visual tokens of a picture of this size in pixels.
double visual_tokens(int64_t width, int64_t height) {
  constexpr int64_t kArea = text::kTokenSide * text::kTokenSide;
  return static_cast<double>(width * height) / kArea;
}

/// An estimate: the number of prompt tokens is known only after encoding.
double prompt_tokens(const Request& request) {
  constexpr double kBytesPerToken = 4, kMarkers = 16;
  double tokens = static_cast<double>(request.prompt.size()) / kBytesPerToken + kMarkers;
  for (const auto& image : request.condition_images) {
    tokens += visual_tokens(image.width, image.height);
  }
  return tokens;
}

/// The cost of what the ranks that share the generator send for one run through its layers.
SpreadCost pass_cost(double tokens,
                     double ranks,
                     const NetworkSpeed& network,
                     const ModelSizes& sizes) {
  const double values = tokens * static_cast<double>(sizes.generator_hidden);
  const auto per_layer = 2 * static_cast<double>(sizes.generator_layers);
  // Messages that follow one another, and the bytes that a rank sends; all send at the same time.
  // Those who gather wait for one message of each other rank, all at once.
  double messages = 1;
  double bytes = (ranks - 1) * values * static_cast<double>(sizes.bytes_per_value);
  if (!SharedGenerator::sums_by_gathering(std::llround(values), std::llround(ranks))) {
    messages = 2 * (ranks - 1);
    bytes = messages * values * sizeof(float) / ranks;
  }
  const double sending = messages * network.latency_seconds + bytes / network.bytes_per_second;
  const double logits =
      (ranks - 1) * static_cast<double>(sizes.vision_vocabulary) * sizeof(float) / ranks;
  SpreadCost cost;
  cost.seconds = per_layer * sending + network.seconds(logits);
  cost.bytes = ranks * (per_layer * bytes + logits);
  return cost;
}

/// The cost that sharing the generator adds for a part. Pictures that are decoded together send
/// their values in one message; this counts one each.
SpreadCost sharing_cost(const Request& request,
                        double ranks,
                        const NetworkSpeed& network,
                        const ModelSizes& sizes) {
  const auto tokens = static_cast<double>(pipeline::written_tokens(request));
  const auto prompt = pass_cost(prompt_tokens(request), ranks, network, sizes);
  const auto token = pass_cost(1, ranks, network, sizes);
  const double broadcast = network.seconds((ranks - 1) * sizeof(int64_t));
  SpreadCost cost;
  cost.seconds = prompt.seconds + tokens * (token.seconds + broadcast);
  cost.bytes = prompt.bytes + tokens * (token.bytes + (ranks - 1) * sizeof(int64_t));
  return cost;
}

}  // namespace

ModelSizes sizes_of(const ModelInfo& model, Wire wire) {
  const auto config = models::TransformerConfig::from_json(
      io::JsonFields::load(model.directory / models::kTransformer / "config.json"));
  const auto vae = models::AutoencoderConfig::from_json(
      io::JsonFields::load(model.directory / models::kVae / "config.json"));
  ModelSizes sizes;
  sizes.latent_channels = config.in_channels;
  sizes.layers = config.num_layers;
  sizes.hidden = config.hidden_size();
  sizes.pixels_per_cell = vae.scale_factor();
  sizes.pixels_per_token = sizes.pixels_per_cell * config.patch_size;
  sizes.bytes_per_value = model.dtype == "float32" ? 4 : 2;
  sizes.bytes_per_gathered_value = static_cast<double>(sizes.bytes_per_value);
  if (wire == Wire::kInt8) {
    const auto dim = config.attention_head_dim;
    sizes.bytes_per_gathered_value =
        static_cast<double>(rounded_head_bytes(dim)) / static_cast<double>(dim);
  }
  const auto generator =
      models::VisionLanguageConfig::from_json(
          io::JsonFields::load(model.directory / models::kVisionLanguage / "config.json"))
          .text;
  sizes.generator_layers = generator.num_hidden_layers;
  sizes.generator_hidden = generator.hidden_size;
  sizes.generator_heads = generator.num_attention_heads;
  sizes.vision_vocabulary = generator.vision_vocab_size;
  return sizes;
}

int64_t Spread::ranks() const {
  int64_t count = 0;
  for (const auto& one : parts) count += static_cast<int64_t>(one.part.ranks.size());
  return count;
}

std::vector<Spread> spreads_of(const Request& request, const std::vector<int>& ranks) {
  GLM_IMAGE_CHECK(!ranks.empty(), "a request is spread over no ranks");
  const bool is_one_part = pipeline::wants_verification(request);
  const int64_t parts = is_one_part ? 1 : request.count;
  std::vector<Spread> spreads = {is_one_part
                                     ? one_part("pictures", request, {ranks.front()}, Way::kAlone)
                                     : spread_in_pictures(request, ranks)};
  if (static_cast<int64_t>(ranks.size()) <= parts) return spreads;
  if (guided_steps(request) > 0) {
    spreads.push_back(is_one_part
                          ? one_part(kGuidancePairs, request, {ranks[0], ranks[1]}, Way::kGuidance)
                          : spread_in_pairs(request, ranks));
  }
  if (can_share_tokens(request)) {
    spreads.push_back(is_one_part ? one_part(kImageTokens, request, ranks, Way::kTokens)
                                  : spread_in_tokens(request, ranks));
  }
  if (pipeline::written_tokens(request) > 0) {
    const size_t others = spreads.size();
    spreads.push_back(with_generator(is_one_part ? one_part("", request, ranks, Way::kAlone)
                                                 : spread_in_groups(request, ranks)));
    for (size_t i = 1; i < others; ++i) spreads.push_back(with_generator(spreads[i]));
  }
  return spreads;
}

std::vector<Spread> weight_sharing_spreads(const Request& request, const std::vector<int>& ranks) {
  if (ranks.size() == 1 || pipeline::written_tokens(request) == 0) {
    return spreads_of(request, ranks);
  }
  std::vector<Spread> spreads = {with_generator(one_part("", request, ranks, Way::kAlone))};
  if (ranks.size() == 2 && guided_steps(request) > 0) {
    spreads.push_back(with_generator(one_part(kGuidancePairs, request, ranks, Way::kGuidance)));
  }
  if (can_share_tokens(request)) {
    spreads.push_back(with_generator(one_part(kImageTokens, request, ranks, Way::kTokens)));
  }
  return spreads;
}

std::optional<SpreadCost> cost_of(const Spread& spread,
                                  const pipeline::DurationEstimate& rates,
                                  const NetworkSpeed& network,
                                  const ModelSizes& sizes) {
  SpreadCost cost;
  for (const auto& one : spread.parts) {
    const auto& request = one.part.request;
    const auto alone = rates.seconds(request);
    const auto denoising = rates.seconds(request, Stage::kDenoising);
    if (!alone || !denoising) return std::nullopt;
    double seconds = *alone;
    const auto pictures = static_cast<double>(request.count);
    if (one.part.shares_generator) {
      const auto composing = rates.seconds(request, Stage::kImageTokens);
      const auto ranks = static_cast<int64_t>(one.part.ranks.size());
      if (!composing || ranks > sizes.generator_heads) return std::nullopt;
      const auto size = static_cast<double>(ranks);
      const auto sharing = sharing_cost(request, size, network, sizes);
      seconds += sharing.seconds - *composing * (1 - 1 / size);
      cost.bytes += sharing.bytes;
    }
    if (one.part.way == Way::kGuidance) {
      const auto guided = static_cast<double>(guided_steps(request));
      const auto all = static_cast<double>(evaluations(request));
      const double bytes = velocity_bytes(request, sizes);
      seconds += pictures * guided * network.seconds(bytes) - *denoising * guided / all;
      cost.bytes += 2 * pictures * guided * bytes;
    }
    if (one.part.way == Way::kTokens) {
      const auto ranks = static_cast<double>(one.part.ranks.size());
      const auto all = pictures * static_cast<double>(evaluations(request));
      // A ring: each rank forwards what it receives to one other rank, keys and values separately.
      const double bytes = (ranks - 1) * gathered_bytes(request, sizes, ranks);
      const auto messages = 2 * (ranks - 1) * static_cast<double>(sizes.layers);
      const double sending = messages * network.latency_seconds + bytes / network.bytes_per_second;
      const double hidden = hiding_share(request, sizes) * *denoising / all / ranks;
      seconds += all * std::max(0.0, sending - hidden) - *denoising * (1 - 1 / ranks);
      cost.bytes += all * ranks * bytes;
    }
    if (&one != &spread.parts.front()) {
      const double bytes =
          pictures * kBytesPerPixel * static_cast<double>(request.width * request.height);
      seconds += network.seconds(bytes);
      cost.bytes += bytes;
    }
    cost.seconds = std::max(cost.seconds, seconds);
  }
  return cost;
}

/// A way is preferred to a simpler one only if its predicted time is at most this fraction of the
/// other's. The prediction is not more precise, and results of simpler ways are bit-identical.
constexpr double kWorthwhile = 0.98;

Spread best_spread(const Request& request,
                   const std::vector<int>& ranks,
                   const pipeline::DurationEstimate& rates,
                   const NetworkSpeed& network,
                   const ModelSizes& sizes,
                   bool share_weights) {
  auto spreads =
      share_weights ? weight_sharing_spreads(request, ranks) : spreads_of(request, ranks);
  std::optional<double> least;
  // Without rates, choose pairs: they send little.
  const auto pairs = std::find_if(spreads.begin(), spreads.end(), [](const Spread& spread) {
    return starts_with(spread.name, kGuidancePairs);
  });
  auto best = static_cast<size_t>(pairs == spreads.end() ? 0 : pairs - spreads.begin());
  for (size_t i = 0; i < spreads.size(); ++i) {
    const auto cost = cost_of(spreads[i], rates, network, sizes);
    if (!cost || (least && cost->seconds > kWorthwhile * *least)) continue;
    least = cost->seconds;
    best = i;
  }
  return std::move(spreads[best]);
}

}  // namespace glm_image::cluster
