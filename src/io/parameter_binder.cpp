#include "io/parameter_binder.h"

#include "nn/device_weight.h"
#include "nn/parameter.h"

namespace glm_image::io {
namespace {

void release_pages(const std::vector<WeightSet::Location>& parts) {
  for (const auto& part : parts) part.file->file().release(part.entry->begin, part.entry->end);
}

/// Asks for the bytes of the rows that are needed. Columns lie in every page.
void prefetch_cut(const WeightSet::Location& stored, const WeightCut& cut) {
  const auto& entry = *stored.entry;
  if (cut.dimension != 0) return stored.file->file().prefetch(entry.begin, entry.end);
  const uint64_t row = (entry.end - entry.begin) / static_cast<uint64_t>(cut.shape.front());
  for (const auto& range : cut.ranges) {
    stored.file->file().prefetch(entry.begin + row * static_cast<uint64_t>(range.first),
                                 entry.begin + row * static_cast<uint64_t>(range.end()));
  }
}

}  // namespace

ParameterBinder::ParameterBinder(const torch::nn::Module& module,
                                 const WeightSet& weights,
                                 const BindingOptions& options)
    : options_(options) {
  verify_weights(module, weights, options);
  std::map<std::string, nn::LinearImpl*> layers;
  for (const auto& [name, layer] : nn::linear_layers(module)) layers[name + ".weight"] = layer;
  for (const auto& parameter : module.named_parameters()) {
    const auto& name = parameter.key();
    if (options.wanted && !options.wanted(name)) continue;
    Item item;
    item.parameter = parameter.value();
    item.cut = find_cut(options_.cuts, name);
    item.is_packed = options.packed != nullptr && options.packed->holds(name);
    if (item.is_packed) {
      item.parts = options.packed->parts_of(name);
    } else if (const auto* location = weights.find(name)) {
      item.parts = {*location};
    } else {
      continue;  // one of allowed_missing
    }
    const auto layer = layers.find(name);
    if (layer != layers.end()) item.layer = layer->second;
    names_.push_back(name);
    items_.emplace(name, std::move(item));
  }
}

uint64_t ParameterBinder::stored_bytes(const std::string& parameter) const {
  uint64_t bytes = 0;
  const auto& item = items_.at(parameter);
  for (const auto& part : item.parts) bytes += part.entry->end - part.entry->begin;
  if (item.cut == nullptr) return bytes;
  return static_cast<uint64_t>(item.cut->share_of(static_cast<int64_t>(bytes)));
}

/// Whether the parameter stays packed; its layer then multiplies by it as it is.
bool ParameterBinder::bind_packed(const std::string& name, Item& item) {
  if (item.layer == nullptr) return false;
  const auto& packed = *options_.packed;
  const auto shape = item.parameter.sizes();
  const bool is_cpu = options_.device.is_cpu();
  std::shared_ptr<const nn::QuantisedMatrix> weight;
  // What is mapped in an order for products is copied to a device as it is.
  if (!is_cpu && item.cut == nullptr) weight = packed.view(name, shape);
  if (!weight) {
    weight = item.cut == nullptr ? packed.pack(name, shape) : packed.pack_part(name, *item.cut);
  }
  if (weight && !is_cpu) weight = nn::on_device(*weight, options_.device);
  item.layer->quantised = std::move(weight);
  return item.layer->quantised != nullptr;
}

/// The values of a packed parameter, in the type that it is bound in.
Tensor ParameterBinder::unpacked(const std::string& name, const Item& item) const {
  const auto type = options_.dtype.value_or(at::kFloat);
  return item.cut == nullptr ? options_.packed->unpack(name, item.parameter.sizes(), type)
                             : options_.packed->unpack_part(name, *item.cut, type);
}

void ParameterBinder::bind(const std::string& parameter) {
  auto& item = items_.at(parameter);
  bool is_view = false;
  // set_data requires the placeholder's device and type.
  const auto set = [&](const Tensor& own) {
    item.parameter.set_data(own.to(options_.device, options_.dtype.value_or(own.scalar_type())));
  };
  if (item.is_packed) {
    if (!bind_packed(parameter, item)) set(unpacked(parameter, item));
  } else {
    const auto values = item.parts.front().file->tensor(parameter);
    set(item.cut == nullptr ? values : apply_cut(values, *item.cut));
    is_view = item.parameter.is_alias_of(values);
  }
  // What was read is in memory a second time.
  if (!is_view) release_pages(item.parts);
}

void ParameterBinder::bind_passing(const std::string& parameter) {
  auto& item = items_.at(parameter);
  const bool may_view = item.is_packed && item.cut == nullptr;
  if (may_view && item.layer != nullptr && options_.device.is_cpu()) {
    if (!item.view) item.view = options_.packed->view(parameter, item.parameter.sizes());
    item.layer->quantised = item.view;
    if (item.view) return;
  }
  bind(parameter);
}

void ParameterBinder::read_ahead(const std::string& parameter) const {
  const auto& item = items_.at(parameter);
  if (item.cut != nullptr) {
    // Formats order the integers differently: what is needed is read when it is packed.
    if (!item.is_packed) prefetch_cut(item.parts.front(), *item.cut);
    return;
  }
  for (const auto& part : item.parts) {
    part.file->file().prefetch(part.entry->begin, part.entry->end);
  }
}

void ParameterBinder::release(const std::string& parameter, bool drop_cached) {
  auto& item = items_.at(parameter);
  if (item.layer != nullptr) item.layer->quantised = nullptr;
  item.parameter.set_data(nn::unbound_parameter(item.parameter.sizes(), item.parameter.options()));
  release_pages(item.parts);
  if (!drop_cached) return;
  for (const auto& part : item.parts) {
    part.file->file().drop_cached(part.entry->begin, part.entry->end);
  }
}

}  // namespace glm_image::io
