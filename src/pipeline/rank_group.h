#pragma once

#include <vector>

#include "diffusion/sampler.h"
#include "glm_image/request.h"
#include "models/generator/generator_share.h"
#include "models/transformer/token_share.h"

/// The ranks that draw a request together, e.g. on several machines. All of them run the same
/// stages of the same request and exchange data through this interface, which src/cluster
/// implements over a network.
namespace glm_image::pipeline {

class RankGroup {
 public:
  virtual ~RankGroup() = default;
  /// One rank leads: it decodes the pictures and returns them. The others return no pictures.
  virtual bool leads() const = 0;
  /// How the ranks share the generator's weights; the leader has the share of rank 0. Null if the
  /// leader runs the generator alone.
  virtual models::GeneratorShare* generator() = 0;
  /// Whether all ranks run the stages after the generator; otherwise only the leader does.
  virtual bool paints_together() const = 0;
  /// Broadcasts the leader's compositions.
  virtual void share(std::vector<Composition>& compositions) = 0;
  /// Broadcasts the leader's decision.
  virtual bool agree(bool answer) = 0;
  /// How the two evaluations of a guided step are divided; empty if each rank computes both.
  virtual diffusion::EvaluatePair pair() = 0;
  /// How the image tokens of an evaluation are divided; null if each rank computes all of them.
  virtual models::TokenShare* tokens() = 0;
};

/// Until it is destroyed, Pipeline::generate on this thread draws as one rank of `group`. Scopes do
/// not nest. (The public interface knows no ranks: it is for programs that draw on one machine.)
class RankScope {
 public:
  explicit RankScope(RankGroup& group);
  ~RankScope();
  RankScope(const RankScope&) = delete;
  RankScope& operator=(const RankScope&) = delete;

  /// The group of this thread; null without one.
  static RankGroup* current();
};

}  // namespace glm_image::pipeline
