#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/draw_message.h"
#include "cluster/network_speed.h"
#include "pipeline/duration_estimate.h"

namespace glm_image::cluster {

/// A part of a request and its place among the request's pictures.
struct SpreadPart {
  DrawPart part;  ///< without an id
  int64_t first_picture = 0;
};

/// Which ranks draw which pictures of a request. The leader of the first part has the
/// smallest number: it is the coordinator, if that takes part.
struct Spread {
  std::string name;  ///< "pictures", "guidance pairs", "image tokens", "generator", …
  std::vector<SpreadPart> parts;
  int64_t ranks() const;  ///< that have a part
};

/// What a prediction needs of the transformer (TransformerConfig), the VAE (AutoencoderConfig) and
/// the generator (GeneratorConfig).
struct ModelSizes {
  int64_t latent_channels = 16;
  int64_t layers = 30;
  int64_t hidden = 4096;
  int64_t pixels_per_cell = 8;    ///< of the latents, along a side
  int64_t pixels_per_token = 16;  ///< along a side
  int64_t bytes_per_value = 2;    ///< of the generator's partial sums
  /// Of keys and values on the wire, with the scales of rounded ones.
  double bytes_per_gathered_value = 2;
  int64_t generator_layers = 40;
  int64_t generator_hidden = 4096;
  int64_t generator_heads = 32;
  int64_t vision_vocabulary = 16512;
};
/// Reads the sizes from the model's folder. Throws as Pipeline::load does.
ModelSizes sizes_of(const ModelInfo& model, Wire wire = Wire::kExact);

/// Returns all ways to spread a resolved request over ranks, the simplest first. Each gives the
/// result of one machine, bit for bit unless stated otherwise.
///
/// "pictures": each rank draws an equal number of pictures, alone. If there are more ranks than
/// pictures, there are two more ways. "guidance pairs", for a request with guidance: the remaining
/// ranks each join a picture and compute one of the two evaluations of a guided step. "image
/// tokens": the ranks are divided among the pictures, and those of one picture share the tokens of
/// every evaluation (float32 within 1e-4 with Wire::kExact). Where the generator runs, the ranks of
/// a picture may also share its weights (float32 logits within 1e-4): "generator", which denoises
/// on one rank, "guidance pairs + generator" and "image tokens + generator". Pictures whose texts
/// are verified are all those of the first rank, and the others help it: workers need no reader of
/// texts. `ranks` must not be empty.
std::vector<Spread> spreads_of(const Request& request, const std::vector<int>& ranks);

/// The spreads in which no rank holds more than its share of the generator's weights: all ranks
/// draw all pictures together. Those of spreads_of if the generator does not run, or for one rank.
std::vector<Spread> weight_sharing_spreads(const Request& request, const std::vector<int>& ranks);

/// The predicted cost of a spread.
struct SpreadCost {
  double seconds = 0;  ///< until the last picture is there
  double bytes = 0;    ///< on the wire, of all pictures
};

/// Predicts the cost of a spread from the measured rates of one rank; nothing if they are not
/// known, or if the generator has too few heads for the ranks.
std::optional<SpreadCost> cost_of(const Spread& spread,
                                  const pipeline::DurationEstimate& rates,
                                  const NetworkSpeed& network,
                                  const ModelSizes& sizes);

/// The spread with the fewest seconds, and of spreads within a few percent the first; with
/// `share_weights`, among weight_sharing_spreads. If the rates are unknown, returns guidance pairs,
/// which send little, or else the first.
Spread best_spread(const Request& request,
                   const std::vector<int>& ranks,
                   const pipeline::DurationEstimate& rates,
                   const NetworkSpeed& network,
                   const ModelSizes& sizes,
                   bool share_weights = false);

}  // namespace glm_image::cluster
