#include "image/source_mark.h"

#include <algorithm>

#include "core/text_format.h"

namespace glm_image::image {

std::string xmp_with_source(SourceType type, const std::string& program) {
  return concat(
      // The identifier and the byte order mark are the XMP specification's.
      "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
      "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
      " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
      "  <rdf:Description rdf:about=\"\"\n"
      "    xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\"\n"
      "    xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\"\n"
      "    Iptc4xmpExt:DigitalSourceType=\"http://cv.iptc.org/newscodes/digitalsourcetype/",
      type == SourceType::kComposite ? "compositeWithTrainedAlgorithmicMedia"
                                     : "trainedAlgorithmicMedia",
      "\"\n"
      "    xmp:CreatorTool=\"",
      program,
      "\"/>\n"
      " </rdf:RDF>\n"
      "</x:xmpmeta>\n"
      "<?xpacket end=\"w\"?>");
}

std::string source_in_xmp(std::string_view xmp) {
  const auto property = xmp.find(":DigitalSourceType");
  if (property == std::string_view::npos) return "";
  xmp.remove_prefix(property);
  constexpr std::string_view kScheme = "/newscodes/digitalsourcetype/";
  const auto scheme = xmp.find(kScheme);
  const auto end_of_value = xmp.find('<', 1);
  if (scheme == std::string_view::npos || scheme > end_of_value) return "";
  xmp.remove_prefix(scheme + kScheme.size());
  const auto end = std::find_if(
      xmp.begin(), xmp.end(), [](char c) { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z'); });
  return std::string(xmp.begin(), end);
}

}  // namespace glm_image::image
