#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/layout.h"
#include "train/batch/picture_codes.h"
#include "train/stages/auxiliary.h"
#include "train/stages/data_stage.h"

namespace glm_image::train {

/// Base of the stages that read the codes of pictures, which a frozen visual tokenizer provides,
/// and that may have an auxiliary.
template <typename StageAuxiliary>
class CodesStage : public DataStage {
 public:
  /// The auxiliary's modules follow the stage's own.
  std::vector<TrainedModule> modules() final {
    auto trained = own_modules();
    if (auxiliary_) {
      for (auto& module : auxiliary_->modules()) trained.push_back(std::move(module));
    }
    return trained;
  }

  void initialise(const std::string& name, Tensor& weight, at::Generator& random) final {
    initialise_own(name, weight, random);
    if (auxiliary_) auxiliary_->initialise(name, weight);
  }

 protected:
  using DataStage::DataStage;

  /// Loads the tokenizer from `vq`, a folder of components. To be called by the constructor.
  void load_codes(const std::string& vq) {
    codes_.emplace(config_.in_run(vq) / models::kVisionLanguage,
                   pipeline::ImageSettings::load(config_.model / models::kProcessor),
                   device_,
                   config_.working_type());
  }

  virtual std::vector<TrainedModule> own_modules() = 0;
  /// Also gets the weights of the auxiliary's modules.
  virtual void initialise_own(const std::string& name, Tensor& weight, at::Generator& random) = 0;

  std::optional<PictureCodes> codes_;
  std::unique_ptr<StageAuxiliary> auxiliary_;  ///< null: none
};

}  // namespace glm_image::train
