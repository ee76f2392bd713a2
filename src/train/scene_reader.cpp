#include "train/scene_reader.h"

#include <numeric>

#include "posters/scene.h"

namespace glm_image::train {

SceneReaderImpl::SceneReaderImpl(const posters::PosterSource& source,
                                 int64_t hidden_size,
                                 const at::TensorOptions& options)
    : answers_(count_scene_answers(source)) {
  const auto all = std::accumulate(answers_.begin(), answers_.end(), int64_t{0});
  to_scene = register_module("to_scene", nn::Linear(hidden_size, all, options));
}

SceneReaderImpl::Answered SceneReaderImpl::forward(const Tensor& prompt_ends,
                                                   const Tensor& answers) {
  const auto logits =
      to_scene->forward(at::layer_norm(prompt_ends, {prompt_ends.size(2)})).to(at::kFloat);
  auto loss = at::zeros({}, logits.options());
  std::vector<Tensor> right;
  const auto places = places_of_questions();
  int64_t begin = 0;
  for (size_t question = 0; question < answers_.size(); ++question) {
    const auto of_answer = logits.select(1, places[question]).narrow(1, begin, answers_[question]);
    begin += answers_[question];
    const auto answer = answers.select(1, static_cast<int64_t>(question));
    loss = loss +
           at::cross_entropy_loss(of_answer, answer, /*weight=*/{}, at::Reduction::Sum, kNoAnswer);
    right.push_back(of_answer.detach().argmax(1) == answer);
  }
  const auto is_right = at::stack(right, 1).to(at::kFloat);
  const auto kinds = count_kind_questions();
  const auto edges = answers.size(1) - kinds;
  const auto asked = answers.narrow(1, kinds, edges) != kNoAnswer;
  return {loss / prompt_ends.size(0),
          is_right.narrow(1, 0, kinds).mean(),
          is_right.narrow(1, kinds, edges).sum() / asked.sum().clamp_min(1)};
}

Tensor prompt_ends(const Tensor& hidden, const Tensor& ends) {
  const auto back = at::arange(static_cast<int64_t>(posters::kPlaceCount), ends.options());
  const auto tokens = (ends.unsqueeze(1) - back.unsqueeze(0)).clamp_min(0);
  return hidden.gather(1, tokens.unsqueeze(2).expand({-1, -1, hidden.size(2)}));
}

}  // namespace glm_image::train
