#include "train/lora/adapter_stage.h"

#include <map>

#include "core/prefix.h"
#include "train/seeds.h"

namespace glm_image::train {
namespace {

/// Prefix of the names of the tensors of the prior-data batch.
constexpr const char* kOfPriorData = "prior_data.";

/// The tensors whose names begin with kOfPriorData, with the prefix removed.
Batch prior_part(const Batch& batch) {
  const std::string mark = kOfPriorData;
  Batch part;
  for (const auto& [name, tensor] : batch) {
    if (starts_with(name, mark)) part.emplace(name.substr(mark.size()), tensor);
  }
  return part;
}

}  // namespace

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

AdapterExamples::AdapterExamples(const DataFeatures& of_folder, int64_t batch, uint64_t of_seed)
    : features(of_folder), sampler(buckets_of(of_folder), batch, of_seed), seed(of_seed) {}

AdapterStage::AdapterStage(std::string component,
                           const pipeline::Checkpoint& checkpoint,
                           const DataFeatures& features,
                           const AdapterStageOptions& options)
    : checkpoint_(checkpoint),
      options_(options),
      component_(std::move(component)),
      data_(features, options.batch, options.seed) {
  if (options.prior_data == nullptr) return;
  prior_data_.emplace(
      *options.prior_data, options.batch, mix_seed(options.seed, kPriorDataPurpose, /*step=*/0));
}

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
  return [this](int64_t batch_index) {
    auto batch = own_batch(data_, batch_index);
    if (prior_data_) {
      for (const auto& [name, tensor] : own_batch(*prior_data_, batch_index)) {
        batch.emplace(kOfPriorData + name, tensor);
      }
    }
    return batch;
  };
}

Batch AdapterStage::own_batch(const AdapterExamples& examples, int64_t batch_index) const {
  const auto all = examples.sampler.batch(batch_index);
  const auto share = own_share(static_cast<int64_t>(all.size()));
  std::vector<int64_t> rows;
  for (int64_t i = share.begin(); i < share.begin() + share.count(); ++i) {
    rows.push_back(examples.features.data().row_of(all[i]));
  }
  auto batch = make_batch(examples, rows, share, batch_index);
  keep_total(share, batch);
  return batch;
}

Outcome AdapterStage::forward(const Batch& batch, int64_t batch_index) {
  auto outcome = learn(batch, data_, batch_index);
  if (prior_data_) {
    const auto part = prior_part(batch);
    const auto loss = preserve(part, *prior_data_, batch_index);
    const auto of_all = own_share(part, /*own=*/1).sum_of_all(loss);
    outcome.separate_loss = options_.prior_loss_weight * loss;
    outcome.parts.emplace("prior_loss", of_all);
  }
  return outcome;
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
