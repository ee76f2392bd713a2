#pragma once

#include <functional>
#include <nlohmann/json.hpp>

#include "io/safetensors_writer.h"
#include "quant/float_rows.h"
#include "quant/integer_weight.h"
#include "quant/weight_form.h"

/// Quantises weights and writes them as compressed-tensors does (quant/compressed_tensors.h).
namespace glm_image::quant {

/// Quantises [rows, in] values; `form` fits `in`. integers [rows, in]; scales [rows, groups]
/// bfloat16. 8 bits: the smallest scale that reaches the largest magnitude. 4 bits: of a few scales
/// the one with the least squared error, fitted to its integers.
void quantise_rows(const float* values,
                   int64_t rows,
                   int64_t in,
                   const WeightForm& form,
                   int8_t* integers,
                   uint16_t* scales);

/// The tensors that the weight of `layer` becomes, in the order in which write_layer writes them.
std::vector<io::TensorDescription> layer_tensors(const std::string& layer,
                                                 int64_t out,
                                                 int64_t in,
                                                 const WeightForm& form);

/// Quantises and writes those tensors, some rows at a time. Throws kCorruptFile, naming the layer,
/// for a value that is not finite.
void write_layer(io::SafetensorsWriter& writer,
                 const std::string& layer,
                 int64_t out,
                 int64_t in,
                 const WeightForm& form,
                 const ReadFloats& read,
                 const std::function<void(uint64_t bytes)>& written);

/// The form of integers that are stored already.
WeightForm form_of(const IntegerWeight& weight);

/// The tensors of a layer whose integers and scales stay as they are, in the order in which
/// write_integers writes them.
std::vector<io::TensorDescription> integer_tensors(const std::string& layer,
                                                   const IntegerWeight& weight);

/// Writes those tensors, some rows at a time.
void write_integers(io::SafetensorsWriter& writer,
                    const IntegerWeight& weight,
                    const std::function<void(uint64_t bytes)>& written);

/// A component's linear layers and their forms.
using LayerForms = std::vector<std::pair<std::string, WeightForm>>;

/// The quantization_config of a component.
nlohmann::ordered_json quantization_config(const LayerForms& layers);

}  // namespace glm_image::quant
