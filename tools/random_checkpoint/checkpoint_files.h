#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

/// The JSON files of a checkpoint: its sizes, its settings and its tokenizers.
namespace glm_image::random_checkpoint {

/// By path in the checkpoint's folder, in the order of their keys in the file.
using ConfigFiles = std::map<std::string, nlohmann::ordered_json>;

/// The files of the published checkpoint as they are published: keys that equal the defaults of
/// the reference's classes are mostly left out. Tokenizers are not among them.
ConfigFiles published_configs();

/// What changes published_configs() to a model of some hundred thousand parameters: by path, a
/// JSON merge patch (RFC 7396).
const nlohmann::ordered_json& tiny_changes();

/// Applies merge patches by path. Throws kInvalidInput for a path that no file has and for what is
/// no patch of an object; `source` names the patches in messages.
void apply_changes(ConfigFiles& configs,
                   const nlohmann::ordered_json& changes,
                   const std::string& source);

/// Changes every stack of layers (generator, vision encoder, text encoder, transformer) to
/// `layers`.
void set_layers(ConfigFiles& configs, int64_t layers);

/// processor/tokenizer.json: a byte-level BPE with GLM-4's pieces of text. Its ids are the visual
/// tokens, the bytes, merges of two and three bytes up to the special tokens, and those.
/// Throws kInvalidInput where the ids of the config leave no room for them.
nlohmann::json make_tokenizer(const nlohmann::ordered_json& vision_language_config);

/// processor/tokenizer_config.json and tokenizer/tokenizer_config.json.
nlohmann::ordered_json make_tokenizer_config(const nlohmann::ordered_json& vision_language_config);
nlohmann::ordered_json make_glyph_tokenizer_config();

}  // namespace glm_image::random_checkpoint
