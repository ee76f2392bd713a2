#include "server/unsupported_fields.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/text_format.h"
#include "server/api_error.h"
#include "server/header_value.h"

namespace glm_image::server {
namespace {

using Json = nlohmann::json;

/// Synonyms, in lower case and without punctuation, and the alternative to suggest.
struct UnsupportedFields {
  std::vector<std::string> names;
  std::string instead;
  bool is_count = false;  ///< 1 is neutral
};

const std::vector<UnsupportedFields>& table() {
  static const std::vector<UnsupportedFields> fields = {
      {{"image",           "images",        "imageurl",       "imageurls",       "url",
        "imagedataurl",    "imagedataurls", "inputimage",     "inputimages",     "inputreference",
        "inputreferences", "initimage",     "initimages",     "sourceimage",     "sourceimages",
        "refimage",        "refimages",     "referenceimage", "referenceimages", "imageprompt",
        "imagebase64",     "imageb64"},
       "pictures to start from go to POST /v1/images/edits, in the field images or image[]"},
      {{"mask", "maskimage", "maskurl", "maskimageurl", "maskbase64", "inpaintmask"},
       "this model redraws the whole picture; send it to POST /v1/images/edits without a mask, and "
       "say in the prompt what to change"},
      {{"negativeprompt", "negativeprompt2", "negative"}, "say in prompt what the picture shows"},
      {{"prompt2", "prompt3"}, "this model has one prompt"},
      {{"strength",
        "denoisingstrength",
        "imagestrength",
        "promptstrength",
        "imageguidance",
        "imageguidancescale"},
       "say in prompt how much of the picture to change"},
      {{"width", "height", "aspectratio", "ratio", "resolution", "imagesize"},
       "give size, as WIDTHxHEIGHT"},
      {{"batchsize",
        "batchcount",
        "niter",
        "numimages",
        "numoutputs",
        "numimagesperprompt",
        "samplecount",
        "numberofimages"},
       "give n",
       true},
      {{"cfg", "cfgscale", "truecfgscale", "truecfg", "guidancescale2", "distilledguidance"},
       "give guidance"},
      {{"inferencesteps", "samplesteps", "samplingsteps", "numsteps", "stepcount"}, "give steps"},
      {{"seeds", "subseed", "subseedstrength", "variationseed"},
       "give seed and n: the pictures have the seeds seed, seed + 1, …"},
      {{"sampler",
        "samplername",
        "samplerindex",
        "samplemethod",
        "samplingmethod",
        "scheduler",
        "schedule",
        "eta",
        "flowshift",
        "shift",
        "sigmas",
        "timesteps"},
       "this model has one sampler"},
      {{"topk", "minp", "typicalp", "repetitionpenalty", "frequencypenalty", "presencepenalty"},
       "tokens are sampled with temperature and top_p"},
      {{"lora", "loraname", "loraweights", "lorascale", "adapter", "adapters"},
       "give loras, a list of objects with name and scale; GET /v1/loras lists the names"},
      {{"controlnet", "controlnets", "controlimage", "ipadapter", "embeddings", "textualinversion"},
       "start the server with the model to use"},
      {{"clipskip",
        "refiner",
        "hires",
        "hiresfix",
        "enablehr",
        "hrscale",
        "upscale",
        "upscaler",
        "restorefaces",
        "facerestore",
        "tiling",
        "outpaint"},
       "this server draws the picture once, at its size"},
      {{"promptextend",
        "enhanceprompt",
        "promptenhance",
        "expandprompt",
        "promptexpansion",
        "promptupsampling",
        "rewriteprompt",
        "magicprompt",
        "stylepreset",
        "stylename"},
       "the prompt is used as written"},
      {{"watermark", "watermarkenabled", "addwatermark"}, "this server adds no watermark"},
      {{"framecount", "framedurationms", "frames", "numframes", "gif", "svg"},
       "this model draws still pictures in pixels"},
      {{"extrabody", "nvext"}, "put its fields beside prompt"},
  };
  return fields;
}

/// "negative-Prompt" → "negativeprompt", "image[]" → "image". Empty if the name contains other
/// characters.
std::string plain_name(std::string_view name) {
  constexpr size_t kMaxBytes = 64;
  constexpr std::string_view kPunctuation = "_-. ";
  std::string plain;
  for (const char c : lower(name.substr(0, std::min(name.find('['), kMaxBytes + 1)))) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      plain += c;
    } else if (kPunctuation.find(c) == std::string_view::npos) {
      return "";
    }
  }
  return plain.size() > kMaxBytes ? "" : plain;
}

const UnsupportedFields* find_unsupported(std::string_view name) {
  const auto plain = plain_name(name);
  for (const auto& fields : table()) {
    const auto& names = fields.names;
    if (std::find(names.begin(), names.end(), plain) != names.end()) return &fields;
  }
  return nullptr;
}

bool says_nothing(const Json& value, bool is_count) {
  if (value.is_null() || value == false) return true;
  for (const char* nothing : {"", "false", "none", "auto", "default"}) {
    if (value == nothing) return true;
  }
  if (value.is_structured()) return value.empty();
  return is_count && (value == 1 || value == "1");
}

}  // namespace

bool is_unsupported(std::string_view name) {
  return find_unsupported(name) != nullptr;
}

void refuse_unsupported(const Json& fields) {
  for (const auto& field : fields.items()) {
    const auto* unsupported = find_unsupported(field.key());
    if (unsupported == nullptr || says_nothing(field.value(), unsupported->is_count)) continue;
    throw ApiError(
        400,
        concat(field.key().substr(0, 64), " is not supported here: ", unsupported->instead),
        field.key(),
        "unsupported_value");
  }
}

}  // namespace glm_image::server
