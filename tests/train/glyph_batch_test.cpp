#include "train/batch/glyph_batch.h"

#include "pipeline/checkpoint.h"
#include "pipeline/spell.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(GlyphBatch, GivesEachPictureWhatThePipelineGivesItAlone) {
  at::NoGradGuard no_grad;
  const auto checkpoint = pipeline::Checkpoint::open(tiny_model_dir(), {});
  const auto encoder = checkpoint.load_glyph_encoder({});
  const std::vector<std::vector<std::string>> pictures = {
      {"École"}, {}, {"Barka", "Wend na kõ-d beoogo"}, {"a", "b", "c"}};
  const auto batch = train::make_glyph_batch(*checkpoint.byte_tokenizer, pictures);
  const auto encoded = train::encode_glyphs(encoder, batch);
  for (size_t i = 0; i < pictures.size(); ++i) {
    pipeline::RunMonitor monitor({});
    const auto alone = pipeline::spell(checkpoint, pictures[i], monitor).texts[0];
    const auto picture = static_cast<int64_t>(i);
    ASSERT_EQ(batch.seen[picture].sum().item<int64_t>(), alone.size(0));
    EXPECT_LE(relative_error(encoded[picture].narrow(0, 0, alone.size(0)), alone), 1e-5) << i;
  }
}

}  // namespace
}  // namespace glm_image::test
