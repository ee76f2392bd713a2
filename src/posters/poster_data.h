#pragma once

#include "posters/caption_grammar.h"
#include "posters/layout_choice.h"
#include "posters/letter_metrics.h"
#include "posters/lettering.h"
#include "posters/palette.h"
#include "posters/pictograms.h"
#include "posters/word_source.h"

namespace glm_image::posters {

/// Everything that is read from data/posters, and the fonts that it names.
struct PosterData {
  Palette palette;
  Lettering lettering;
  Pictograms pictograms;
  WordSource words;
  CaptionGrammar french, english;
  LayoutChoice layouts;
  std::vector<std::filesystem::path> font_files;
  LetterMetrics metrics;
};

}  // namespace glm_image::posters
