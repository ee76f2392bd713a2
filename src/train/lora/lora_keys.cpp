#include "train/lora/lora_keys.h"

#include <limits>

#include "io/json_parse.h"
#include "text/grid.h"
#include "train/config/run_config.h"

namespace glm_image::train {
namespace {

constexpr int64_t kMostLoraSteps = 100'000'000;
constexpr int64_t kMostTogether = 1024;
constexpr double kMostLossWeight = 1e6;

}  // namespace

void LoraKeys::visit(KeyVisitor& keys) {
  keys.text({"model", "Folder of the checkpoint (else $GLM_IMAGE_MODEL)"}, model, "DIR");
  keys.text({"data", "Folder of pictures with captions"}, data, "FOLDER");
  keys.text({"output", "The adapter to write"}, output, "NAME.safetensors");
  keys.texts({"parts", "What learns: transformer, generator, or both"},
             parts,
             "PARTS",
             {"transformer", "generator"});
  pictures.visit(keys);
  keys.texts({"lora",
              "An adapter that acts in training and stays as it is: a .safetensors file or a PEFT "
              "folder, and its scale (repeatable)"},
             lora,
             "FILE[:SCALE]",
             /*choices=*/{});
  keys.text({"prior_data", "Folder of pictures with captions that the model is to draw as before"},
            prior_data,
            "FOLDER");
  keys.number({"prior_loss_weight", "Weight of the loss of prior preservation, on --prior-data"},
              prior_loss_weight,
              0.0,
              kMostLossWeight);
  keys.number({"input_dropout",
               "Fraction of examples in which the generator does not see most tokens before the "
               "one that it predicts"},
              input_dropout,
              0.0,
              1.0);
  keys.integer({"steps", "Steps of each part"}, steps, 1, kMostLoraSteps);
  keys.number({"learning_rate", "Learning rate of AdamW"}, learning_rate, 1e-9, 1.0);
  keys.choice({"lr_scheduler",
               "The learning rate stays (constant), or falls to 0 along a half cosine (cosine)"},
              lr_scheduler,
              {"constant", "cosine"});
  keys.integer({"rank", "Rank of the updates"}, rank, 1, 1024);
  keys.number({"alpha", "The updates are scaled by alpha/rank"}, alpha, 1e-3, 1e4);
  keys.flag({"all_layers", "Also the feed-forward layers learn, not those of attention alone"},
            all_layers);
  keys.choice({"base",
               "Form of the model's own weights: auto (as stored, or smaller where --max-memory "
               "asks for it), bf16 (not quantised), q8 or q4 (quantised when they are read)"},
              base,
              {"auto", "bf16", "q8", "q4"});
  keys.text({"max_memory", "Memory to use at most, e.g. 8GB or 6.5GiB"}, max_memory, "SIZE");
  keys.choice({"dtype", "Number type of the models"}, dtype, {"auto", "float32", "bfloat16"});
  keys.integer({"batch", "Pictures computed together"}, batch, 1, kMostTogether);
  keys.integer({"accumulate", "Batches of a step"}, accumulate, 1, kMostTogether);
  keys.integer({"seed", "Seed of the run"}, seed, 0, std::numeric_limits<int64_t>::max());
  keys.texts({"sample_prompt", "Draw this prompt during training (repeatable)"},
             sample_prompt,
             "PROMPT",
             /*choices=*/{});
  keys.integer({"samples_every", "Draw the sample prompts every N steps and at the end"},
               samples_every,
               1,
               kMostLoraSteps);
  keys.integer({"sample_steps", "Denoising steps of the samples"}, sample_steps, 1, 1000);
  keys.integer({"save_every", "Also write NAME-PART-STEP.safetensors every N steps (0: never)"},
               save_every,
               0,
               kMostLoraSteps);
  keys.number({"checkpoint_seconds", "Save the run's state so often (0: after each step)"},
              checkpoint_seconds,
              0.0,
              1e6);
  keys.text({"cache", "Folder of latents and tokens (else .glm-image-cache in each FOLDER)"},
            cache,
            "DIR");
  keys.flag({"keep_activations",
             "Faster, with more memory: do not recompute blocks in the backward pass"},
            keep_activations);
}

LoraKeys LoraKeys::load(const std::filesystem::path& file) {
  return parse(io::read_text_file(file, io::kMaxJsonBytes), file);
}

LoraKeys LoraKeys::parse(const std::string& text, const std::filesystem::path& file) {
  const io::JsonFields fields(io::parse_user_json(text, file.string()), file.string());
  LoraKeys keys;
  try {
    std::vector<std::string> warnings;  // no key has a former name
    KeyReader reader(fields, warnings);
    keys.visit(reader);
    if (keys.pictures.size % text::kTokenSide != 0) {
      fields.refuse("size", concat("a multiple of ", text::kTokenSide));
    }
    fields.refuse_unread();
  } catch (const Error& error) {
    throw with_line(error, file);
  }
  std::vector<std::string*> paths = {
      &keys.model, &keys.data, &keys.prior_data, &keys.output, &keys.cache};
  for (auto& adapter : keys.lora) paths.push_back(&adapter);
  for (auto* path : paths) {
    if (!path->empty()) *path = (file.parent_path() / *path).lexically_normal().string();
  }
  return keys;
}

}  // namespace glm_image::train
