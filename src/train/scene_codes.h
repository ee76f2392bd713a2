#pragma once

#include "train/code_teacher.h"
#include "train/picture_codes.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// Of a token's side so many pixels are left where its pixels are read back from codes.
inline constexpr int64_t kReducedPatch = 8;
inline constexpr int64_t kReducedPixels = 3 * kReducedPatch * kReducedPatch;
/// Pictures of one size → [pictures, tokens, kReducedPixels] float32, −1 … 1.
Tensor reduced_by_tokens(const std::vector<Image>& pictures);
/// [tokens, kReducedPixels] of one picture → the picture, of text::kPixelsPerToken pixels a token.
Image picture_of_reduced(const Tensor& tokens, const text::Grid& grid);

/// The scene without what stands on its ground.
posters::Scene ground_of(posters::Scene scene);

/// A teacher for the posters of this source.
CodeTeacher make_code_teacher(const posters::PosterSource& source,
                              int64_t dim,
                              const at::TensorOptions& options);
/// The folder, beside the tokenizer's component, that holds its teacher.
inline constexpr const char* kCodeTeacher = "code_teacher";

/// The codes that the tokenizer's teacher gives a poster: always the same for the same part of the
/// same item on any ground. The encoder finds them in a picture for most tokens, not for all; what
/// it adds of its own a generator could only guess.
class SceneCodes {
 public:
  /// `components`: of a run of the stage "tokenizer". `codes`: its codebook.
  SceneCodes(const std::filesystem::path& components,
             const PictureCodes& codes,
             const posters::PosterSource& source,
             const at::Device& device,
             at::ScalarType type);

  /// [tokens of the grid] int64, for a poster that is laid out at the grid's size; of its picture
  /// only the size is looked at. `kinds`: from token_kinds.
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

}  // namespace glm_image::train
