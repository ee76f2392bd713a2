// A hostile processor/tokenizer.json. The input is taken as the whole file, and as a JSON merge
// patch (RFC 7396) of a small valid one, which reaches further with few bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "io/json_file.h"
#include "text/bpe_tokenizer.h"
#include "text/byte_alphabet.h"

namespace {

using glm_image::io::Json;
using glm_image::text::BpeTokenizer;

constexpr std::string_view kText = "l'été, 12345 <sop>4 6<eop>\r\n  abcabc 你好 🐘";

Json small_tokenizer() {
  Json vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    vocabulary[glm_image::text::to_byte_alphabet({&text, 1})] = byte;
  }
  vocabulary["ab"] = 256;
  vocabulary["abc"] = 257;
  vocabulary["bc"] = 258;
  const Json merges = {{"a", "b"}, {"ab", "c"}, {"b", "c"}};
  const Json steps = {
      {{"type", "Split"}, {"pattern", {{"Regex", " ?\\p{L}+|\\s+"}}}, {"behavior", "Isolated"}},
      {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}};
  return {{"added_tokens", {{{"id", 300}, {"content", "<sop>"}, {"normalized", false}}}},
          {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", merges}}}};
}

void encode(const BpeTokenizer& tokenizer, std::string_view text, bool keeps_text) {
  const auto ids = tokenizer.encode(text);
  for (const auto id : ids) {
    if (id < 0 || id >= tokenizer.id_count()) std::abort();
  }
  if (tokenizer.decode(ids) != text && keeps_text) std::abort();
}

void check(const Json& file, const Json& base, std::string_view input) {
  const auto tokenizer = BpeTokenizer::parse(file.dump(), "fuzz.json");
  // Without a normalizer, and with added tokens that cannot be taken for bytes, what is encoded
  // can be decoded again.
  const bool keeps_text = file.value("normalizer", Json()).is_null() &&
                          file.value("added_tokens", Json()) == base["added_tokens"];
  encode(tokenizer, kText, keeps_text);
  encode(tokenizer, input, keeps_text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const Json base = small_tokenizer();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try {
    const Json json = glm_image::io::parse_json(input, "fuzz.json");
    Json patched = base;
    patched.merge_patch(json);
    for (const Json& file : {json, patched}) {
      try {
        check(file, base, input);
      } catch (const glm_image::Error&) {
        // A clear refusal is a fine answer to any input.
      }
    }
  } catch (const glm_image::Error&) {
    // Not JSON.
  }
  return 0;
}
