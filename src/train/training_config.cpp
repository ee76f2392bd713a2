#include "train/training_config.h"

#include <algorithm>

#include "core/error.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

constexpr int64_t kMaxConfigBytes = 1 << 20;
constexpr int64_t kMany = int64_t{1} << 40;
constexpr uint64_t kSizePurpose = 101;

/// The number of the line that holds the last part of a dotted key, or 0.
int64_t line_of(const std::string& text, const std::string& message, const std::string& source) {
  if (message.compare(0, source.size(), source) != 0) return 0;
  const auto begin = source.size() + 2;  // ": "
  const auto end = message.find(' ', begin);
  if (begin >= message.size() || end == std::string::npos) return 0;
  auto key = message.substr(begin, end - begin);
  key = key.substr(key.rfind('.') + 1);
  key = key.substr(0, key.find('['));
  const auto at = text.find('"' + key + '"');
  return at == std::string::npos
             ? 0
             : 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n');
}

std::vector<SizeShare> read_sizes(const io::JsonFields& fields) {
  const auto& json = fields.json();
  const std::string expected =
      "a list of {\"width\", \"height\", \"share\"}, sides multiples of 32 from 32 to 2048";
  if (!json.contains("sizes") || !json["sizes"].is_array() || json["sizes"].empty()) {
    fields.refuse("sizes", expected);
  }
  std::vector<SizeShare> sizes;
  for (const auto& item : json["sizes"]) {
    if (!item.is_object()) fields.refuse("sizes", expected);
    const io::JsonFields size(item, fields.source() + ": sizes");
    sizes.push_back({size.required_int64("width", 32, 2048),
                     size.required_int64("height", 32, 2048),
                     size.optional_double("share", 1, 0, 1e6)});
    if (sizes.back().width % 32 != 0 || sizes.back().height % 32 != 0) {
      fields.refuse("sizes", expected);
    }
  }
  return sizes;
}

TrainingConfig read(const std::filesystem::path& file) {
  TrainingConfig config{{}, {}, {}, {}, 0, 1, {}, {}, {}, {}, io::JsonFields::load(file)};
  const auto& fields = config.fields;
  const auto path = [&](const std::string& key) {
    return (file.parent_path() / fields.required_string(key)).lexically_normal();
  };
  config.stage = fields.required_string("stage");
  config.run = path("run");
  config.data = path("data");
  config.model = path("model");
  config.seed = static_cast<uint64_t>(fields.optional_int64("seed", 0, 0, kMany));
  config.batch = fields.required_int64("batch", 1, 4096);
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
  loop.steps = fields.required_int64("steps", 1, kMany);
  loop.accumulate = fields.optional_int64("accumulate", 1, 1, 4096);
  loop.learning_rate.steps = loop.steps;
  loop.learning_rate.peak = fields.required_double("learning_rate", 0, 1);
  loop.learning_rate.last =
      fields.optional_double("last_learning_rate", loop.learning_rate.peak / 100, 0, 1);
  loop.learning_rate.warmup = fields.optional_int64("warmup_steps", 100, 0, kMany);
  loop.checkpoint_seconds = fields.optional_double("checkpoint_seconds", 180, 0, 1e6);
  loop.metrics_every = fields.optional_int64("metrics_every", 10, 1, kMany);
  loop.samples_every = fields.optional_int64("samples_every", 500, 1, kMany);
  loop.seed = config.seed;
  loop.identity = config.stage + " seed " + std::to_string(config.seed);
  return config;
}

}  // namespace

TrainingConfig TrainingConfig::load(const std::filesystem::path& file) {
  try {
    return read(file);
  } catch (const Error& error) {
    const std::string message = error.what();
    const auto text = io::read_text_file(file, kMaxConfigBytes);
    const auto line = line_of(text, message, file.string());
    if (line == 0) throw;
    fail(error.code(), file.string(), ", line ", line, message.substr(file.string().size()));
  }
}

const SizeShare& TrainingConfig::size_at(int64_t step) const {
  double total = 0;
  for (const auto& size : sizes) total += size.share;
  const double unit = static_cast<double>(mix_seed(seed, kSizePurpose, step) >> 11) * 0x1.0p-53;
  double left = unit * total;
  for (const auto& size : sizes) {
    left -= size.share;
    if (left < 0) return size;
  }
  return sizes.back();
}

}  // namespace glm_image::train
