#pragma once

#include <set>

#include "nano/posters/poster_data.h"
#include "nano/posters/split.h"

namespace glm_image::posters {

/// Replaces everything that the caption does not mention by defaults, so that the caption
/// determines the poster except for the background's colour:
/// - Texts are bold. They are black or white, whichever has more contrast with the background.
/// - A single text stands in the centre, or at the bottom if there are pictograms. Of two texts,
///   the first stands at the top and the second at the bottom. A single pictogram stands in the
///   centre; two stand on the left and on the right.
/// - If a place is taken, a layout does not fit, or it belongs to the other split, the next place
///   is tried.
///
/// Sizes and line breaks follow from this. Returns the scene unchanged if no default fits. `says`:
/// see Caption::says. Throws kCorruptFile if the data has no black, white or bold style.
Scene with_defaults(const PosterData& data,
                    const Scene& scene,
                    const std::set<std::string>& says,
                    Split split);

/// Black or white, whichever has more contrast with the background.
const Colour& default_text_colour(const Palette& palette, const Background& background);
/// Gives a text the default style. Throws kCorruptFile if the data has no style "bold".
void make_bold(const Lettering& lettering, TextItem& item);

}  // namespace glm_image::posters
