#pragma once

#include "nano/posters/poster_data.h"
#include "nano/posters/poster_source.h"

namespace glm_image::posters {

/// See PosterSource::worded.
Caption write_caption(const PosterData& data, const Scene& scene, RandomStream& random);

/// An instruction about the background, texts and pictograms of `subjects`. `facts`: the kind of
/// the edit, and how many items the picture has ("two_texts"). `quoted`: the texts that the
/// instruction must quote, and no others.
Caption write_instruction(const PosterData& data,
                          const Scene& subjects,
                          const std::set<std::string>& facts,
                          const std::vector<std::string>& quoted,
                          RandomStream& random);

}  // namespace glm_image::posters
