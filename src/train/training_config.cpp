#include "train/training_config.h"

#include <algorithm>

#include "core/error.h"
#include "posters/renderer.h"
#include "train/run_limits.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

constexpr uint64_t kSizePurpose = 101;

std::vector<SizeShare> read_sizes(const io::JsonFields& fields) {
  const auto& json = fields.json();
  const std::string expected =
      concat("a list of {\"width\", \"height\", \"share\"}, sides multiples of 32 from ",
             posters::kMinSide,
             " to ",
             posters::kMaxSide);
  if (!fields.has("sizes") || !json["sizes"].is_array() || json["sizes"].empty()) {
    fields.refuse("sizes", expected);
  }
  std::vector<SizeShare> sizes;
  for (const auto& item : json["sizes"]) {
    if (!item.is_object()) fields.refuse("sizes", expected);
    const io::JsonFields size(item, fields.source() + ": sizes");
    sizes.push_back({size.required_int64("width", posters::kMinSide, posters::kMaxSide),
                     size.required_int64("height", posters::kMinSide, posters::kMaxSide),
                     size.optional_double("share", 1, 0, 1e6)});
    size.refuse_unread();
    if (sizes.back().width % 32 != 0 || sizes.back().height % 32 != 0) {
      fields.refuse("sizes", expected);
    }
  }
  const auto is_trained = [](const SizeShare& size) { return size.share > 0; };
  if (std::none_of(sizes.begin(), sizes.end(), is_trained)) {
    fields.refuse("sizes", "a list with a share above 0");
  }
  return sizes;
}

TrainingConfig read(const RunConfig& common) {
  TrainingConfig config{common, 1, 0, {}, {}, {}, {}};
  const auto& fields = config.fields;
  config.batch = fields.required_int64("batch", 1, 4096);
  config.posters = fields.optional_int64("posters", 0, 0, kMostSteps);
  config.sizes = read_sizes(fields);
  config.dtype = fields.optional_string("dtype", "bfloat16");
  if (config.dtype != "bfloat16" && config.dtype != "float32") {
    fields.refuse("dtype", "\"bfloat16\" or \"float32\"");
  }

  auto& optimizer = config.optimizer;
  optimizer.beta1 = fields.optional_double("beta1", optimizer.beta1, 0, 0.99999);
  optimizer.beta2 = fields.optional_double("beta2", optimizer.beta2, 0, 0.999999);
  optimizer.weight_decay = fields.optional_double("weight_decay", optimizer.weight_decay, 0, 10);
  optimizer.clip = fields.optional_double("clip", optimizer.clip, 1e-6, 1e6);
  optimizer.average = fields.optional_double("average", optimizer.average, 0, 0.9999999);

  auto& loop = config.loop;
  loop.steps = fields.required_int64("steps", 1, kMostSteps);
  loop.loader_threads = fields.optional_int64("loader_threads", 1, 1, 256);
  loop.accumulate = fields.optional_int64("accumulate", 1, 1, 4096);
  loop.learning_rate.steps = loop.steps;
  loop.learning_rate.peak = fields.required_double("learning_rate", 0, 1);
  loop.learning_rate.last =
      fields.optional_double("last_learning_rate", loop.learning_rate.peak / 100, 0, 1);
  loop.learning_rate.warmup = fields.optional_int64("warmup_steps", 100, 0, kMostSteps);
  loop.checkpoint_seconds = fields.optional_double("checkpoint_seconds", 180, 0, 1e6);
  loop.metrics_every = fields.optional_int64("metrics_every", 10, 1, kMostSteps);
  loop.samples_every = fields.optional_int64("samples_every", 500, 0, kMostSteps);
  loop.seed = config.seed;
  // The order of the examples follows from these.
  loop.identity =
      concat(config.stage, " seed ", config.seed, " batch ", config.batch, "x", loop.accumulate);
  if (config.posters > 0) loop.identity += concat(" posters ", config.posters);
  return config;
}

}  // namespace

TrainingConfig TrainingConfig::load(const std::filesystem::path& file) {
  const auto common = RunConfig::load(file);
  try {
    return read(common);
  } catch (const Error& error) {
    throw with_line(error, file);
  }
}

int64_t TrainingConfig::example_at(int64_t step, int64_t i) const {
  return ExampleOrder{posters, seed}.at(step * batch + i);
}

const SizeShare& TrainingConfig::size_at(int64_t step) const {
  std::vector<double> shares;
  for (const auto& size : sizes) shares.push_back(size.share);
  posters::RandomStream random(mix_seed(seed, kSizePurpose, static_cast<uint64_t>(step)));
  return sizes[random.pick_weighted(shares)];
}

}  // namespace glm_image::train
