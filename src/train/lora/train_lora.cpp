#include "train/lora/train_lora.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "core/atomic_file.h"
#include "core/byte_size.h"
#include "core/error.h"
#include "core/memory.h"
#include "io/shown.h"
#include "models/layout.h"
#include "train/data/caption_check.h"
#include "train/data/weights_hash.h"
#include "train/lora/adapter_samples.h"
#include "train/lora/adapter_stage.h"
#include "train/lora/base_adapters.h"
#include "train/lora/check_lora_options.h"
#include "train/lora/lora_memory.h"

namespace glm_image::train {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWarmupSteps = 20;

void note(const LoraCallbacks& callbacks, const std::string& sentence) {
  if (callbacks.note) callbacks.note(sentence);
}

void check_stop(const LoraCallbacks& callbacks) {
  if (callbacks.should_stop && callbacks.should_stop()) fail(ErrorCode::kCancelled, "stopped");
}

FolderDataset open_data(const FolderOptions& folder, const LoraCallbacks& callbacks) {
  return FolderDataset(folder, [&](int64_t done, int64_t total) {
    check_stop(callbacks);
    if (callbacks.preparing) callbacks.preparing("check", done, total);
  });
}

/// Reports the rows that are not used and the warnings, named after `place`, and throws if no row
/// is left.
void report_refused(const FolderDataset& data,
                    const fs::path& place,
                    const LoraCallbacks& callbacks) {
  const auto tell = [&](const char* kind, const std::string& sentence) {
    const auto where = place.empty() ? "" : place.string() + '/';
    note(callbacks, kind + io::printable(where + sentence));
  };
  for (const auto& sentence : data.refused()) tell("not used: ", sentence);
  for (const auto& sentence : data.warnings()) tell("warning: ", sentence);
  if (data.size() == 0) {
    fail(ErrorCode::kInvalidInput,
         data.folder().string(),
         ": has no picture with a caption; glm-image data check says why");
  }
}

LoopOptions loop_options(const LoraOptions& options, const std::string& identity) {
  LoopOptions loop;
  loop.steps = options.steps;
  loop.accumulate = options.accumulate;
  loop.batch = options.batch;
  const double last_rate = falls_to_zero(options) ? 0 : options.learning_rate;
  loop.learning_rate = {options.learning_rate, last_rate, kWarmupSteps, options.steps};
  loop.ema_decay = 0;  // the weights themselves
  loop.checkpoint_seconds = options.checkpoint_seconds;
  loop.metrics_every = std::clamp<int64_t>(options.steps / 100, 1, 10);
  loop.samples_every = options.sample_prompts.empty() ? 0 : options.samples_every;
  loop.seed = options.seed;
  loop.identity = identity;
  return loop;
}

/// The settings that a run must share with the run that it continues.
std::string identity_of(const LoraOptions& options,
                        const FolderDataset& data,
                        const FolderDataset* prior,
                        const std::string& weights,
                        const std::string& base,
                        const std::string& adapters) {
  return concat("data ",
                data.content().substr(0, 8),
                ", weights ",
                weights.substr(0, 8),
                ", size ",
                options.size,
                ", rank ",
                options.rank,
                ", alpha ",
                options.alpha,
                options.all_layers ? ", all layers" : "",
                ", batch ",
                options.batch,
                "x",
                options.accumulate,
                ", learning rate ",
                options.learning_rate,
                falls_to_zero(options) ? concat(", cosine of ", options.steps) : "",
                ", seed ",
                options.seed,
                options.input_dropout == 0 ? "" : concat(", input dropout ", options.input_dropout),
                base.empty() ? "" : ", base " + base,
                adapters.empty() ? "" : ", adapters " + adapters,
                prior == nullptr ? ""
                                 : concat(", prior data ",
                                          prior->content().substr(0, 8),
                                          ", prior loss weight ",
                                          options.prior_loss_weight));
}

/// The predicted memory of a phase, as a line for the user.
std::string memory_text(const LoraPhase& phase) {
  return concat(byte_size_text(phase.total()),
                " of memory predicted: weights ",
                byte_size_text(phase.resident),
                " (base ",
                phase.base,
                "), adapter ",
                byte_size_text(phase.adapter),
                ", at most ",
                byte_size_text(phase.working),
                " for a batch");
}

/// The plan of this rank's memory, with the form of the base weights that rank 0 chose.
LoraMemory plan_together(const pipeline::Checkpoint& checkpoint,
                         const LoraDataSizes& data,
                         const LoraOptions& options,
                         Ranks& ranks) {
  LoraMemory memory;
  if (ranks.rank() == 0) memory = plan_lora_memory(checkpoint, data, options);
  if (ranks.size() == 1) return memory;
  LoraBases bases{memory.transformer_base, memory.generator_base};
  for (auto* base : {&bases.transformer, &bases.generator}) {
    constexpr int64_t kBytes = 16;
    GLM_IMAGE_CHECK(static_cast<int64_t>(base->size()) < kBytes, *base);
    auto text = at::zeros({kBytes}, at::kByte);
    std::memcpy(text.data_ptr(), base->data(), base->size());
    ranks.broadcast(text);
    *base = static_cast<const char*>(text.data_ptr());
  }
  return ranks.rank() == 0 ? memory : plan_lora_memory(checkpoint, data, options, &bases);
}

/// State that the parts of a run share.
struct Run {
  const pipeline::Checkpoint& checkpoint;
  const DataFeatures& features;
  const DataFeatures* prior_data;  ///< null for none
  const LoraOptions& options;
  const LoraCallbacks& callbacks;
  const LoraMemory& memory;
  Ranks& ranks;
};

/// A part, its run, and how its sample grids are drawn.
struct PartToTrain {
  std::string name, component;
  std::string base;                      ///< LoadPlan::quantise_to
  std::string identity = {};             ///< the settings of the run
  std::optional<RunFolder> folder = {};  ///< of rank 0
  Image base_samples = {};
  std::function<Image(const pipeline::LoadedModules& modules)> draw_samples = {};
};

/// Opens the run of a part. Throws kInvalidInput if the folder has a run of other settings.
void open_run(const LoraOptions& options,
              const FolderDataset& data,
              const FolderDataset* prior,
              const pipeline::Checkpoint& checkpoint,
              const Ranks& ranks,
              PartToTrain& part) {
  const auto weights = weights_hash(checkpoint.info().directory / part.component, {""});
  part.identity =
      identity_of(options, data, prior, weights, part.base, base_adapters_text(checkpoint));
  if (ranks.rank() != 0) return;
  part.folder.emplace(lora_run_folder(options.output) / part.name);
  part.folder->check_settings(part.identity);
}

/// Trains one part. Returns nothing if it was stopped.
template <typename AnyStage>
std::optional<AdapterPart> train_part(const Run& run, PartToTrain& part) {
  const auto& options = run.options;
  const auto& callbacks = run.callbacks;
  const bool leads = part.folder.has_value();
  if (leads && !part.base_samples.pixels.empty()) {
    part.folder->write_samples(/*step=*/0, part.base_samples);
  }
  const auto& phase = run.memory.training(part.name);
  AdapterStageOptions of_stage;
  of_stage.rank = options.rank;
  of_stage.alpha = options.alpha;
  of_stage.all_layers = options.all_layers;
  of_stage.batch = options.batch;
  of_stage.seed = options.seed;
  of_stage.recompute = options.recompute;
  of_stage.load.quantise_to = part.base;
  of_stage.prior_data = run.prior_data;
  of_stage.prior_loss_weight = options.prior_loss_weight;
  of_stage.input_dropout = options.input_dropout;
  const AdapterStage* running = nullptr;
  if (leads && options.save_every > 0) {
    of_stage.after_step = [&](int64_t steps) {
      if (steps % options.save_every != 0 || steps == options.steps) return;
      auto file = options.output;
      file.replace_filename(
          concat(options.output.stem().string(), "-", part.name, "-", steps, kAdapterSuffix));
      write_adapter(file, {running->part()}, base_adapters(run.checkpoint));
    };
  }
  int64_t peak = 0;
  of_stage.draw_samples = [&](pipeline::LoadedModules modules) {
    // Drawing counts its own peak.
    peak = std::max(peak, peak_resident_bytes());
    modules.bytes = phase.resident + phase.adapter;
    return part.draw_samples(modules);
  };
  reset_peak_resident_bytes();
  AnyStage stage(run.checkpoint, run.features, of_stage);
  running = &stage;
  note(callbacks,
       concat(part.name,
              ": ",
              stage.adapted_layers(),
              " layers learn, an epoch has ",
              stage.batches_per_epoch(),
              stage.batches_per_epoch() == 1 ? " batch" : " batches"));
  note(callbacks, concat(part.name, ": ", memory_text(phase)));
  const auto& placement = run.checkpoint.placement();
  MixedPrecisionAdamW masters(stage.modules(), placement.dtype, placement.device, {});
  LoopCallbacks loop_callbacks;
  loop_callbacks.should_stop = callbacks.should_stop;
  loop_callbacks.saved = callbacks.saved;
  loop_callbacks.progress = [&](const LoopProgress& progress) {
    if (callbacks.progress) callbacks.progress(part.name, progress);
  };
  const auto next = run_training(stage,
                                 masters,
                                 leads ? &*part.folder : nullptr,
                                 run.ranks,
                                 loop_options(options, part.identity),
                                 loop_callbacks);
  peak = std::max(peak, peak_resident_bytes());
  if (peak > 0) note(callbacks, concat(part.name, ": ", byte_size_text(peak), " of memory taken"));
  if (next < options.steps) return std::nullopt;
  if (next > options.steps) {
    note(callbacks,
         concat("warning: ",
                (lora_run_folder(options.output) / part.name).string(),
                " is a run of ",
                next,
                " steps, more than --steps ",
                options.steps,
                ": the adapter has learnt all of them. For a shorter one name another --output"));
  }
  return stage.part();
}

}  // namespace

