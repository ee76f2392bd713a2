#pragma once

#include "nano/posters/caption_grammar.h"
#include "nano/posters/layout_choice.h"
#include "nano/posters/letter_metrics.h"
#include "nano/posters/lettering.h"
#include "nano/posters/palette.h"
#include "nano/posters/pictograms.h"
#include "nano/posters/word_source.h"

namespace glm_image::posters {

/// The contents of data/posters, and the paths of the fonts that it names.
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
