#pragma once

#include "io/json_file.h"
#include "posters/scene.h"

namespace glm_image::posters {

/// {"background": {"first": {id, rgb}, "second": …}, "pictograms": [{id, place, size}], "texts":
/// [{lines, colour, place, style, font, size}]}
io::Json scene_to_json(const Scene& scene);

/// The way back. Throws kCorruptFile for what is not of this form; whether it fits and its names
/// are known is for PosterSource::check to say.
Scene scene_from_json(const io::JsonFields& fields);

}  // namespace glm_image::posters
