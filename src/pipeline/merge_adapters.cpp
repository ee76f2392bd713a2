#include "pipeline/merge_adapters.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "core/atomic_folder.h"
#include "core/cpu_threads.h"
#include "core/error.h"
#include "io/sharded_weights.h"
#include "io/weight_set.h"
#include "pipeline/checkpoint.h"
#include "quant/quantised_weights.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kValuesAtOnce = int64_t{4} << 20;

using Files = std::map<fs::path, std::shared_ptr<const io::SafetensorsFile>>;

/// The weight files of a component, each once.
Files files_of(const io::WeightSet& weights) {
  Files files;
  for (const auto& [name, location] : weights.tensors()) {
    files[location.file->file().path()] = location.file;
  }
  return files;
}

/// The updates of a component by the names of the weights that they change.
std::map<std::string, std::vector<nn::LowRankUpdate>> updates_of(const MergePlan& plan,
                                                                 const std::string& component) {
  std::map<std::string, std::vector<nn::LowRankUpdate>> updates;
  for (const auto& [file, scale] : plan.items) {
    for (const auto& layer : file.layers()) {
      if (layer.component != component) continue;
      updates[layer.name + ".weight"].push_back(file.update(layer, scale, at::kFloat));
    }
  }
  return updates;
}

/// Writes W + Σ scale·up·down, some rows at a time. Returns whether a stored value changed.
bool write_sum(io::SafetensorsWriter& writer,
               const std::string& name,
               const Tensor& weight,
               const std::vector<nn::LowRankUpdate>& updates,
               const std::function<void(uint64_t)>& written) {
  const int64_t rows = weight.size(0);
  const int64_t at_once = std::max<int64_t>(1, kValuesAtOnce / weight.size(1));
  bool is_changed = false;
  for (int64_t first = 0; first < rows; first += at_once) {
    const int64_t count = std::min(at_once, rows - first);
    auto sum = weight.narrow(0, first, count).to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    for (const auto& update : updates) {
      sum.addmm_(update.up.narrow(0, first, count), update.down, /*beta=*/1, update.scale);
    }
    const auto stored = sum.to(weight.scalar_type()).contiguous();
    if (!stored.isfinite().all().item<bool>()) {
      fail(ErrorCode::kCorruptFile, "the merged weight ", name, " has values that are not finite");
    }
    is_changed = is_changed || !at::equal(stored, weight.narrow(0, first, count));
    const auto bytes = static_cast<std::size_t>(stored.numel() * stored.element_size());
    writer.write({static_cast<const char*>(stored.data_ptr()), bytes});
    written(bytes);
  }
  return is_changed;
}

/// Writes a weight file again, its tensors in the same order. Returns the number of tensors that
/// changed.
int64_t write_file(const io::SafetensorsFile& file,
                   const fs::path& to,
                   const std::map<std::string, std::vector<nn::LowRankUpdate>>& updates,
                   const std::function<void(uint64_t)>& written) {
  std::vector<io::TensorDescription> tensors;
  for (const auto& [name, entry] : file.header().tensors) {
    tensors.push_back({name, entry.type, entry.shape});
  }
  std::sort(tensors.begin(), tensors.end(), [&](const auto& a, const auto& b) {
    const auto &first = file.header().tensors.at(a.name),
               &second = file.header().tensors.at(b.name);
    return std::pair(first.begin, first.end) < std::pair(second.begin, second.end);
  });
  io::SafetensorsWriter writer(to, tensors, file.header().metadata);
  int64_t changed = 0;
  for (const auto& tensor : tensors) {
    const auto& entry = file.header().tensors.at(tensor.name);
    const auto changes = updates.find(tensor.name);
    if (changes == updates.end()) {
      copy_tensor(writer, file, entry, written);
    } else {
      const auto weight = file.tensor(tensor.name);
      changed += write_sum(writer, tensor.name, weight, changes->second, written) ? 1 : 0;
      file.file().release(entry.begin, entry.end);
    }
  }
  writer.commit();
  return changed;
}

}  // namespace

MergePlan plan_merge(const fs::path& model, const std::vector<Adapter>& adapters) {
  if (adapters.empty()) fail(ErrorCode::kInvalidInput, "no adapter to merge; name one with --lora");
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  options.adapters = adapters;  // checks names and scales
  const auto checkpoint = Checkpoint::open(model, options);
  const auto targets = checkpoint.adapter_targets();
  MergePlan plan;
  plan.model = checkpoint.info().directory;
  std::set<std::string> components, weights;
  for (const auto& adapter : adapters) {
    auto file = adapters::AdapterFile::open(adapter.path, targets);
    for (const auto& layer : file.layers()) {
      components.insert(layer.component);
      weights.insert(layer.component + '/' + layer.name);
    }
    plan.items.push_back({std::move(file), adapter.scale});
  }
  plan.components.assign(components.begin(), components.end());
  plan.layers = static_cast<int64_t>(weights.size());
  for (const auto& component : plan.components) {
    const auto set = io::WeightSet::open(plan.model / component);
    if (quant::QuantisedWeights::open(plan.model / component, set) != nullptr) {
      fail(ErrorCode::kInvalidInput,
           (plan.model / component).string(),
           ": is quantised; merge into the original and quantise the result, or apply the adapter "
           "with --lora when drawing");
    }
    for (const auto& [path, file] : files_of(set)) plan.bytes += file->file().bytes().size();
  }
  return plan;
}

int64_t write_merged(const MergePlan& plan,
                     const fs::path& output,
                     int threads,
                     const WriteProgress& progress) {
  const torch::NoGradGuard no_grad;
  at::set_num_threads(cpu_threads(threads));
  check_copy_output(plan.model, output);
  io::check_room(output, plan.bytes);
  AtomicFolder folder(output);
  copy_folder(plan.model, folder.path(), [&](const fs::path& item) {
    return std::any_of(plan.components.begin(), plan.components.end(), [&](const auto& component) {
      return item == plan.model / component;
    });
  });
  std::map<std::string, Files> files;
  uint64_t done = 0, total = 0;
  for (const auto& component : plan.components) {
    files[component] = files_of(io::WeightSet::open(plan.model / component));
    for (const auto& [path, file] : files[component]) {
      for (const auto& [name, entry] : file->header().tensors) total += entry.end - entry.begin;
    }
  }
  const std::function<void(uint64_t)> written = [&](uint64_t bytes) {
    done += bytes;
    if (progress) progress(done, total);
  };
  int64_t changed = 0;
  for (const auto& component : plan.components) {
    const auto from = plan.model / component, to = folder.path() / component;
    copy_folder(from, to, [&](const fs::path& item) { return files[component].count(item) != 0; });
    const auto updates = updates_of(plan, component);
    for (const auto& [path, file] : files[component]) {
      changed += write_file(*file, to / path.filename(), updates, written);
    }
  }
  folder.take_place();
  return changed;
}

}  // namespace glm_image::pipeline
