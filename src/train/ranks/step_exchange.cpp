#include "train/ranks/step_exchange.h"

#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <sstream>
#include <utility>

#include "core/error.h"

namespace glm_image::train {
namespace {

constexpr int64_t kNamesBytes = 8192;

/// Means over the batches of a process that trains alone.
Measured mean_of(const std::vector<StepResult::Part>& parts) {
  std::map<std::string, std::vector<double>> values;
  for (const auto& part : parts) {
    for (const auto& [name, value] : part.values) {
      if (!std::isnan(value)) values[name].push_back(value);
    }
  }
  Measured means;
  for (const auto& [name, of_batches] : values) {
    const double sum = std::accumulate(of_batches.begin(), of_batches.end(), 0.0);
    means[name] = sum / static_cast<double>(of_batches.size());
  }
  return means;
}

/// The names of rank 0's metrics, a line each.
std::vector<std::string> common_names(Ranks& ranks, const StepResult& own) {
  std::string text;
  if (!own.parts.empty()) {
    for (const auto& [name, value] : own.parts.front().values) text += name + '\n';
  }
  GLM_IMAGE_CHECK(static_cast<int64_t>(text.size()) < kNamesBytes, "too many metrics");
  auto bytes = at::zeros({kNamesBytes}, at::kByte);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  ranks.broadcast(bytes);
  std::istringstream lines(static_cast<const char*>(bytes.data_ptr()));
  std::vector<std::string> names;
  for (std::string name; std::getline(lines, name);) names.push_back(name);
  return names;
}

}  // namespace

StepResult combined(Ranks& ranks, const StepResult& own) {
  if (ranks.size() == 1) return {own.loss, {StepResult::Part{mean_of(own.parts), 1}}};
  const auto names = common_names(ranks, own);
  // The loss, then a sum of weighted values and the sum of their weights for each name.
  std::vector<double> sums = {own.loss};
  for (const auto& name : names) {
    double sum = 0, weights = 0;
    for (const auto& part : own.parts) {
      const auto found = part.values.find(name);
      if (found == part.values.end() || std::isnan(found->second) || part.weight == 0) continue;
      sum += part.weight * found->second;
      weights += part.weight;
    }
    sums.push_back(sum);
    sums.push_back(weights);
  }
  auto of_all = at::tensor(sums, at::TensorOptions(at::kDouble));
  ranks.all_reduce(of_all);
  const auto* values = of_all.data_ptr<double>();
  Measured means;
  for (size_t i = 0; i < names.size(); ++i) {
    const double weights = values[2 + 2 * i];
    if (weights > 0) means[names[i]] = values[1 + 2 * i] / weights;
  }
  return {values[0], {StepResult::Part{std::move(means), 1}}};
}

double of_first(Ranks& ranks, double value) {
  auto shared = at::full({1}, value, at::kDouble);
  ranks.broadcast(shared);
  return shared.item<double>();
}

void share_state(Ranks& ranks,
                 MixedPrecisionAdamW& weights,
                 const ExponentialMovingAverage& average,
                 const NamedTensors& stage,
                 const std::vector<int64_t*>& numbers) {
  if (ranks.size() == 1) return;
  const at::NoGradGuard no_grad;
  for (auto* number : numbers) {
    auto shared = at::full({1}, *number, at::kLong);
    ranks.broadcast(shared);
    *number = shared.item<int64_t>();
  }
  for (const auto& buffer : weights.buffers()) ranks.broadcast(buffer);
  ranks.broadcast(average.buffer());
  for (const auto& [name, tensor] : stage) ranks.broadcast(tensor);
  weights.use_masters();
}

}  // namespace glm_image::train
