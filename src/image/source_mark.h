#pragma once

#include <string>
#include <string_view>

namespace glm_image::image {

/// How a picture came to be, in the words of IPTC's Digital Source Type
/// (https://cv.iptc.org/newscodes/digitalsourcetype/).
enum class SourceType {
  kGenerated,  ///< trainedAlgorithmicMedia: made by a trained model
  kComposite,  ///< compositeWithTrainedAlgorithmicMedia: made by one from other pictures
};

/// Returns an XMP packet with this Iptc4xmpExt:DigitalSourceType, and `program` as
/// xmp:CreatorTool. `program` has none of XML's special characters.
std::string xmp_with_source(SourceType type, const std::string& program);

/// Returns the term of an XMP packet's DigitalSourceType ("trainedAlgorithmicMedia"), as an
/// attribute or an element; empty if it has none of IPTC's.
std::string source_in_xmp(std::string_view xmp);

}  // namespace glm_image::image
