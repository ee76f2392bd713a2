#include "nano/training/teacher_vq_stage.h"

#include <array>

#include "image/contact_sheet.h"
#include "models/layout.h"
#include "nano/posters/poster_data.h"
#include "nano/training/scene_codes.h"
#include "nano/training/token_kinds.h"
#include "nano/training/token_parts.h"
#include "train/stages/reduced_tokens.h"
#include "train/stages/sample_rows.h"
#include "train/weights/component_files.h"
#include "train/weights/initialise.h"

namespace glm_image::nano {
namespace {

/// Scale of the cosines between vectors and codes as logits. Among 4096 codes in 32 dimensions,
/// neighbours have cosines of 0.7 to 0.9.
constexpr double kSharpness = 20;
constexpr double kLeastFindingWeight = 0.5;
/// Weight of each question of token_parts.h. Other tokens of the same text also determine a line's
/// index, height, size and style.
constexpr std::array<double, 6> kQuestionWeights{1, 1, 0.5, 0.5, 0.5, 0.25};

Tensor share_of(const Tensor& right, const Tensor& shown) {
  return right.logical_and(shown).sum().to(at::kFloat) / shown.sum();
}

void copy_weights(const CodeTeacherImpl& from, CodeTeacherImpl& to) {
  const at::NoGradGuard no_gradients;
  const auto sources = from.named_parameters();
  for (auto& weight : to.named_parameters()) weight.value().copy_(sources[weight.key()]);
}

}  // namespace

TeacherVqStage::TeacherVqStage(const train::TrainingConfig& config, const at::Device& device)
    : TeacherVqStage(config, device, std::make_shared<PosterTrainingData>(config)) {}

TeacherVqStage::TeacherVqStage(const train::TrainingConfig& config,
                               const at::Device& device,
                               const std::shared_ptr<const PosterTrainingData>& data)
    : DataStage(config, device, data),
      keys_(config.read_stage<TeacherVqKeys>()),
      source_(data->source()),
      encoder_(config, device, keys_.codebook_decay) {
  const auto options = at::TensorOptions().dtype(config.working_type()).device(device);
  teacher_ = make_code_teacher(source_, encoder_.embed_dim(), options);
  settled_ = make_code_teacher(source_, encoder_.embed_dim(), options);
  for (auto& weight : settled_->parameters()) {
    weight.set_data(at::zeros(weight.sizes(), options));
    weight.set_requires_grad(false);
  }
  if (keys_.codes_until == 0) {
    if (!config.start) {
      config.stage_fields().refuse("codes_until", "above 0 unless start provides the codes");
    }
    train::load_component(*config.start / kCodeTeacher, *settled_, device, config.working_type());
  }
  reader_ = CodeReader(count_token_kinds(source_),
                       count_part_answers(source_),
                       train::kReducedPixels,
                       encoder_.features(),
                       options);
}

std::vector<train::TrainedModule> TeacherVqStage::modules() {
  auto trained = encoder_.modules();
  trained.push_back({"teacher", teacher_.get()});
  trained.push_back({"reader", reader_.get()});
  return trained;
}

void TeacherVqStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  train::initialise_weight(name, weight, random);
}

train::Batch TeacherVqStage::make_batch(int64_t batch_index, train::ExampleReader& reader) const {
  auto examples = reader.batch(batch_index);
  const auto share = keep_own(examples);
  const auto& size = examples.front()->size;
  const auto grid = text::target_grid(size.height, size.width);
  std::vector<Tensor> patches, kinds, parts, pixels;
  for (const auto& example : examples) {
    const auto& drawn = as_poster(*example);
    const auto& poster = drawn.poster();
    kinds.push_back(token_kinds(source_, poster.scene, poster.layout, grid));
    parts.push_back(token_parts(source_, poster, grid));
    pixels.push_back(target_pixels(drawn, kinds.back()));
    // Phase 1 does not use the pictures. A batch is a step: VqEncoder refuses gradient
    // accumulation.
    if (batch_index < keys_.codes_until) continue;
    patches.push_back(encoder_.patches(example->picture(size)));
  }
  train::Batch batch{{"kinds", at::stack(kinds)},
                     {"parts", at::stack(parts, 1)},
                     {"pixels", at::stack(pixels)},
                     {"grid", torch::tensor({grid.height, grid.width})}};
  if (!patches.empty()) batch.emplace("patches", at::stack(patches));
  keep_total(share, batch);
  return batch;
}

