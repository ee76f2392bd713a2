#include <algorithm>

#include "image/codec.h"
#include "image/picture_files.h"

namespace glm_image::image {
namespace {

using glm_image::test::expect_error;
using test::png_chunk;

std::string png_with(const std::string& chunks) {
  return test::rgb_png(test::gradient(4, 3), chunks);
}

const std::string kZero(1, '\0');

/// A zlib stream of 258 * `runs` + 1 letters x, in which 13 bits stand for 258 of them.
std::string zlib_run(int runs) {
  std::string bits = "110";                                // the last block; fixed codes
  bits += "10101000";                                      // x
  for (int i = 0; i < runs; ++i) bits += "1100010100000";  // length 258, distance 1
  bits += "0000000";                                       // end of the block
  std::string out("\x78\x01", 2);
  for (std::size_t begin = 0; begin < bits.size(); begin += 8) {
    int byte = 0;
    for (std::size_t i = begin; i < std::min(begin + 8, bits.size()); ++i) {
      byte |= (bits[i] - '0') << (i - begin);
    }
    out.push_back(static_cast<char>(byte));
  }
  return out + test::adler32(std::string(258 * static_cast<std::size_t>(runs) + 1, 'x'));
}

TEST(PngText, RoundTrip) {
  const PngText text = {{"prompt", "Wend na kõ-d beoogo"},
                        {"Title", "Wẽnd na kõ-d bʋmb-sõngo « Saaba »"},
                        {"parameters", "steps: 50\nseed: 42"},
                        {"empty", ""},
                        {"prompt", "市场 🎨"}};
  const auto bytes = encode_png(test::gradient(9, 5), text);
  EXPECT_EQ(read_png_text(bytes, "it"), text);
  EXPECT_EQ(test::max_difference(decode_image(bytes, "it"), test::gradient(9, 5)), 0);

  const glm_image::test::TemporaryDirectory directory;
  image::write_image(directory.path() / "a.PNG", test::gradient(9, 5), {95, text});
  EXPECT_EQ(read_png_text(directory.path() / "a.PNG"), text);
}

// Other programs search for these chunk types.
TEST(PngText, Latin1GoesIntoTextAndTheRestIntoInternationalText) {
  const auto image = test::gradient(2, 2);
  const auto latin = encode_png(image, {{"k", "kõ-d"}});
  EXPECT_NE(latin.find(png_chunk("tEXt", "k" + kZero + "k\xf5-d")), std::string::npos);
  const auto other = encode_png(image, {{"k", "Wẽnd"}});
  const auto settings = std::string(5, '\0');  // end of keyword, plain, method, two empty names
  EXPECT_NE(other.find(png_chunk("iTXt", "k" + settings + "Wẽnd")), std::string::npos);
}

TEST(PngText, ReadsAllKindsBeforeAndAfterThePixels) {
  const auto itxt = [](bool compressed, const std::string& text) {
    return png_chunk("iTXt",
                     std::string("key") + kZero + std::string(1, compressed) + kZero + "moore" +
                         kZero + "cl\xc3\xa9" + kZero + text);
  };
  const std::string before = png_chunk("tEXt", "a" + kZero + "\xe9t\xe9") +
                             png_chunk("zTXt", "b" + kZero + kZero + test::zlib_stored("\xff z"));
  auto bytes = png_with(before);
  bytes.insert(bytes.size() - png_chunk("IEND", "").size(),
               itxt(false, "市场") + itxt(true, test::zlib_stored("« ẽ »")));
  const PngText expected = {{"a", "été"}, {"b", "ÿ z"}, {"key", "市场"}, {"key", "« ẽ »"}};
  EXPECT_EQ(read_png_text(bytes, "it"), expected);
}

TEST(PngText, APictureWithoutTextHasNone) {
  EXPECT_TRUE(read_png_text(png_with(""), "it").empty());
}

TEST(PngText, RefusesWhatCannotBeStored) {
  const auto refuses = [](const PngText& text, const std::string& reason) {
    expect_error(
        ErrorCode::kInvalidInput, {reason}, [&] { encode_png(test::gradient(2, 2), text); });
  };
  refuses({{"", "x"}}, "keyword");
  refuses({{std::string(80, 'k'), "x"}}, "keyword");
  refuses({{" k", "x"}}, "keyword");
  refuses({{"k ", "x"}}, "keyword");
  refuses({{"a  b", "x"}}, "keyword");
  refuses({{"clé", "x"}}, "keyword");
  refuses({{"k", std::string("a\0b", 3)}}, "zero byte");
  refuses({{"k", "\xff"}}, "UTF-8");
  refuses({{"k", std::string(kMaxPngTextBytes, 'x')}}, "2097152");
  refuses(PngText(kMaxPngTexts + 1, {"k", "x"}), "1000");
}

TEST(PngText, TheLargestTextCanBeReadAgain) {
  const PngText one = {{"k", std::string(kMaxPngTextBytes - 1, 'x')}};
  EXPECT_EQ(read_png_text(encode_png(test::gradient(2, 2), one), "it"), one);
  const PngText many(kMaxPngTexts, {"k", "ẽ"});
  EXPECT_EQ(read_png_text(encode_png(test::gradient(2, 2), many), "it"), many);
}

TEST(PngText, RefusesMoreTextThanAllowed) {
  const auto refuses = [](const std::string& chunks) {
    expect_error(ErrorCode::kInvalidInput, {"a.png", "too much text"}, [&] {
      read_png_text(png_with(chunks), "a.png");
    });
  };
  const std::string most(kMaxPngTextBytes, 'x');
  refuses(png_chunk("tEXt", "k" + kZero + most));
  refuses(png_chunk("tEXt", "k" + kZero + most + most));
  refuses(png_chunk("zTXt", "k" + kZero + kZero + test::zlib_stored(most + "x")));
  // A longest text that decompresses from 1 % of its size, and one of a little more.
  const int runs = static_cast<int>(kMaxPngTextBytes / 258);
  const auto run = [](int count) {
    return png_chunk("zTXt", "k" + kZero + kZero + zlib_run(count));
  };
  EXPECT_EQ(read_png_text(png_with(run(runs - 1)), "a.png").at(0).second,
            std::string(static_cast<std::size_t>(258 * (runs - 1) + 1), 'x'));
  refuses(run(runs + 1));
  std::string many;
  for (std::size_t i = 0; i <= kMaxPngTexts; ++i) many += png_chunk("tEXt", "k" + kZero);
  refuses(many);
}

TEST(PngText, OtherTextsMayBeOfAnySizeWhereOnlySomeAreWanted) {
  const std::string large(2 * kMaxPngTextBytes + 1, 'x');
  const auto file =
      png_with(png_chunk("tEXt", "workflow" + kZero + large) +
               png_chunk("zTXt", "prompt" + kZero + kZero + "not zlib") +
               png_chunk("tEXt", "kk" + kZero + "no") + png_chunk("tEXt", "k" + kZero + "yes"));
  EXPECT_EQ(read_png_text(file, "it", {"k", "other"}), (PngText{{"k", "yes"}}));
  expect_error(ErrorCode::kInvalidInput, {"too much text"}, [&] {
    read_png_text(file, "it", {"workflow"});
  });
}

TEST(PngText, RefusesDamage) {
  const auto refuses = [](const std::string& bytes, const std::string& reason) {
    expect_error(
        ErrorCode::kCorruptFile, {"a.png", reason}, [&] { read_png_text(bytes, "a.png"); });
  };
  refuses(png_with(png_chunk("tEXt", "no end of the keyword")), "incomplete");
  refuses(png_with(png_chunk("tEXt", "")), "incomplete");
  refuses(png_with(png_chunk("zTXt", "k" + kZero)), "decoded");
  refuses(png_with(png_chunk("zTXt", "k" + kZero + "\1x")), "decoded");
  refuses(png_with(png_chunk("zTXt", "k" + kZero + kZero + "not zlib")), "decoded");
  refuses(png_with(png_chunk("zTXt", "k" + kZero + kZero + zlib_run(80000))), "far too long");
  refuses(png_with(png_chunk("iTXt", "k" + kZero + kZero + kZero + "fr")), "decoded");
  refuses(png_with(png_chunk("iTXt", "k" + std::string(5, '\0') + "\xff\xfe")), "UTF-8");
  auto flipped = png_with(png_chunk("tEXt", "k" + kZero + "value"));
  flipped[flipped.find("value")] = 'V';
  refuses(flipped, "checksum");
  const auto whole = png_with(png_chunk("tEXt", "k" + kZero + "value"));
  for (std::size_t size = 8; size < whole.size(); ++size) {
    refuses(whole.substr(0, size), "too early");
  }
  expect_error(
      ErrorCode::kUnsupported, {"a.png"}, [] { read_png_text("\xff\xd8\xff\xe0", "a.png"); });
}

}  // namespace
}  // namespace glm_image::image
