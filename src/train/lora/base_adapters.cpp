#include "train/lora/base_adapters.h"

#include <algorithm>

#include "adapters/adapter_folder.h"
#include "core/content_hash.h"
#include "core/error.h"
#include "glm_image/limits.h"
#include "io/mapped_file.h"

namespace glm_image::train {

void check_base_adapters(const LoraOptions& options) {
  const auto& given = options.pipeline.adapters;
  // Samples of the generator need one more, which is the trained transformer's.
  if (given.size() >= limits::kMaxAdapters) {
    fail(ErrorCode::kInvalidInput,
         "--lora may be given at most ",
         limits::kMaxAdapters - 1,
         " times in training; found ",
         given.size());
  }
  for (const auto& adapter : given) {
    std::error_code error;
    const auto weights = adapters::adapter_weights(adapter.path);
    if (!std::filesystem::equivalent(weights, options.output, error)) continue;
    fail(ErrorCode::kInvalidInput,
         options.output.string(),
         ": is an adapter that --lora names; name another file with --output");
  }
}

std::vector<AdapterUse> base_adapters(const pipeline::Checkpoint& checkpoint) {
  return checkpoint.adapter_set().resolve(/*asked=*/std::nullopt);
}

std::string base_adapters_text(const pipeline::Checkpoint& checkpoint) {
  std::string text;
  for (const auto& info : checkpoint.info().adapters) {
    constexpr std::size_t kDigits = 8;
    const auto hash = ContentHash().add(io::MappedFile::open(info.path)->bytes()).hex();
    text += concat(text.empty() ? "" : " ",
                   info.name,
                   ':',
                   info.default_scale.value_or(1),
                   ' ',
                   hash.substr(0, kDigits));
  }
  return text;
}

std::string name_beside_base(const pipeline::Checkpoint& checkpoint, std::string name) {
  const auto& others = checkpoint.info().adapters;
  const auto is_taken = [&](const AdapterInfo& info) { return info.name == name; };
  while (std::any_of(others.begin(), others.end(), is_taken)) name += "-learnt";
  return name;
}

}  // namespace glm_image::train