Tensor TeacherVqStage::target_pixels(const DrawnPoster& drawn, const Tensor& kinds) {
  // A colour that no background and no pictogram of the data has.
  const posters::Colour no_ground{"", {255, 0, 255}};
  const auto& poster = drawn.poster();
  auto items = poster.scene;
  items.background = {no_ground, {}};
  const auto draw = [&](const posters::Scene& scene) {
    return drawn.renderer().render(
        scene, poster.image.width, poster.image.height, posters::LetterShapes::kBars);
  };
  const auto pixels = train::reduced_by_tokens({draw(ground_of(poster.scene)), draw(items)});
  return at::where((kinds > 0).unsqueeze(1), pixels[1], pixels[0]);
}

train::Outcome TeacherVqStage::forward(const train::Batch& batch, int64_t batch_index) {
  const TokenContent content{batch.at("kinds").to(device_).flatten(),
                             batch.at("parts").to(device_).flatten(1),
                             batch.at("pixels").to(device_).flatten(0, 1)};
  const auto& kinds = content.kinds;
  auto weights =
      at::full(kinds.sizes(), keys_.background_weight, kinds.options().dtype(at::kFloat));
  weights.masked_fill_(kinds > 0, keys_.text_token_weight);
  weights.masked_fill_(kinds >= first_pictogram_kind(source_), keys_.pictogram_token_weight);
  const auto share = own_share(batch, batch.at("kinds").size(0));
  const int64_t step = batch_index;  // VqEncoder refuses gradient accumulation
  if (step < keys_.codes_until) return make_codes(content, weights, share, step);
  if (step == keys_.codes_until && step > 0) copy_weights(*teacher_, *settled_);
  // Phase 2 no longer allocates codes, so background tokens get a minimum weight.
  return find_codes(batch, content, weights.clamp_min(kLeastFindingWeight), share);
}

train::Outcome TeacherVqStage::make_codes(const TokenContent& content,
                                          const Tensor& weights,
                                          const train::BatchShare& share,
                                          int64_t step) {
  const auto& kinds = content.kinds;
  const auto vectors = teacher_->forward(content);
  last_tokens_ = {vectors, encoder_.codes(), weights};
  last_quantised_ = train::vector_quantisation(last_tokens_);
  const auto passed = step >= keys_.quantised_from ? last_quantised_.quantised : vectors;
  // All ranks update the codebook with all rows. after_step needs no graph, so release it.
  const auto distances = last_quantised_.distances;
  last_tokens_.vectors = share.all_rows(vectors);
  last_tokens_.weights = share.all_rows(weights);
  last_quantised_.ids = share.all_rows(last_quantised_.ids);
  last_quantised_.distances = share.all_rows(distances);
  last_quantised_.quantised = last_quantised_.commitment = Tensor();
  const auto reading = reader_->forward(encoder_.features_of(passed));

  const auto pixel_loss =
      train::weighted_mean((reading.pixels - content.pixels).abs().mean(1), weights);
  const auto classified = classify(reading.kinds, kinds);
  const auto kind_loss = train::weighted_mean(classified.losses, weights);
  auto part_loss = at::zeros({}, weights.options());
  std::vector<Tensor> parts_right;
  for (size_t question = 0; question < kQuestionWeights.size(); ++question) {
    const auto& answers = reading.parts.at(question);
    const auto wanted = content.parts[static_cast<int64_t>(question)];
    const auto answered = classify(answers, wanted);
    part_loss =
        part_loss + kQuestionWeights[question] * train::weighted_mean(answered.losses, weights);
    parts_right.push_back(answered.accuracy());
  }

  const auto shares = encoder_.shares();
  const auto is_right = classified.right > 0;
  // All terms are means with the same weights.
  const auto loss = pixel_loss + keys_.class_weight * kind_loss + keys_.cell_weight * part_loss;
  return {share.part_of(loss, weights.sum()),
          {{"pixel_error", pixel_loss.detach()},
           {"kind_loss", kind_loss.detach()},
           {"pictogram_right", share_of(is_right, are_pictograms(kinds))},
           {"text_colour_right", share_of(is_right, are_texts(kinds))},
           {"pictogram_part_right", parts_right[0]},
           {"line_column_right", parts_right[1]},
           {"line_number_right", parts_right[2]},
           {"line_height_right", parts_right[3]},
           {"text_size_right", parts_right[4]},
           {"text_style_right", parts_right[5]},
           {"distance", train::weighted_mean(distances, weights)},
           {"code_entropy_bits", -(shares * (shares + 1e-12).log2()).sum()},
           {"codes_in_use", (shares > 0.05 / shares.size(0)).sum().to(at::kFloat)}},
          share.weight()};
}

