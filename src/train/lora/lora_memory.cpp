#include "train/lora/lora_memory.h"

#include <algorithm>

#include "core/byte_size.h"
#include "core/error.h"
#include "models/layout.h"
#include "pipeline/base_weights.h"
#include "pipeline/compose.h"
#include "pipeline/memory_plan.h"
#include "pipeline/request_check.h"
#include "pipeline/working_memory.h"
#include "text/glyph_sequences.h"
#include "text/glyph_texts.h"
#include "train/lora/adapter_samples.h"
#include "train/lora/base_adapters.h"
#include "train/lora/part_memory.h"

namespace glm_image::train {
namespace {

constexpr const char* kAuto = "auto";
constexpr const char* kNotQuantised = "bf16";
constexpr const char* kWithoutSamples =
    "; a smaller --size needs less, and without --sample-prompt nothing is drawn";

/// A part and the component that it trains.
struct Part {
  const char* name;
  const char* component;
};
constexpr Part kTransformerPart{"transformer", models::kTransformer};
constexpr Part kGeneratorPart{"generator", models::kVisionLanguage};

std::string phase_name(const std::string& part) {
  return "training the " + part;
}

/// LoadPlan::quantise_to of the forms that --base allows, the largest first.
std::vector<std::string> allowed_forms(const pipeline::Checkpoint& checkpoint,
                                       const Part& part,
                                       const std::string& base) {
  const bool is_stored_quantised = pipeline::has_quantised_files(checkpoint, part.component);
  if (is_stored_quantised && base != kAuto) {
    fail(ErrorCode::kInvalidInput,
         "--base must be auto for a model whose files are quantised already (",
         (checkpoint.info().directory / part.component).string(),
         "); found ",
         base);
  }
  if (base == kNotQuantised || is_stored_quantised) return {""};
  const bool is_cpu = checkpoint.placement().device.is_cpu();
  if (base == kAuto) {
    return is_cpu ? std::vector<std::string>{"", "q8", "q4"} : std::vector<std::string>{""};
  }
  if (!is_cpu) {
    fail(ErrorCode::kUnsupported,
         "--base ",
         base,
         " needs --device cpu; found ",
         checkpoint.placement().device.str());
  }
  return {base};
}

LoraPhase training_phase(const pipeline::Checkpoint& checkpoint,
                         const Part& part,
                         const LoraDataSizes& data,
                         const LoraOptions& options,
                         const std::string& form) {
  LoraPhase phase;
  phase.name = phase_name(part.name);
  phase.base = form.empty() ? "as stored" : form;
  phase.resident = pipeline::bytes_on_load(checkpoint, part.component, form).memory() +
                   checkpoint.adapter_set().attached_bytes(
                       base_adapters(checkpoint), part.component, checkpoint.placement().dtype);
  const bool is_transformer = part.component == std::string(models::kTransformer);
  if (is_transformer) {
    phase.resident += checkpoint.weight_bytes(models::kTextEncoder).memory();
  }
  const auto memory = is_transformer ? transformer_training_memory(checkpoint, data, options)
                                     : generator_training_memory(checkpoint, data, options);
  phase.adapter = memory.adapter;
  phase.working = memory.working;
  return phase;
}

/// The stage of a request that needs the most, as a phase.
LoraPhase sample_phase(const std::string& name,
                       const pipeline::Checkpoint& checkpoint,
                       const Request& request,
                       const pipeline::LoadedModules& loaded,
                       const std::string& base) {
  const auto plan = pipeline::plan_request(checkpoint, request, &loaded).memory;
  LoraPhase phase{name, base, 0, 0, 0};
  for (const auto& stage : plan.stages) {
    // Loaded weights need no more room, but every stage needs its working memory.
    if (stage.resident + stage.working <= phase.resident + phase.working) continue;
    phase.resident = stage.resident;
    phase.working = stage.working;
  }
  phase.resident += loaded.bytes;
  return phase;
}

/// Reading the pictures: the VAE encodes the largest.
LoraPhase reading_phase(const pipeline::Checkpoint& checkpoint, const LoraOptions& options) {
  pipeline::Workload work;
  work.picture = text::target_grid(options.size, options.size);
  work.conditions = {work.picture};
  const auto working = pipeline::working_memory(checkpoint, work);
  LoraPhase phase;
  phase.name = "reading the pictures";
  phase.resident = checkpoint.weight_bytes(models::kVae).memory();
  phase.working = working.encode;
  return phase;
}

/// The options with the least memory: the smallest form, one picture at a time, and recomputed
/// blocks.
LoraPhase least_phase(const pipeline::Checkpoint& checkpoint,
                      const Part& part,
                      const LoraDataSizes& data,
                      LoraOptions options) {
  options.batch = 1;
  options.recompute = true;
  const auto form = allowed_forms(checkpoint, part, kAuto).back();
  return training_phase(checkpoint, part, data, options, form);
}

[[noreturn]] void refuse(const LoraMemory& memory,
                         const LoraPhase& phase,
                         const LoraOptions& options,
                         const std::string& advice) {
  fail(ErrorCode::kInvalidInput,
       phase.name,
       " at --size ",
       options.size,
       " needs ",
       byte_size_text(phase.total()),
       " of memory; ",
       byte_size_text(memory.allowed),
       memory.is_given ? " are allowed (max-memory)" : " are free on this machine",
       advice);
}

bool fits(const LoraMemory& memory, const LoraPhase& phase) {
  return memory.allowed == 0 || phase.total() <= memory.allowed;
}

/// The sample grids while a part is in training.
void add_samples(std::vector<LoraPhase>& phases,
                 const pipeline::Checkpoint& checkpoint,
                 const Part& part,
                 const LoraPhase& training,
                 const LoraOptions& options) {
  const at::TensorOptions without_storage(at::kFloat);
  pipeline::LoadedModules loaded;
  loaded.bytes = training.resident + training.adapter;
  const bool is_transformer = part.component == std::string(models::kTransformer);
  if (is_transformer) {
    loaded.transformer =
        models::GlmImageTransformer2DModel(checkpoint.transformer, without_storage);
  } else {
    loaded.generator =
        models::GlmImageForConditionalGeneration(checkpoint.vision_language, without_storage);
  }
  for (const auto& prompt : options.sample_prompts) {
    auto request = pipeline::resolve_request(sample_request(options, prompt), checkpoint);
    if (is_transformer) {
      // It draws from the base's visual tokens, which are kept.
      const auto grid = text::target_grid(request.height, request.width);
      request.composition.emplace();
      request.composition->picture = {grid.height, grid.width, {}};
      request.composition->picture.tokens.resize(static_cast<std::size_t>(grid.size()));
    }
    phases.push_back(sample_phase(
        concat("drawing samples of the ", part.name), checkpoint, request, loaded, training.base));
  }
}

/// Chooses the form of a part's base weights, if it is not `given`, and adds its phases.
std::string add_part(LoraMemory& memory,
                     const pipeline::Checkpoint& checkpoint,
                     const Part& part,
                     const LoraDataSizes& data,
                     const LoraOptions& options,
                     const std::string* given) {
  const bool is_as_stored = given != nullptr && given->empty();
  auto forms = is_as_stored
                   ? std::vector<std::string>{""}
                   : allowed_forms(checkpoint, part, given == nullptr ? options.base : *given);
  // The form does not depend on free memory, because another form would be another run.
  if (!memory.is_given) forms.resize(1);
  for (const auto& form : forms) {
    std::vector<LoraPhase> phases = {training_phase(checkpoint, part, data, options, form)};
    add_samples(phases, checkpoint, part, LoraPhase(phases.front()), options);
    const auto too_large = std::find_if(
        phases.begin(), phases.end(), [&](const auto& phase) { return !fits(memory, phase); });
    if (too_large != phases.end() && form != forms.back()) continue;
    if (too_large == phases.begin()) {
      const auto least = least_phase(checkpoint, part, data, options);
      refuse(memory,
             *too_large,
             options,
             concat(". The least at this size is ",
                    byte_size_text(least.total()),
                    ", with --base ",
                    least.base == "as stored" ? kAuto : least.base,
                    " --batch 1 and without --keep-activations; a smaller --size needs less"));
    }
    if (too_large != phases.end()) refuse(memory, *too_large, options, kWithoutSamples);
    memory.phases.insert(memory.phases.end(), phases.begin(), phases.end());
    return form;
  }
  fail(ErrorCode::kInternal, "weights without a form");
}

}  // namespace

int64_t LoraPhase::total() const {
  return pipeline::kProgramBytes + resident + adapter + working;
}

const LoraPhase& LoraMemory::training(const std::string& part) const {
  const auto found = std::find_if(phases.begin(), phases.end(), [&](const LoraPhase& phase) {
    return phase.name == phase_name(part);
  });
  GLM_IMAGE_CHECK(found != phases.end(), part);
  return *found;
}

LoraDataSizes LoraDataSizes::of(const FolderDataset& data, const pipeline::Checkpoint& checkpoint) {
  LoraDataSizes sizes;
  const text::Grid smallest{1, 1};
  for (const auto& row : data.rows()) {
    const auto references = row.references.size();
    sizes.references = std::max(sizes.references, static_cast<int64_t>(references));
    sizes.prompt_tokens = std::max(
        sizes.prompt_tokens, pipeline::text_tokens(checkpoint, row.caption, references, smallest));
    int64_t glyphs = 0;
    for (const auto& sequence :
         text::glyph_sequences(*checkpoint.byte_tokenizer,
                               text::glyph_texts(row.caption, text::GlyphRules::kSmart))) {
      glyphs += static_cast<int64_t>(sequence.size());
    }
    sizes.glyph_tokens = std::max(sizes.glyph_tokens, glyphs);
  }
  return sizes;
}

LoraDataSizes LoraDataSizes::with(const LoraDataSizes& other) const {
  return {std::max(references, other.references),
          std::max(prompt_tokens, other.prompt_tokens),
          std::max(glyph_tokens, other.glyph_tokens)};
}

LoraMemory plan_lora_memory(const pipeline::Checkpoint& checkpoint,
                            const LoraDataSizes& data,
                            const LoraOptions& options,
                            const LoraBases* bases) {
  LoraMemory memory;
  memory.allowed = checkpoint.allowed_memory();
  memory.is_given = checkpoint.memory_is_limited_by_option();
  memory.phases.push_back(reading_phase(checkpoint, options));
  if (!fits(memory, memory.phases.back())) {
    refuse(memory, memory.phases.back(), options, "; a smaller --size needs less");
  }
  for (const auto& prompt : options.sample_prompts) {
    const auto request = pipeline::resolve_request(sample_request(options, prompt), checkpoint);
    memory.phases.push_back(
        sample_phase("drawing samples of the base", checkpoint, request, {}, "as stored"));
    if (!fits(memory, memory.phases.back())) {
      refuse(memory, memory.phases.back(), options, kWithoutSamples);
    }
  }
  if (options.transformer) {
    const auto* given = bases == nullptr ? nullptr : &bases->transformer;
    memory.transformer_base = add_part(memory, checkpoint, kTransformerPart, data, options, given);
  }
  if (options.generator) {
    const auto* given = bases == nullptr ? nullptr : &bases->generator;
    memory.generator_base = add_part(memory, checkpoint, kGeneratorPart, data, options, given);
  }
  return memory;
}

}  // namespace glm_image::train
