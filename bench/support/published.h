#pragma once

#include <cstdint>

#include "models/generator/language_model.h"
#include "models/transformer/transformer_model.h"

/// The sizes of the published model.
namespace glm_image::bench {

constexpr int64_t kPublishedBlocks = 30;  ///< of the transformer
constexpr int64_t kPublishedLayers = 40;  ///< of the generator

models::TransformerConfig published_transformer(int64_t blocks = kPublishedBlocks);
models::GeneratorConfig published_generator(int64_t layers = kPublishedLayers);

}  // namespace glm_image::bench
