#pragma once

#include "nano/training/code_teacher.h"
#include "nano/training/poster_feed.h"
#include "train/batch/picture_codes.h"

namespace glm_image::nano {

/// The scene's background without items.
posters::Scene ground_of(posters::Scene scene);

/// Creates an untrained teacher for the posters of this source.
CodeTeacher make_code_teacher(const posters::PosterSource& source,
                              int64_t dim,
                              const at::TensorOptions& options);
/// Folder of the teacher, next to the tokenizer's component.
inline constexpr const char* kCodeTeacher = "code_teacher";

/// Encodes posters with the tokenizer's teacher: the same cell of the same item always has the same
/// code, on any background. The tokenizer's encoder agrees for most tokens. Where it does not, its
/// codes depend on details that no prompt determines.
class SceneCodes {
 public:
  /// `components`: of a run of TeacherVqStage. `codes`: the codebook of this run.
  SceneCodes(const std::filesystem::path& components,
             const train::PictureCodes& codes,
             const posters::PosterSource& source,
             const at::Device& device,
             at::ScalarType type);

  /// Returns codes [tokens] int64 on the CPU for a poster with a layout at the grid's size. Only
  /// the size of its image is used. `kinds`: see token_kinds.
  Tensor encode(posters::Renderer& renderer,
                const PosterExample& example,
                const Tensor& kinds,
                const text::Grid& grid) const;

 private:
  const posters::PosterSource& source_;
  at::Device device_;
  Tensor codes_;
  CodeTeacher teacher_{nullptr};
};

}  // namespace glm_image::nano
