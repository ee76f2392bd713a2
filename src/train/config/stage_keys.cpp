#include "train/config/stage_keys.h"

#include "glm_image/limits.h"
#include "text/grid.h"
#include "train/config/run_limits.h"
#include "train/config/stage_names.h"

namespace glm_image::train {
namespace {

constexpr int64_t kLargestSeed = int64_t{1} << 40;

}  // namespace

void RunKeys::visit(KeyVisitor& keys) {
  keys.text({"stage", "name of the stage", nullptr, kRequired}, stage, "text");
  keys.text({"run", "folder of the run", nullptr, kRequired}, run, "folder");
  keys.text({"data", "folder of the data", nullptr, kRequired}, data, "folder");
  keys.text({"model", "folder of the model's configs", nullptr, kRequired}, model, "folder");
  keys.text({"start", "checkpoint with the initial weights; random without it"}, start, "folder");
  keys.integer({"seed", "seed of all randomness"}, seed, 0, kLargestSeed);
}

void TrainingKeys::visit(KeyVisitor& keys) {
  keys.integer(
      {"batch", "examples per batch, all of one size", nullptr, kRequired}, batch, 1, 4096);
  keys.integer({"gradient_accumulation_steps", "batches per step; in vq only 1", "accumulate"},
               gradient_accumulation_steps,
               1,
               4096);
  keys.integer({"steps", "steps of the run", nullptr, kRequired}, steps, 1, kMostSteps);
  keys.integer({"loader_threads", "threads that prepare batches"}, loader_threads, 1, 256);
  keys.choice({"dtype", "type of the computation"}, dtype, {"bfloat16", "float32"});
  keys.number(
      {"learning_rate", "start of the cosine schedule, after the warm-up", nullptr, kRequired},
      learning_rate,
      0,
      1);
  last_learning_rate = learning_rate / 100;
  keys.number(
      {"last_learning_rate", "its end", nullptr, "learning_rate / 100"}, last_learning_rate, 0, 1);
  keys.integer({"warmup_steps", "steps of the linear warm-up"}, warmup_steps, 0, kMostSteps);
  keys.number({"beta1", "of AdamW"}, beta1, 0, 0.99999);
  keys.number({"beta2", "of AdamW"}, beta2, 0, 0.999999);
  keys.number({"weight_decay", "of AdamW"}, weight_decay, 0, 10);
  keys.number({"max_grad_norm", "largest norm of the gradient", "clip"}, max_grad_norm, 1e-6, 1e6);
  keys.number({"ema_decay", "decay of the moving average of the weights", "average"},
              ema_decay,
              0,
              0.9999999);
  keys.number(
      {"checkpoint_seconds", "time between checkpoints, in seconds"}, checkpoint_seconds, 0, 1e6);
  keys.integer({"metrics_every", "steps between lines of metrics"}, metrics_every, 1, kMostSteps);
  keys.integer(
      {"samples_every", "steps between sample grids; 0: none"}, samples_every, 0, kMostSteps);
}

void FolderKeys::visit(KeyVisitor& keys) {
  keys.integer({"size", "pictures have at most size x size pixels; a multiple of 32"},
               size,
               text::kTokenSide,
               limits::kMaxSide);
  keys.text(
      {"trigger", "replaces [trigger] in captions, or begins those that lack it"}, trigger, "text");
}

void VaeKeys::visit(KeyVisitor& keys) {
  keys.number({"squared_weight", "weight of the squared error"}, squared_weight, 0, 1e3);
  keys.number({"edge_weight", "weight of the error of the gradients"}, edge_weight, 0, 1e3);
  keys.number({"kl_weight", "weight of the KL divergence"}, kl_weight, 0, 1e3);
  keys.number({"latent_noise", "largest noise on the latents, in their standard deviations"},
              latent_noise,
              0,
              10);
  keys.flag({"keep_encoder", "train only the VAE's decoder, from start"}, keep_encoder);
}

void VqKeys::visit(KeyVisitor& keys) {
  keys.number({"commitment_weight", "weight of the distance between vectors and their codes"},
              commitment_weight,
              0,
              1e3);
  keys.number(
      {"codebook_decay", "decay of the codebook's moving averages"}, codebook_decay, 0, 0.99999);
}

void TransformerKeys::visit(KeyVisitor& keys) {
  keys.text({"vae", "folder with the frozen vae", nullptr, kRequired}, vae, "folder");
  keys.text({"vq", "folder with the frozen vision encoder and codebook", "tokenizer", kRequired},
            vq,
            "folder");
  keys.number({"cfg_dropout", "fraction of examples without codes and texts", "drop_share"},
              cfg_dropout,
              0,
              1);
  keys.number({"conditioning_noise", "fraction of codes replaced by random ones", "code_noise"},
              conditioning_noise,
              0,
              1);
  keys.integer({"timesteps_per_sample", "timesteps per picture and step", "noises_per_picture"},
               timesteps_per_sample,
               1,
               64);
  keys.number(
      {"timestep_density", "above 1 favours high noise", "noise_power"}, timestep_density, 0.1, 10);
  keys.number(
      {"random_crop", "fraction of steps that train on crops", "band_share"}, random_crop, 0, 1);
  keys.integer(
      {"crop_height", "height of a crop in pixels; it has the picture's width", "band_height"},
      crop_height,
      text::kTokenSide,
      limits::kMaxSide);
  keys.integer({"timesteps_per_crop", "timesteps per crop and step", "noises_per_band"},
               timesteps_per_crop,
               1,
               64);
  keys.integer({"sample_steps", "denoising steps of the sample grids"}, sample_steps, 1, 1000);
  keys.number({"sample_guidance", "guidance of the sample grids"}, sample_guidance, 1, 100);
}

void GeneratorKeys::visit(KeyVisitor& keys) {
  keys.text({"vocabulary", "folder with processor/tokenizer.json", nullptr, kRequired},
            vocabulary,
            "folder");
  keys.text({"vq", "folder with the frozen vision encoder and codebook", "tokenizer", kRequired},
            vq,
            "folder");
  keys.number(
      {"input_dropout", "fraction of sequences whose input codes are hidden", "hidden_share"},
      input_dropout,
      0,
      0.9);
}

void describe_stage(const std::string& stage, KeyHelp& help) {
  help.section("Keys of all stages:");
  RunKeys().visit(help);
  TrainingKeys().visit(help);
  help.section("If data is a folder of pictures with captions:");
  FolderKeys().visit(help);
  if (stage == kVqStage) {
    // Other data may come with another stage "vq", whose keys are its own.
    help.section(
        concat("In the object \"", stage, "\", if data is a folder of pictures with captions:"));
    VqKeys().visit(help);
    return;
  }
  help.section(concat("In the object \"", stage, "\":"));
  if (stage == kVaeStage) VaeKeys().visit(help);
  if (stage == kTransformerStage) TransformerKeys().visit(help);
  if (stage == kGeneratorStage) GeneratorKeys().visit(help);
}

}  // namespace glm_image::train
