#include "nano/training/scene_reader.h"

#include "nano/posters/scene.h"

namespace glm_image::nano {

SceneReaderImpl::SceneReaderImpl(const posters::PosterSource& source,
                                 int64_t hidden_size,
                                 const at::TensorOptions& options)
    : to_scene(register_module(
          "to_scene", ClassifierHead(hidden_size, count_scene_answers(source), options))) {}

SceneReaderImpl::Answered SceneReaderImpl::forward(const Tensor& prompt_ends,
                                                   const Tensor& answers) const {
  const int64_t scenes = prompt_ends.size(0), tokens = prompt_ends.size(1);
  const auto logits = to_scene->normed_logits(prompt_ends);
  const auto places = places_of_questions();
  auto loss = at::zeros({}, logits.front().options());
  std::vector<Tensor> right;
  for (size_t question = 0; question < logits.size(); ++question) {
    const auto at_place = logits[question].view({scenes, tokens, -1}).select(1, places[question]);
    const auto answered = classify(at_place, answers.select(1, static_cast<int64_t>(question)));
    loss = loss + answered.losses.sum();
    right.push_back(answered.right);
  }
  const auto is_right = at::stack(right, 1);
  const auto kinds = count_kind_questions();
  const auto edges = answers.size(1) - kinds;
  const auto asked = answers.narrow(1, kinds, edges) != kNoAnswer;
  return {loss / scenes,
          is_right.narrow(1, 0, kinds).mean(),
          is_right.narrow(1, kinds, edges).sum() / asked.sum().clamp_min(1)};
}

Tensor prompt_ends(const Tensor& hidden, const Tensor& ends) {
  const auto back = at::arange(static_cast<int64_t>(posters::kPlaceCount), ends.options());
  const auto tokens = (ends.unsqueeze(1) - back.unsqueeze(0)).clamp_min(0);
  return hidden.gather(1, tokens.unsqueeze(2).expand({-1, -1, hidden.size(2)}));
}

}  // namespace glm_image::nano
