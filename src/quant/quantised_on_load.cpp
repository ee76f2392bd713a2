#include "quant/quantised_on_load.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "io/shown.h"
#include "nn/modules.h"
#include "quant/quantise.h"

namespace glm_image::quant {

QuantisedOnLoad::QuantisedOnLoad(const io::WeightSet& weights,
                                 const std::string& component,
                                 const torch::nn::Module& module,
                                 const FormRules& rules)
    : weights_(weights) {
  for (const auto& [layer, linear] : nn::linear_layers(module)) {
    const int64_t out = linear->weight.size(0), in = linear->weight.size(1);
    const auto form = rules.form_of(component, layer).for_inputs(in);
    const auto parameter = layer + ".weight";
    if (!form.is_quantised() || weights.find(parameter) == nullptr) continue;
    if (packed_form(form, out, in).is_supported()) forms_.emplace(parameter, form);
  }
}

nn::QuantisedForm QuantisedOnLoad::packed_form(const WeightForm& form, int64_t out, int64_t in) {
  return {out, in, form.bits, form.group == 0 ? in : form.group, at::kBFloat16};
}

Tensor QuantisedOnLoad::unpack(const std::string& parameter,
                               at::IntArrayRef shape,
                               at::ScalarType type) const {
  return pack(parameter, shape)->values().to(type);
}

std::shared_ptr<const nn::QuantisedMatrix> QuantisedOnLoad::pack(const std::string& parameter,
                                                                 at::IntArrayRef shape) const {
  constexpr int64_t kRowsAtOnce = 64;
  const auto& form = forms_.at(parameter);
  const int64_t out = shape[0], in = shape[1];
  const auto packed = packed_form(form, out, in);
  const auto stored = weights_.find(parameter)->file->tensor(parameter);
  const auto integers = at::empty({out, in}, at::kChar);
  const auto scales = at::empty({out, packed.groups()}, at::kBFloat16);
  auto* const all_integers = integers.data_ptr<int8_t>();
  auto* const all_scales = static_cast<uint16_t*>(scales.data_ptr());
  at::parallel_for(0, out, kRowsAtOnce, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += kRowsAtOnce) {
      const int64_t rows = std::min(kRowsAtOnce, end - first);
      const auto values = stored.narrow(0, first, rows).to(at::kFloat).contiguous();
      if (!values.isfinite().all().item<bool>()) {
        fail(ErrorCode::kCorruptFile,
             weights_.source_of(parameter),
             ": the tensor ",
             io::shown_name(parameter),
             " has values that are not finite");
      }
      quantise_rows(values.data_ptr<float>(),
                    rows,
                    in,
                    form,
                    all_integers + first * in,
                    all_scales + first * packed.groups());
    }
  });
  const auto read = [&](int64_t first, int64_t rows, int8_t* to) {
    std::memcpy(to, all_integers + first * in, static_cast<std::size_t>(rows * in));
  };
  return std::make_shared<nn::QuantisedMatrix>(packed, read, scales);
}

int64_t QuantisedOnLoad::packed_bytes(const std::string& parameter, at::IntArrayRef shape) const {
  return packed_form(forms_.at(parameter), shape[0], shape[1]).bytes();
}

}  // namespace glm_image::quant
