#include "quant/module_parts.h"

#include <algorithm>

#include "core/error.h"
#include "io/shown.h"
#include "io/weight_binding.h"

namespace glm_image::quant {

const io::TensorEntry* ModuleParts::entry(const std::string& part) const {
  const auto* found = weights_.find(name(part));
  return found == nullptr ? nullptr : found->entry;
}

bool ModuleParts::has(const std::string& part, io::ElementType type) const {
  const auto* found = entry(part);
  return found != nullptr && found->type == type;
}

const io::WeightSet::Location& ModuleParts::location(const std::string& part) const {
  const auto* found = weights_.find(name(part));
  if (found == nullptr) refuse(part, "present beside the others of its module");
  return *found;
}

Tensor ModuleParts::tensor(const std::string& part,
                           io::ElementType type,
                           const std::vector<int64_t>& shape) const {
  const auto& found = location(part);
  if (found.entry->type != type || found.entry->shape != shape) {
    refuse(part, concat(io::element_type_name(type), ' ', io::shape_text(shape)));
  }
  return found.file->tensor(name(part));
}

Tensor ModuleParts::floats(const std::string& part, const std::vector<int64_t>& shape) const {
  return stored_floats(part, shape).to(at::kFloat).contiguous();
}

Tensor ModuleParts::stored_floats(const std::string& part,
                                  const std::vector<int64_t>& shape) const {
  const auto& found = location(part);
  if (!io::is_floating(found.entry->type) || found.entry->shape != shape) {
    refuse(part, concat("F32, F16 or BF16 ", io::shape_text(shape)));
  }
  auto values = found.file->tensor(name(part));
  if (!at::isfinite(values.to(at::kFloat)).all().item<bool>()) refuse(part, "finite numbers");
  return values;
}

std::string_view ModuleParts::bytes(const std::string& part) const {
  const auto& found = location(part);
  return found.file->file().bytes().substr(found.entry->begin,
                                           found.entry->end - found.entry->begin);
}

Tensor ModuleParts::mapped_bytes(const std::string& part) const {
  const auto& found = location(part);
  const auto size = static_cast<int64_t>(found.entry->end - found.entry->begin);
  return torch::from_blob(
      found.file->file().data() + found.entry->begin,
      {size},
      [file = found.file](void*) {},
      at::TensorOptions(at::kByte));
}

std::string ModuleParts::described(const std::string& part) const {
  return concat(weights_.source_of(name(part)), ": the tensor ", io::shown_name(name(part)));
}

void ModuleParts::refuse(const std::string& part, const std::string& expected) const {
  const auto* found = entry(part);
  fail(ErrorCode::kCorruptFile,
       described(part),
       " must be ",
       expected,
       ", found ",
       found == nullptr
           ? "nothing"
           : concat(io::element_type_name(found->type), ' ', io::shape_text(found->shape)));
}

std::vector<int32_t> group_of_inputs(const ModuleParts& parts,
                                     const std::string& part,
                                     int64_t inputs,
                                     int64_t groups) {
  std::vector<int32_t> group(inputs, -1);
  if (parts.has(part)) {
    const auto stored = parts.tensor(part, io::ElementType::kInt32, {inputs});
    std::copy_n(stored.data_ptr<int32_t>(), inputs, group.begin());
  }
  if (std::all_of(group.begin(), group.end(), [](int32_t g) { return g == -1; })) {
    if (inputs % groups != 0) parts.refuse(part, concat("groups from 0 to ", groups - 1));
    const int64_t size = inputs / groups;
    for (int64_t i = 0; i < inputs; ++i) group[i] = static_cast<int32_t>(i / size);
  }
  const auto is_group = [&](int32_t g) { return g >= 0 && g < groups; };
  if (!std::all_of(group.begin(), group.end(), is_group)) {
    parts.refuse(part, concat("groups from 0 to ", groups - 1));
  }
  return group;
}

bool groups_in_order(const std::vector<int32_t>& group_of, int64_t groups) {
  const auto inputs = static_cast<int64_t>(group_of.size());
  if (inputs % groups != 0) return false;
  const int64_t size = inputs / groups;
  for (int64_t i = 0; i < inputs; ++i) {
    if (group_of[i] != i / size) return false;
  }
  return true;
}

io::JsonFields config_fields(const nlohmann::json& config, const std::string& source) {
  const io::JsonFields file({{"quantization_config", config}}, source);
  return file.required_object("quantization_config");
}

void refuse_config(const std::string& source, const std::string& key, const nlohmann::json& value) {
  fail(ErrorCode::kUnsupported,
       source,
       ": quantization_config.",
       key,
       " = ",
       io::shown(&value),
       " is not read");
}

}  // namespace glm_image::quant
