#pragma once

/// Names of folders and files of a checkpoint in the published layout.
namespace glm_image::models {

// Components with weights.
inline constexpr const char* kVisionLanguage = "vision_language_encoder";
inline constexpr const char* kTextEncoder = "text_encoder";
inline constexpr const char* kTransformer = "transformer";
inline constexpr const char* kVae = "vae";

// Folders without weights.
inline constexpr const char* kScheduler = "scheduler";
inline constexpr const char* kProcessor = "processor";
inline constexpr const char* kTokenizer = "tokenizer";

// A weight file that is not split: of the transformer and the VAE, and of the other components.
inline constexpr const char* kDiffusersWeights = "diffusion_pytorch_model.safetensors";
inline constexpr const char* kTransformersWeights = "model.safetensors";

}  // namespace glm_image::models
