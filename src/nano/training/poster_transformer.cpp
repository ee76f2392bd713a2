#include "nano/training/poster_transformer.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "nano/training/code_embedding.h"
#include "nano/training/counting_bias.h"
#include "nano/training/line_noise.h"
#include "nano/training/swapped_codes.h"
#include "nano/training/token_kinds.h"
#include "train/batch/glyph_batch.h"
#include "train/batch/picture_batch.h"
#include "train/batch/random_crop.h"
#include "train/seeds.h"

namespace glm_image::nano {
namespace {

HeadBlocks head_blocks_of(const train::TransformerStep& step) {
  return head_blocks(static_cast<int64_t>(step.blocks.size()));
}

}  // namespace

HeadBlocks head_blocks(int64_t blocks) {
  return {(blocks - 1) / 4, blocks / 3, 2 * blocks / 3};
}

PosterTransformer::PosterTransformer(const train::TrainingConfig& config,
                                     std::shared_ptr<const PosterTrainingData> data,
                                     const PosterTransformerKeys& keys,
                                     const std::filesystem::path& vq_components,
                                     const at::Device& device,
                                     const train::TransformerParts& parts)
    : data_(std::move(data)),
      keys_(keys),
      seed_(config.seed),
      byte_tokenizer_(parts.byte_tokenizer),
      codes_(parts.codes),
      patch_side_(parts.patch_side),
      latents_(parts.latents),
      device_(device) {
  if (keys_.teacher_codes_share > 0) {
    scene_codes_.emplace(vq_components, codes_, data_->source(), device, config.working_type());
  }
  const int64_t hidden = parts.transformer.hidden_size();
  if (reads_letters()) {
    letter_reader_ = LetterReader(hidden, parts.glyph_encoder.d_model, parts.options);
  }
  if (predicts_positions()) position_reader_ = PositionReader(hidden, parts.options);
}

std::vector<train::TrainedModule> PosterTransformer::modules() {
  std::vector<train::TrainedModule> trained;
  if (reads_letters()) trained.push_back({"letter_reader", letter_reader_.get()});
  if (predicts_positions()) trained.push_back({"position_reader", position_reader_.get()});
  return trained;
}

void PosterTransformer::initialise(const std::string& name, Tensor& weight) {
  if (keys_.counting_bias && name.find("relative_attention_bias") != std::string::npos) {
    weight.copy_(counting_bias(weight.size(0), weight.size(1)));
  }
  if (keys_.embed_posters == 0 || name != "transformer.prior_token_embedding.weight") return;
  const auto reader = data_->reader();
  const auto latents = [this](train::TrainingExample& /*example*/, const Image& picture) {
    return latents_(train::picture_batch({picture}));
  };
  weight.copy_(embedding_of_codes(
      {train::mean_under_codes(*reader, codes_, latents, keys_.embed_posters),
       log_contents_under_codes(*reader, codes_, data_->source(), keys_.embed_posters)},
      weight.size(1)));
}

int64_t PosterTransformer::crop_top(train::TrainingExample& example,
                                    int64_t rows,
                                    at::Generator& random) {
  return crop_around_item(as_poster(example).poster(), rows, keys_.crop_texts, random);
}

void PosterTransformer::prepare(int64_t batch_index,
                                const std::vector<train::TrainingExamplePtr>& examples,
                                const Tensor& drop,
                                train::Batch& batch) {
  const auto count = static_cast<int64_t>(examples.size());
  const at::TensorOptions wide(at::kFloat);
  auto random = make_random(train::mix_seed(seed_, train::kPosterCodesPurpose, batch_index));
  const auto of_scene = at::rand({count}, random, wide) < keys_.teacher_codes_share;
  const auto miscounted = at::rand({count}, random, wide) < keys_.miscounted_lines;
  const auto glyph_tokens = train::glyphs_of(batch).seen.size(1);
  std::vector<Tensor> letters, glyph_places, kinds, codes;
  for (int64_t i = 0; i < count; ++i) {
    auto& drawn = as_poster(*examples[i]);
    auto poster = drawn.poster();
    const auto& size = poster.image;
    const auto grid = text::target_grid(size.height, size.width);
    if (reads_letters()) {
      const bool dropped = drop[i].item<bool>();
      letters.push_back(letters_of_patches(poster, byte_tokenizer_, patch_side_));
      if (dropped) letters.back().fill_(kNoAnswer);
      const auto& spelled = dropped ? std::vector<posters::TextItem>() : poster.scene.texts;
      glyph_places.push_back(places_of_glyphs(spelled, byte_tokenizer_, glyph_tokens));
    }
    const bool from_teacher = of_scene[i].item<bool>();
    // From here on `layout` describes the codes, which may contradict the picture.
    if (from_teacher && miscounted[i].item<bool>()) {
      poster.layout = with_miscounted_line(std::move(poster.layout), size.width, random);
    }
    kinds.push_back(token_kinds(data_->source(), poster.scene, poster.layout, grid));
    if (!scene_codes_) continue;
    codes.push_back(from_teacher
                        ? scene_codes_->encode(drawn.renderer(), poster, kinds.back(), grid)
                        : at::full_like(kinds.back(), -1));
  }
  batch.emplace("kinds", at::stack(kinds));
  if (scene_codes_) batch.emplace("codes", at::stack(codes));
  if (!reads_letters()) return;
  batch.emplace("letters", at::stack(letters));
  batch.emplace("glyph_places", at::stack(glyph_places));
}

Tensor PosterTransformer::augment(const train::Batch& batch, Tensor codes, at::Generator& random) {
  return with_swapped_codes(codes, batch.at("kinds"), keys_.swapped_codes, random);
}

train::AuxiliaryLosses PosterTransformer::losses(const train::TransformerStep& step) {
  train::AuxiliaryLosses losses;
  if (reads_letters()) add_letter_losses(step, losses);
  if (!predicts_positions()) return losses;
  const int64_t patches = text::kTokenSide / patch_side_;
  const text::Grid grid{step.rows * patches, step.columns * patches};
  const auto& block = step.blocks.at(head_blocks_of(step).positions);
  const auto places =
      position_reader_->forward(block.narrow(1, step.glyph_tokens.size(1), grid.size()), {grid});
  losses.terms.push_back(keys_.position_weight * places.loss);
  losses.metrics["rows_right"] = places.rows_right;
  losses.metrics["columns_right"] = places.columns_right;
  return losses;
}

void PosterTransformer::add_letter_losses(const train::TransformerStep& step,
                                          train::AuxiliaryLosses& losses) {
  const auto repeat = [&](const Tensor& x) {
    std::vector<int64_t> times(x.dim(), 1);
    times[0] = step.repeats;
    return x.repeat(times).to(device_);
  };
  const auto cropped = train::crop_rows(
      step.batch.at("letters"), step.tops, step.rows, text::kTokenSide / patch_side_);
  const auto heads = head_blocks_of(step);
  const auto reading = letter_reader_->forward({step.blocks.at(heads.pointing),
                                                step.blocks.at(heads.spelling),
                                                step.glyph_tokens,
                                                step.glyph_seen,
                                                repeat(cropped.flatten(2)),
                                                repeat(step.batch.at("glyph_places"))});
  losses.terms.push_back(keys_.letter_weight * (reading.pointing_loss + reading.spelling_loss +
                                                reading.placing_loss + reading.counting_loss));

  const auto by_noise = step.noise_levels.argsort().to(device_);
  const int64_t count = by_noise.size(0);
  const auto noisiest = [&](int64_t examples) {
    return [=](const Tensor& x) {
      return x.index_select(0, by_noise.narrow(0, count - examples, examples));
    };
  };
  const auto much = noisiest(std::max<int64_t>(count / 3, 1));
  // The example with the most noise, as at the start of sampling. No letter is visible, so correct
  // predictions come from the codes and texts alone.
  const auto most = noisiest(1);
  const auto share = LetterReaderImpl::share_right;
  losses.metrics = {
      {"letters_found", share(reading.pointing_right, reading.shown)},
      {"letters_read", share(reading.spelling_right, reading.shown)},
      {"letters_found_much_noise", share(much(reading.pointing_right), much(reading.shown))},
      {"letters_found_most_noise", share(most(reading.pointing_right), most(reading.shown))},
      {"letters_read_most_noise", share(most(reading.spelling_right), most(reading.shown))},
      {"letters_placed", share(reading.placing_right, reading.shown)},
      {"letters_placed_most_noise", share(most(reading.placing_right), most(reading.shown))},
      {"letters_counted", reading.counting_right}};
}

int64_t crop_around_item(const PosterExample& example,
                         int64_t rows,
                         double texts_share,
                         at::Generator& random) {
  const auto draw = [&] {
    return at::rand({}, random, at::TensorOptions(at::kDouble)).item<double>();
  };
  const bool of_text = texts_share > 0 && draw() < texts_share;
  std::vector<posters::ItemBox> boxes;
  for (const auto& box : example.layout.boxes) {
    if (!of_text || box.kind == posters::BoxKind::kText) boxes.push_back(box);
  }
  if (boxes.empty()) boxes = example.layout.boxes;
  const auto& box = boxes.at(static_cast<size_t>(draw() * static_cast<double>(boxes.size())));
  const double centre = (static_cast<double>(box.y) + static_cast<double>(box.height) / 2) /
                        static_cast<double>(text::kTokenSide);
  const auto top =
      static_cast<int64_t>(std::floor(centre - static_cast<double>(rows) / 2 + draw()));
  return std::clamp<int64_t>(top, 0, example.image.height / text::kTokenSide - rows);
}

}  // namespace glm_image::nano
