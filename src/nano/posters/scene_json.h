#pragma once

#include "io/json_file.h"
#include "nano/posters/scene.h"

namespace glm_image::posters {

/// {"background": {"first": {id, rgb}, "second": …}, "pictograms": [{id, place, size}], "texts":
/// [{lines, colour, place, style, font, size}]}
io::Json scene_to_json(const Scene& scene);

/// Parses the output of scene_to_json. Throws kCorruptFile if the structure is wrong.
/// PosterSource::check checks the names and whether the scene fits.
Scene scene_from_json(const io::JsonFields& fields);

}  // namespace glm_image::posters