train::Outcome TeacherVqStage::find_codes(const train::Batch& batch,
                                          const TokenContent& content,
                                          const Tensor& weights,
                                          const train::BatchShare& share) const {
  const auto codes = encoder_.codes();
  Tensor ids;
  {
    const at::NoGradGuard no_gradients;
    ids = models::GlmImageVQModelImpl::nearest(settled_->forward(content), codes);
  }
  const auto& sides = batch.at("grid");
  const auto vectors =
      encoder_.vectors(batch.at("patches"), {sides[0].item<int64_t>(), sides[1].item<int64_t>()});
  const auto cosines = at::matmul(vectors, codes.t());
  const auto loss = train::weighted_mean(
      at::cross_entropy_loss(kSharpness * cosines, ids, /*weight=*/{}, at::Reduction::None),
      weights);
  const auto is_found = cosines.detach().argmax(1) == ids;
  return {share.part_of(keys_.encoder_weight * loss, weights.sum()),
          {{"finding_loss", loss.detach()},
           {"found_in_ground", share_of(is_found, content.kinds == 0)},
           {"found_in_pictograms", share_of(is_found, are_pictograms(content.kinds))},
           {"found_in_texts", share_of(is_found, are_texts(content.kinds))}},
          share.weight()};
}

Tensor TeacherVqStage::are_pictograms(const Tensor& kinds) const {
  return kinds >= first_pictogram_kind(source_);
}

Tensor TeacherVqStage::are_texts(const Tensor& kinds) const {
  return (kinds > 0).logical_and(kinds < first_pictogram_kind(source_));
}

void TeacherVqStage::after_step(int64_t step) {
  if (step < keys_.codes_until) encoder_.update_codes(last_tokens_, last_quantised_, step);
}

train::NamedTensors TeacherVqStage::state() {
  auto state = encoder_.state();
  for (const auto& weight : settled_->named_parameters()) {
    state.emplace_back("stage.teacher." + weight.key(), weight.value());
  }
  return state;
}

Image TeacherVqStage::sample_sheet() {
  const auto reader = data_->reader();
  std::vector<std::vector<Image>> rows;
  for (const auto& row : train::sample_rows(data_->sizes(), /*pictures=*/6)) {
    const PictureSize size{row.width, row.height};
    const auto grid = text::target_grid(row.height, row.width);
    std::vector<Image> originals, targets, readings;
    for (int64_t i = 0; i < row.pictures; ++i) {
      const auto example = reader->sample(row.first + i, size);
      const auto& drawn = as_poster(*example);
      originals.push_back(example->picture(size));
      const auto codes =
          encoder_.nearest_codes(encoder_.patches(originals.back()).unsqueeze(0), grid);
      const auto reading = reader_->forward(encoder_.features_of(codes));
      readings.push_back(train::picture_of_reduced(reading.pixels, grid));
      const auto kinds = token_kinds(source_, drawn.poster().scene, drawn.poster().layout, grid);
      targets.push_back(train::picture_of_reduced(target_pixels(drawn, kinds), grid));
    }
    rows.push_back(std::move(originals));
    rows.push_back(std::move(targets));
    rows.push_back(std::move(readings));
  }
  return image::contact_sheet(rows);
}

void TeacherVqStage::write_components(const std::filesystem::path& folder) {
  encoder_.write(folder);
  const bool is_settled = settled_->parameters().front().any().item<bool>();
  train::write_component(folder / kCodeTeacher,
                         io::Json::object(),
                         is_settled ? *settled_ : *teacher_,
                         models::kTransformersWeights);
}

}  // namespace glm_image::nano
