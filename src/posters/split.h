#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "posters/scene.h"

namespace glm_image::posters {

/// Training and evaluation never share a word, a pictogram on a background colour, or a layout of
/// two items or more. Each of them belongs to one of the two by a hash of its name, whatever else
/// is in the data: a fifth of each to evaluation.
enum class Split { kTraining, kEvaluation };

/// The words of a text that are told apart: in lower case, without punctuation at their ends.
std::vector<std::string> folded_words(std::string_view text);

/// Words of fewer letters are in both: there are too few of them to hold any back.
inline constexpr std::size_t kShortestHeldWord = 4;

/// The split that all words of a text belong to (of a text of short words alone: the split of the
/// whole text); nothing when its words disagree, so that neither split can show it.
std::optional<Split> split_of_text(std::string_view text);

/// A background colour with a pictogram on it.
Split split_of_pair(std::string_view colour, std::string_view pictogram);
/// In a gradient both colours must agree.
bool pairs_belong(const Background& background, std::string_view pictogram, Split split);

/// Which places hold texts and which pictograms, whatever their order.
std::string layout_name(std::vector<Place> texts, std::vector<Place> pictograms);
/// A text that stands alone may stand anywhere in both: there are only as many such layouts as
/// places, and who never saw a lone text on the left has learnt that none stands there.
bool layout_belongs(const std::vector<Place>& texts,
                    const std::vector<Place>& pictograms,
                    Split split);

}  // namespace glm_image::posters
