#include "train/lora/adapter_samples.h"

#include "core/error.h"
#include "image/contact_sheet.h"
#include "pipeline/draw.h"

namespace glm_image::train {

Request sample_request(const LoraOptions& options, const std::string& prompt) {
  Request request;
  request.prompt = prompt;
  request.width = request.height = options.size;
  request.steps = options.sample_steps;
  request.seed = options.seed;
  return request;
}

AdapterSamples::AdapterSamples(const LoraOptions& options,
                               const pipeline::Checkpoint& checkpoint,
                               DrawProgress progress,
                               ShouldStop should_stop)
    : progress_(std::move(progress)), should_stop_(std::move(should_stop)) {
  for (const auto& prompt : options.sample_prompts) {
    requests_.push_back(sample_request(options, prompt));
    // Equal prompts get different seeds.
    requests_.back().seed += requests_.size() - 1;
    try {
      pipeline::check_request(checkpoint, requests_.back());
    } catch (const Error& error) {
      throw Error(error.code(), concat("--sample-prompt: ", error.what()));
    }
  }
}

Image AdapterSamples::draw_base(const pipeline::Checkpoint& checkpoint) {
  of_base_.clear();
  return draw_all(checkpoint, {}, {}, &of_base_);
}

Image AdapterSamples::draw_tokens_of_base(const pipeline::Checkpoint& checkpoint,
                                          const pipeline::LoadedModules& loaded) {
  GLM_IMAGE_CHECK(of_base_.size() == requests_.size(), "tokens of the base that were not drawn");
  return draw_all(checkpoint, loaded, of_base_, nullptr);
}

Image AdapterSamples::draw(const pipeline::Checkpoint& checkpoint,
                           const pipeline::LoadedModules& loaded) {
  return draw_all(checkpoint, loaded, {}, nullptr);
}

Image AdapterSamples::draw_all(const pipeline::Checkpoint& checkpoint,
                               const pipeline::LoadedModules& loaded,
                               const std::vector<Composition>& given,
                               std::vector<Composition>* drawn) {
  constexpr std::size_t kPicturesInRow = 4;
  const auto total = static_cast<int64_t>(requests_.size());
  std::vector<std::vector<Image>> rows;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    auto request = requests_[i];
    if (!given.empty()) request.composition = given[i];
    pipeline::RunMonitor monitor(
        [this](const Progress&) { return !should_stop_ || !should_stop_(); });
    auto result = pipeline::draw(checkpoint,
                                 request,
                                 monitor,
                                 /*preview=*/{},
                                 /*verifier=*/nullptr,
                                 /*ranks=*/nullptr,
                                 &loaded);
    auto& picture = result.pictures.front();
    if (drawn != nullptr) drawn->push_back(std::move(picture.composition));
    if (i % kPicturesInRow == 0) rows.emplace_back();
    rows.back().push_back(std::move(picture.image));
    if (progress_) progress_(static_cast<int64_t>(i + 1), total);
  }
  return image::contact_sheet(rows);
}

}  // namespace glm_image::train
