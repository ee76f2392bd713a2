#pragma once

#include "cluster/draw_message.h"
#include "cluster/process_group.h"
#include "cluster/shared_generator.h"
#include "pipeline/rank_group.h"

namespace glm_image::cluster {

/// Image tokens over a process group: divided equally, in the order of ranks. With Wire::kInt8,
/// keys and values of all image tokens are rounded, this rank's too: what a token attends to does
/// not depend on the rank that computes it. Those of text tokens are not sent, and stay exact.
class GatheredTokens : public models::TokenShare {
 public:
  /// `group` must outlive this.
  explicit GatheredTokens(ProcessGroup& group, Wire wire = Wire::kExact)
      : group_(group), wire_(wire) {}

  std::pair<int64_t, int64_t> own(int64_t image_tokens) const override;
  std::function<Tensor()> begin_gather(const Tensor& heads, int64_t image_tokens) override;
  Tensor gather(const Tensor& outputs, int64_t image_tokens) override;

 private:
  ProcessGroup& group_;
  const Wire wire_;
};

/// Implements the exchange between the ranks of a part over a process group. The first rank leads.
class SharedDrawing : public pipeline::RankGroup {
 public:
  /// `group` must outlive this. The others: see DrawPart.
  SharedDrawing(ProcessGroup& group, Way way, bool shares_generator, Wire wire)
      : group_(group),
        way_(way),
        shares_generator_(shares_generator),
        generator_(group),
        tokens_(group, wire) {}

  bool leads() const override { return group_.rank() == 0; }
  models::GeneratorShare* generator() override { return shares_generator_ ? &generator_ : nullptr; }
  bool paints_together() const override { return way_ != Way::kAlone; }
  void share(std::vector<Composition>& compositions) override;
  bool agree(bool answer) override;
  diffusion::EvaluatePair pair() override;
  models::TokenShare* tokens() override { return way_ == Way::kTokens ? &tokens_ : nullptr; }

 private:
  ProcessGroup& group_;
  const Way way_;
  const bool shares_generator_;
  SharedGenerator generator_;
  GatheredTokens tokens_;
};

}  // namespace glm_image::cluster
