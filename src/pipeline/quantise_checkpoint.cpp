#include "pipeline/quantise_checkpoint.h"

#include <algorithm>
#include <map>

#include "core/atomic_file.h"
#include "core/atomic_folder.h"
#include "core/cpu_threads.h"
#include "core/error.h"
#include "core/suffix.h"
#include "io/json_file.h"
#include "pipeline/checkpoint.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

/// The components of the checkpoint that have linear layers worth quantising, with modules that own
/// no memory.
std::map<std::string, std::shared_ptr<torch::nn::Module>> modules_of(const Checkpoint& checkpoint) {
  const at::TensorOptions options(at::kFloat);
  return {
      {kVisionLanguage,
       models::GlmImageForConditionalGeneration(checkpoint.vision_language, options).ptr()},
      {kTextEncoder, models::T5EncoderModel(checkpoint.glyph_encoder, options).ptr()},
      {kTransformer, models::GlmImageTransformer2DModel(checkpoint.transformer, options).ptr()}};
}

bool is_weight_file(const fs::path& file) {
  const auto name = file.filename().string();
  return ends_with(name, ".safetensors") || ends_with(name, ".safetensors.index.json");
}

/// config.json with the quantization_config of the copy in place of the former one, which may also
/// be in text_config.
void write_config(const fs::path& from, const fs::path& to, const quant::LayerForms& layers) {
  constexpr const char* kKey = "quantization_config";
  auto config = io::read_json_file(from / "config.json");
  const auto text = config.find("text_config");
  if (text != config.end() && text->is_object()) text->erase(kKey);
  config[kKey] = quant::quantization_config(layers);
  write_file_atomically(to / "config.json", config.dump(2) + "\n");
}

/// Whether a file of a component is written anew or left out of the copy.
bool is_replaced(const fs::path& file) {
  return is_weight_file(file) || file.filename() == "config.json" ||
         file.filename() == "quantization_config.json";
}

}  // namespace

QuantisationPlan plan_quantisation(const fs::path& model,
                                   const quant::FormRules& rules,
                                   uint64_t shard_bytes) {
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  const auto checkpoint = Checkpoint::open(model, options);
  QuantisationPlan plan;
  plan.model = checkpoint.info().directory;
  for (const auto& [name, module] : modules_of(checkpoint)) {
    const auto stored = StoredWeights::open(plan.model / name);
    auto component = plan_component(name, *module, *stored, rules, shard_bytes);
    if (component.chosen_layers == 0) continue;
    for (const auto& [form, layers] : component.rounded_twice) {
      plan.warnings.push_back(concat((plan.model / name).string(),
                                     ": layers that are quantised already (",
                                     form,
                                     ") and are rounded a second time: ",
                                     layers,
                                     "; the original, where it is at hand, gives smaller errors"));
    }
    plan.components.push_back(std::move(component));
  }
  rules.check_all_used();
  if (plan.components.empty()) {
    fail(ErrorCode::kInvalidInput, "no layer would be quantised; see --weights and --rules");
  }
  return plan;
}

void write_quantised(const QuantisationPlan& plan,
                     const fs::path& output,
                     int threads,
                     const WriteProgress& progress) {
  at::set_num_threads(cpu_threads(threads));
  check_copy_output(plan.model, output);
  uint64_t done = 0, total = 0;
  for (const auto& component : plan.components) total += component.bytes_after();
  io::check_room(output, total);

  AtomicFolder folder(output);
  const auto changes = [&](const fs::path& item) {
    return std::any_of(plan.components.begin(), plan.components.end(), [&](const auto& component) {
      return item == plan.model / component.name;
    });
  };
  copy_folder(plan.model, folder.path(), changes);
  const std::function<void(uint64_t)> written = [&](uint64_t bytes) {
    done += bytes;
    if (progress) progress(done, total);
  };
  for (const auto& component : plan.components) {
    const auto from = plan.model / component.name, to = folder.path() / component.name;
    copy_folder(from, to, is_replaced);
    write_config(from, to, component.layers);
    write_component(component, *StoredWeights::open(from), to, written);
  }
  folder.take_place();
}

}  // namespace glm_image::pipeline
