#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

/// The JSON files of a checkpoint: configs and tokenizers.
namespace glm_image::random_checkpoint {

/// Configs by their path in the checkpoint's folder. Keys keep the order of the file.
using ConfigFiles = std::map<std::string, nlohmann::ordered_json>;

/// Returns the configs of the published checkpoint, without tokenizers. Like the published files,
/// they omit most keys that equal the defaults of the reference's classes.
ConfigFiles published_configs();

/// Returns the changes from published_configs() to a model with a few hundred thousand parameters:
/// a JSON merge patch (RFC 7396) by path.
const nlohmann::ordered_json& tiny_changes();

/// Applies merge patches by path. Throws kInvalidInput for an unknown path and for a patch that is
/// not an object; `source` names the patches in messages.
void apply_changes(ConfigFiles& configs,
                   const nlohmann::ordered_json& changes,
                   const std::string& source);

/// Sets the number of layers of the generator, vision encoder, text encoder and transformer.
void set_layers(ConfigFiles& configs, int64_t layers);

/// Returns processor/tokenizer.json: a byte-level BPE with GLM-4's split pattern. Its ids are, in
/// order, the visual tokens, the bytes, merges of two and three bytes, and the special tokens.
/// Throws kInvalidInput if the ids in the config leave no room for them.
nlohmann::json make_tokenizer(const nlohmann::ordered_json& vision_language_config);

/// Return processor/tokenizer_config.json and tokenizer/tokenizer_config.json.
nlohmann::ordered_json make_tokenizer_config(const nlohmann::ordered_json& vision_language_config);
nlohmann::ordered_json make_glyph_tokenizer_config();

}  // namespace glm_image::random_checkpoint