fs::path lora_run_folder(const fs::path& output) {
  auto folder = output;
  return folder.replace_extension(".run");
}

bool train_lora(const LoraOptions& given, const LoraCallbacks& callbacks, Ranks* given_ranks) {
  OneRank alone;
  Ranks& ranks = given_ranks == nullptr ? alone : *given_ranks;
  auto options = given;
  check_lora_options(options);
  if (ranks.rank() == 0) check_writable(options.output);
  auto data = open_data({options.data, options.trigger}, callbacks);
  std::optional<FolderDataset> prior;
  if (!options.prior_data.empty()) {
    prior.emplace(open_data({options.prior_data, /*trigger=*/"", /*is_prior=*/true}, callbacks));
  }
  options.pipeline.vae_dtype = DataType::kFloat32;
  options.pipeline.residency = Residency::kNone;
  const auto checkpoint = pipeline::Checkpoint::open(options.model, options.pipeline);
  const AspectBuckets buckets(options.size);
  refuse_unreadable_captions(data, buckets, checkpoint);
  report_refused(data, /*place=*/"", callbacks);
  auto sizes = LoraDataSizes::of(data, checkpoint);
  if (prior) {
    refuse_unreadable_captions(*prior, buckets, checkpoint);
    report_refused(*prior, options.prior_data, callbacks);
    sizes = sizes.with(LoraDataSizes::of(*prior, checkpoint));
  }
  const bool has_references = data.has_references() || (prior && prior->has_references());
  if (has_references && options.batch > 1) {
    // Their keys and values differ in number, so that examples with references are alone.
    options.accumulate *= options.batch;
    options.batch = 1;
  }
  // Rank 0 alone draws.
  if (ranks.rank() > 0) options.sample_prompts.clear();
  AdapterSamples samples(
      options,
      checkpoint,
      [&](int64_t done, int64_t total) {
        if (callbacks.preparing) callbacks.preparing("samples", done, total);
      },
      callbacks.should_stop);
  const auto memory = plan_together(checkpoint, sizes, options, ranks);
  PartToTrain transformer{"transformer", models::kTransformer, memory.transformer_base},
      generator{"generator", models::kVisionLanguage, memory.generator_base};
  // Check the settings before computing latents and samples, which takes long.
  const auto* const prior_or_null = prior ? &*prior : nullptr;
  if (options.transformer) open_run(options, data, prior_or_null, checkpoint, ranks, transformer);
  if (options.generator) open_run(options, data, prior_or_null, checkpoint, ranks, generator);
  const int64_t side = options.size / text::kTokenSide;
  const auto features_of = [&](const FolderDataset& folder) {
    const auto cache = options.cache.empty() ? folder.folder() / ".glm-image-cache" : options.cache;
    auto features = std::make_unique<DataFeatures>(folder, buckets, checkpoint, side * side, cache);
    features->compute({/*latents=*/options.transformer, /*tokens=*/true},
                      [&](const char* what, int64_t done, int64_t total) {
                        check_stop(callbacks);
                        if (callbacks.preparing) callbacks.preparing(what, done, total);
                      });
    return features;
  };
  const auto features = features_of(data);
  const auto prior_features = prior ? features_of(*prior) : nullptr;

  auto& first = options.transformer ? transformer : generator;
  if (!samples.empty()) first.base_samples = samples.draw_base(checkpoint);
  const Run run{checkpoint, *features, prior_features.get(), options, callbacks, memory, ranks};
  std::vector<AdapterPart> parts;
  if (options.transformer) {
    transformer.draw_samples = [&](const auto& modules) {
      return samples.draw_tokens_of_base(checkpoint, modules);
    };
    auto part = train_part<TransformerAdapterStage>(run, transformer);
    if (!part) return false;
    parts.push_back(std::move(*part));
    transformer.base_samples = {};
  }
  if (options.generator) {
    // Samples show what both parts have learnt.
    auto drawing = options.pipeline;
    if (!samples.empty() && !parts.empty()) {
      const auto learnt = lora_run_folder(options.output) /
                          concat(name_beside_base(checkpoint, "transformer"), kAdapterSuffix);
      write_adapter(learnt, parts);
      drawing.adapters.push_back({learnt, 1});
    }
    const auto with_transformer =
        samples.empty() ? checkpoint : pipeline::Checkpoint::open(options.model, drawing);
    generator.draw_samples = [&](const auto& modules) {
      return samples.draw(with_transformer, modules);
    };
    auto part = train_part<GeneratorAdapterStage>(run, generator);
    if (!part) return false;
    parts.push_back(std::move(*part));
  }
  if (ranks.rank() == 0) write_adapter(options.output, parts, base_adapters(checkpoint));
  return true;
}

}  // namespace glm_image::train
