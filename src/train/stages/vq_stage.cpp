#include "train/stages/vq_stage.h"

#include "image/contact_sheet.h"
#include "train/stages/reduced_tokens.h"
#include "train/stages/sample_rows.h"
#include "train/weights/initialise.h"

namespace glm_image::train {

VqStage::VqStage(const TrainingConfig& config,
                 const at::Device& device,
                 std::shared_ptr<const TrainingData> data)
    : DataStage(config, device, std::move(data)),
      keys_(config.read_stage<VqKeys>()),
      encoder_(config, device, keys_.codebook_decay),
      to_pixels_(encoder_.features(),
                 kReducedPixels,
                 at::TensorOptions().dtype(config.working_type()).device(device)),
      objective_([this](const Tensor& quantised) { return pixels_of(quantised); },
                 keys_.commitment_weight) {}

std::vector<TrainedModule> VqStage::modules() {
  auto trained = encoder_.modules();
  trained.push_back({"to_pixels", to_pixels_.get()});
  return trained;
}

void VqStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  initialise_weight(name, weight, random);
}

Batch VqStage::make_batch(int64_t batch_index, ExampleReader& reader) const {
  std::vector<Image> images;
  std::vector<Tensor> patches;
  auto examples = reader.batch(batch_index);
  const auto share = keep_own(examples);
  for (const auto& example : examples) {
    images.push_back(example->picture(example->size));
    patches.push_back(encoder_.patches(images.back()));
  }
  const auto grid = text::target_grid(images.front().height, images.front().width);
  Batch batch{{"patches", at::stack(patches)},
              {"pixels", reduced_by_tokens(images)},
              {"grid", torch::tensor({grid.height, grid.width})}};
  keep_total(share, batch);
  return batch;
}

Tensor VqStage::pixels_of(const Tensor& quantised) const {
  const auto features = encoder_.features_of(quantised);
  return to_pixels_->forward(at::layer_norm(features, {features.size(-1)})).to(at::kFloat);
}

Outcome VqStage::forward(const Batch& batch, int64_t /*batch_index*/) {
  const auto& sides = batch.at("grid");
  const text::Grid grid{sides[0].item<int64_t>(), sides[1].item<int64_t>()};
  const VqBatch examples{encoder_.vectors(batch.at("patches"), grid),
                         encoder_.codes(),
                         batch.at("pixels").to(device_).flatten(0, 1)};
  const auto result = objective_.loss(examples);
  const auto commitment = result.tokens.commitment.detach();
  // All ranks update the codebook with all rows. after_step needs no graph, so release it.
  const auto share = own_share(batch, batch.at("patches").size(0));
  last_tokens_ = {share.all_rows(examples.vectors), examples.codes};
  last_quantised_ = {Tensor(),
                     share.all_rows(result.tokens.ids),
                     share.all_rows(result.tokens.distances),
                     Tensor()};

  const auto shares = encoder_.shares();
  return {share.part_of(result.loss),
          {{"pixel_error", result.pixel_error.detach()},
           {"distance", commitment},
           {"code_entropy_bits", -(shares * (shares + 1e-12).log2()).sum()}},
          share.weight()};
}

void VqStage::after_step(int64_t step) {
  encoder_.update_codes(last_tokens_, last_quantised_, step);
}

Image VqStage::sample_sheet() {
  const auto reader = data_->reader();
  std::vector<std::vector<Image>> rows;
  for (const auto& row : sample_rows(data_->sizes(), /*pictures=*/6)) {
    const PictureSize size{row.width, row.height};
    const auto grid = text::target_grid(row.height, row.width);
    std::vector<Image> originals, predicted;
    for (int64_t i = 0; i < row.pictures; ++i) {
      originals.push_back(reader->sample(row.first + i, size)->picture(size));
      const auto codes =
          encoder_.nearest_codes(encoder_.patches(originals.back()).unsqueeze(0), grid);
      predicted.push_back(picture_of_reduced(pixels_of(codes).cpu(), grid));
    }
    rows.push_back(std::move(originals));
    rows.push_back(std::move(predicted));
  }
  return image::contact_sheet(rows);
}

void VqStage::write_components(const std::filesystem::path& folder) {
  encoder_.write(folder);
}

}  // namespace glm_image::train
