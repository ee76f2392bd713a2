#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nano/posters/scene.h"

namespace glm_image::posters {

/// Training and evaluation share no words of kShortestHeldWord or more letters, no pairs of
/// pictogram and background colour, and no layouts of two or more items. A hash of the name assigns
/// each of these to a split, one fifth of them to evaluation, independently of the other data.
enum class Split { kTraining, kEvaluation };

/// The words of a text in lower case, without punctuation at their ends.
std::vector<std::string> folded_words(std::string_view text);

/// Shorter words belong to both splits, since there are too few of them to hold any out.
inline constexpr std::size_t kShortestHeldWord = 4;

/// The split of all words of a text. A text of only short words is assigned as a whole. Returns
/// nothing if its words belong to different splits; such a text is not used.
std::optional<Split> split_of_text(std::string_view text);

/// The split of a pictogram on a background colour.
Split split_of_pair(std::string_view colour, std::string_view pictogram);
/// For a gradient, both colours must belong to the split.
bool pairs_belong(const Background& background, std::string_view pictogram, Split split);

/// The name of a layout: the places of texts and of pictograms, independent of their order.
std::string layout_name(std::vector<Place> texts, std::vector<Place> pictograms);
/// Layouts of a single item belong to both splits. There are only nine, and a model that never saw
/// a text on the left could not learn to draw one there.
bool layout_belongs(const std::vector<Place>& texts,
                    const std::vector<Place>& pictograms,
                    Split split);

}  // namespace glm_image::posters
