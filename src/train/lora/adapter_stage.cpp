#include "train/lora/adapter_stage.h"

#include <map>

namespace glm_image::train {

std::vector<int64_t> buckets_of(const DataFeatures& features) {
  const auto& data = features.data();
  std::map<std::pair<int64_t, int64_t>, int64_t> numbers;
  std::vector<int64_t> buckets;
  for (int64_t i = 0; i < data.size(); ++i) {
    const int64_t row = data.row_of(i);
    if (!data.rows()[row].references.empty()) {
      buckets.push_back(-1 - i);
      continue;
    }
    const auto size = features.size(row);
    const auto next = static_cast<int64_t>(numbers.size());
    buckets.push_back(numbers.emplace(std::pair(size.width, size.height), next).first->second);
  }
  return buckets;
}

AdapterStage::AdapterStage(std::string component,
                           const pipeline::Checkpoint& checkpoint,
                           const DataFeatures& features,
                           const AdapterStageOptions& options)
    : checkpoint_(checkpoint),
      features_(features),
      options_(options),
      component_(std::move(component)),
      sampler_(buckets_of(features), options.batch, options.seed) {}

void AdapterStage::adapt(torch::nn::Module& base,
                         const std::string& prefix,
                         const std::vector<std::string>& attention,
                         const std::vector<std::string>& others) {
  AdapterOptions adapters{options_.rank, options_.alpha, {prefix}, attention};
  if (options_.all_layers) {
    adapters.endings.insert(adapters.endings.end(), others.begin(), others.end());
  }
  adapters_.emplace(base, adapters);
}

std::vector<TrainedModule> AdapterStage::modules() {
  return {{component_, &adapters_->module(), {}, component_}};
}

void AdapterStage::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  TrainedAdapters::initialise(name, weight, random);
}

BatchMaker AdapterStage::batch_maker() {
  return [this](int64_t step) {
    const auto all = sampler_.batch(step);
    const auto share = own_share(static_cast<int64_t>(all.size()));
    std::vector<int64_t> rows;
    for (int64_t i = share.begin(); i < share.begin() + share.count(); ++i) {
      rows.push_back(features_.data().row_of(all[i]));
    }
    auto batch = make_batch(rows, share, step);
    keep_total(share, batch);
    return batch;
  };
}

void AdapterStage::after_step(int64_t step) {
  if (options_.after_step) options_.after_step(step + 1);
}

Image AdapterStage::sample_sheet() {
  return options_.draw_samples ? options_.draw_samples(loaded()) : Image();
}

AdapterPart AdapterStage::part() const {
  return {component_, options_.rank, options_.alpha, adapters_->values()};
}

}  // namespace glm_image::train
