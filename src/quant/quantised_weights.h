#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "io/packed_weights.h"
#include "io/weight_set.h"
#include "quant/compressed_tensors.h"
#include "quant/gptq.h"
#include "quant/sdnq.h"

namespace glm_image::quant {

/// The quantised weights of a component, whatever the method: the tensors of each module decide
/// which format it has, quantization_config gives the parameters that tensors do not show.
class QuantisedWeights : public io::PackedWeights {
 public:
  /// Nothing where no module of the component is quantised. `weights` must outlive the result.
  /// Throws kUnsupported, naming the method, for one that is not read or a variant that is not, and
  /// for weights that were rotated, quantised or not.
  static std::unique_ptr<QuantisedWeights> open(const std::filesystem::path& component,
                                                const io::WeightSet& weights);

  bool holds(const std::string& parameter) const override;
  std::string parameter_of(const std::string& tensor) const override;
  std::vector<io::WeightSet::Location> parts_of(const std::string& parameter) const override;
  Tensor unpack(const std::string& parameter,
                at::IntArrayRef shape,
                at::ScalarType type) const override;
  Tensor unpack_part(const std::string& parameter,
                     const io::WeightCut& cut,
                     at::ScalarType type) const override;
  std::shared_ptr<const nn::QuantisedMatrix> pack(const std::string& parameter,
                                                  at::IntArrayRef shape) const override;
  int64_t packed_bytes(const std::string& parameter, at::IntArrayRef shape) const override;
  std::shared_ptr<const nn::QuantisedMatrix> pack_part(const std::string& parameter,
                                                       const io::WeightCut& cut) const override;
  int64_t packed_part_bytes(const std::string& parameter, const io::WeightCut& cut) const override;
  std::shared_ptr<const nn::QuantisedMatrix> view(const std::string& parameter,
                                                  at::IntArrayRef shape) const override;

  /// Reads rows of a parameter. Throws as unpack does.
  ReadFloats floats(const std::string& parameter, at::IntArrayRef shape) const;
  /// The parameter's integers and scales; nothing where its values are not exactly those of a form
  /// that the kernels take. Throws as unpack does.
  std::optional<IntegerWeight> integers(const std::string& parameter, at::IntArrayRef shape) const;
  /// How a parameter is stored, for messages: "sdnq, 4 bits, groups of 64".
  std::string form_text(const std::string& parameter, at::IntArrayRef shape) const;

 private:
  enum class Format { kGptq, kBitsandbytes, kSdnq, kCompressedTensors };
  explicit QuantisedWeights(const io::WeightSet& weights) : weights_(weights) {}
  void read_config(const nlohmann::json& object, const std::string& source);
  ModuleParts module_parts(const std::string& parameter, at::IntArrayRef shape) const;
  std::optional<IntegerWeight> integers_of_part(const std::string& parameter,
                                                const io::WeightCut& cut) const;
  void find_modules();

  const io::WeightSet& weights_;
  gptq::Config gptq_;
  compressed_tensors::Config compressed_tensors_;
  sdnq::Config sdnq_{"int8", {}};
  std::map<std::string, Format> modules_;
};

}  // namespace glm_image::quant
