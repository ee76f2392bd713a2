// Where the metadata of a written picture stands, found by code of this file alone.

#include <optional>

#include "image/codec.h"
#include "image/exif_comment.h"
#include "image/picture_files.h"
#include "image/source_mark.h"

namespace glm_image::image {
namespace {

using glm_image::test::expect_error;

struct Part {
  std::string name;  ///< a segment's marker in hexadecimal, or a chunk's four letters
  std::string data;
};

uint32_t number(const std::string& bytes, std::size_t at, int size, bool little_endian = false) {
  uint32_t value = 0;
  for (int i = 0; i < size; ++i) {
    const auto byte = static_cast<uint8_t>(bytes.at(at + (little_endian ? size - 1 - i : i)));
    value = value << 8 | byte;
  }
  return value;
}

/// Segments of a JPEG file up to its first scan.
std::vector<Part> jpeg_parts(const std::string& file) {
  EXPECT_EQ(file.substr(0, 2), "\xff\xd8");
  std::vector<Part> parts;
  for (std::size_t at = 2; number(file, at, 2) != 0xFFDA;) {
    EXPECT_EQ(number(file, at, 1), 0xFFU);
    const auto size = number(file, at + 2, 2);
    parts.push_back({std::to_string(number(file, at + 1, 1)), file.substr(at + 4, size - 2)});
    at += 2 + size;
  }
  EXPECT_EQ(file.substr(file.size() - 2), "\xff\xd9");
  return parts;
}

std::vector<Part> webp_parts(const std::string& file) {
  EXPECT_EQ(file.substr(0, 4) + file.substr(8, 4), "RIFFWEBP");
  EXPECT_EQ(number(file, 4, 4, true), file.size() - 8);
  std::vector<Part> parts;
  for (std::size_t at = 12; at < file.size();) {
    const auto size = number(file, at + 4, 4, true);
    parts.push_back({file.substr(at, 4), file.substr(at + 8, size)});
    EXPECT_EQ(parts.back().data.size(), size);
    at += 8 + size + size % 2;
  }
  return parts;
}

std::vector<Part> png_parts(const std::string& file) {
  EXPECT_EQ(file.substr(0, 8), test::kPngSignature);
  std::vector<Part> parts;
  for (std::size_t at = 8; at < file.size();) {
    const auto size = number(file, at, 4);
    parts.push_back({file.substr(at + 4, 4), file.substr(at + 8, size)});
    // With its checksum.
    EXPECT_EQ(file.substr(at, size + 12), test::png_chunk(parts.back().name, parts.back().data));
    at += size + 12;
  }
  EXPECT_EQ(parts.back().name, "IEND");
  return parts;
}

/// The part of this name whose data begin with `begin`, without that; nothing if there is none.
std::optional<std::string> data_of(const std::vector<Part>& parts,
                                   const std::string& name,
                                   const std::string& begin = "") {
  for (const auto& part : parts) {
    if (part.name == name && part.data.rfind(begin, 0) == 0) return part.data.substr(begin.size());
  }
  return std::nullopt;
}

const std::string kExif("Exif\0\0", 6);
const std::string kXmpOfJpeg("http://ns.adobe.com/xap/1.0/\0", 29);
const std::string kXmpOfPng("XML:com.adobe.xmp\0\0\0\0\0", 22);
const std::string kApp1 = std::to_string(0xE1);

/// The value of a tag in a directory of a big-endian TIFF file.
std::optional<std::string> tag_of(const std::string& tiff, uint32_t directory, uint32_t tag) {
  for (uint32_t i = 0; i < number(tiff, directory, 2); ++i) {
    const auto at = directory + 2 + 12 * i;
    if (number(tiff, at, 2) != tag) continue;
    const auto type = number(tiff, at + 2, 2), count = number(tiff, at + 4, 4);
    const auto size = count * (type == 4 ? 4 : 1);  // LONG, or a type of bytes
    return tiff.substr(size > 4 ? number(tiff, at + 8, 4) : at + 8, size);
  }
  return std::nullopt;
}

/// The comment as its bytes.
std::string user_comment(const std::string& tiff) {
  EXPECT_EQ(tiff.substr(0, 4), std::string("MM\0*", 4));
  const auto first = number(tiff, 4, 4);
  const auto exif = tag_of(tiff, first, 0x8769);
  return exif ? tag_of(tiff, number(*exif, 0, 4), 0x9286).value_or("no comment") : "no directory";
}

EncodeOptions options_with(const std::string& comment, int quality = 90) {
  EncodeOptions options;
  options.quality = quality;
  options.blocks = {exif_with_comment(comment, "a program 1.0"),
                    xmp_with_source(SourceType::kGenerated, "a program 1.0")};
  return options;
}

const std::string kUnicode("UNICODE\0", 8);

TEST(Metadata, StandsWhereEachFormatKeepsIt) {
  const auto picture = test::gradient(20, 10);
  const auto options = options_with("« ẽ » 🎨");
  const auto& [exif, xmp] = options.blocks;
  // UTF-16, the last character as a pair of surrogates.
  const std::string comment =
      kUnicode + std::string("\0\xab\0 \x1e\xbd\0 \0\xbb\0 \xd8\x3c\xdf\xa8", 16);
  EXPECT_EQ(user_comment(exif), comment);
  EXPECT_EQ(tag_of(exif, 8, 0x0131), std::string("a program 1.0\0", 14));

  const auto jpeg = jpeg_parts(image::encode_image(picture, ImageFormat::kJpeg, options));
  EXPECT_EQ(data_of(jpeg, kApp1, kExif), exif);
  EXPECT_EQ(data_of(jpeg, kApp1, kXmpOfJpeg), xmp);

  for (const int quality : {90, 100}) {
    const auto webp = webp_parts(
        image::encode_image(picture, ImageFormat::kWebp, options_with("« ẽ » 🎨", quality)));
    EXPECT_EQ(webp.at(0).name, "VP8X");
    EXPECT_EQ(webp.at(0).data.at(0), 0x08 | 0x04);  // has Exif, has XMP; no alpha
    EXPECT_EQ(number(webp.at(0).data, 4, 3, true), 19U);
    EXPECT_EQ(number(webp.at(0).data, 7, 3, true), 9U);
    EXPECT_EQ(webp.at(1).name, quality == 100 ? "VP8L" : "VP8 ");
    EXPECT_EQ(data_of(webp, "EXIF"), exif);
    EXPECT_EQ(data_of(webp, "XMP "), xmp);
  }

  const auto png = png_parts(image::encode_image(picture, ImageFormat::kPng, options));
  EXPECT_EQ(data_of(png, "iTXt", kXmpOfPng), xmp);
}

TEST(Metadata, IsReadFromEveryFormatAndLeavesThePixels) {
  const auto picture = test::gradient(33, 17);
  const auto options = options_with("a pot", 100);
  for (const auto format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp}) {
    const auto file = image::encode_image(picture, format, options);
    const auto blocks = read_metadata_blocks(file, "it");
    EXPECT_EQ(blocks.xmp, options.blocks.xmp);
    EXPECT_EQ(blocks.exif, format == ImageFormat::kPng ? "" : options.blocks.exif);
    EXPECT_EQ(decode_image(file, "it").pixels,
              decode_image(image::encode_image(picture, format, {100, {}}), "it").pixels);
    const auto plain = read_metadata_blocks(image::encode_image(picture, format), "plain");
    EXPECT_EQ(plain.exif + plain.xmp, "");
  }
}

TEST(Metadata, ALongExifBlockTakesSeveralSegments) {
  const std::string comment(100000, 'x');
  const auto options = options_with(comment);
  const auto file = image::encode_image(test::gradient(8, 8), ImageFormat::kJpeg, options);
  std::string exif;
  int segments = 0;
  for (const auto& [name, data] : jpeg_parts(file)) {
    if (name != kApp1 || data.rfind(kExif, 0) != 0) continue;
    exif += data.substr(kExif.size());
    ++segments;
  }
  EXPECT_EQ(segments, 4);  // of at most 65527 bytes
  EXPECT_EQ(exif, options.blocks.exif);
  EXPECT_EQ(exif_comment(read_metadata_blocks(file, "it").exif), comment);
}

TEST(Metadata, AnXmpPacketTooLargeForASegmentIsRefused) {
  EncodeOptions options;
  options.blocks.xmp = std::string(65504, 'x');
  const auto picture = test::gradient(8, 8);
  EXPECT_EQ(
      read_metadata_blocks(image::encode_image(picture, ImageFormat::kJpeg, options), "it").xmp,
      options.blocks.xmp);
  options.blocks.xmp += 'x';
  expect_error(ErrorCode::kInvalidInput, {"65505", "65504"}, [&] {
    image::encode_image(picture, ImageFormat::kJpeg, options);
  });
}

TEST(Metadata, TheMarkNamesIptcsTerm) {
  const std::string scheme = "http://cv.iptc.org/newscodes/digitalsourcetype/";
  const auto generated = xmp_with_source(SourceType::kGenerated, "p");
  EXPECT_NE(
      generated.find("Iptc4xmpExt:DigitalSourceType=\"" + scheme + "trainedAlgorithmicMedia\""),
      std::string::npos);
  EXPECT_NE(generated.find("xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\""),
            std::string::npos);
  const auto composite = xmp_with_source(SourceType::kComposite, "p");
  EXPECT_NE(composite.find("\"" + scheme + "compositeWithTrainedAlgorithmicMedia\""),
            std::string::npos);
}

TEST(Metadata, TheMarkIsFoundInEitherForm) {
  EXPECT_EQ(source_in_xmp(xmp_with_source(SourceType::kComposite, "p")),
            "compositeWithTrainedAlgorithmicMedia");
  const std::string scheme = "http://cv.iptc.org/newscodes/digitalsourcetype/";
  const std::string begin = "<x:DigitalSourceType>", end = "</x:DigitalSourceType>";
  EXPECT_EQ(source_in_xmp(begin + scheme + "digitalCapture" + end), "digitalCapture");
  EXPECT_EQ(source_in_xmp(""), "");
  EXPECT_EQ(source_in_xmp(begin + "unknown" + end), "");
  EXPECT_EQ(source_in_xmp(begin), "");
  EXPECT_EQ(source_in_xmp(begin + end + "<y>" + scheme + "digitalCapture</y>"), "");
}

/// An Exif block with this comment, in either byte order.
std::string exif_block(const std::string& comment, bool little_endian) {
  const auto of = [&](uint32_t value, std::size_t size) {
    const auto bytes = test::big_endian(value).substr(4 - size);
    return little_endian ? std::string(bytes.rbegin(), bytes.rend()) : bytes;
  };
  const auto directory = [&](uint32_t tag, uint32_t type, uint32_t count, uint32_t value) {
    return of(1, 2) + of(tag, 2) + of(type, 2) + of(count, 4) + of(value, 4) + of(0, 4);
  };
  return (little_endian ? "II" : "MM") + of(42, 2) + of(8, 4) + directory(0x8769, 4, 1, 26) +
         directory(0x9286, 7, static_cast<uint32_t>(comment.size()), 44) + comment;
}

TEST(ExifComment, ReadsWhatOtherProgramsWrite) {
  const std::string big("\0a\0 \0b", 6), little("a\0 \0b\0", 6), zeros(8, '\0');
  for (const bool little_endian : {false, true}) {
    const auto comment = [&](const std::string& bytes) {
      return exif_comment(exif_block(bytes, little_endian));
    };
    // piexif writes big-endian letters into little-endian blocks too.
    EXPECT_EQ(comment(kUnicode + big), "a b");
    EXPECT_EQ(comment(kUnicode + little), "a b");
    EXPECT_EQ(comment(std::string("ASCII\0\0\0", 8) + "a b"), "a b");
    EXPECT_EQ(comment(zeros + "\xc3\xa9" + zeros), "é");
    EXPECT_EQ(comment(zeros + "\xff"), "\xEF\xBF\xBD");
    EXPECT_EQ(comment(kUnicode + std::string("\0a\xd8\x3c\0b", 6)),
              "a\xEF\xBF\xBD"
              "b");
    EXPECT_EQ(comment(std::string("JIS\0\0\0\0\0", 8) + "a"), std::nullopt);
    EXPECT_EQ(comment("short"), std::nullopt);
    EXPECT_EQ(exif_comment(kExif + exif_block(kUnicode + big, little_endian)), "a b");
  }
}

TEST(ExifComment, DamagedBlocksHaveNone) {
  const auto whole = exif_with_comment("a pot", "p");
  ASSERT_EQ(exif_comment(whole), "a pot");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(exif_comment(std::string_view(whole).substr(0, size)), std::nullopt) << size;
  }
  EXPECT_EQ(exif_comment("not Exif"), std::nullopt);
}

TEST(MetadataBlocks, ATruncatedWebpIsDamaged) {
  const Image picture{16, 16, std::vector<uint8_t>(3 * 16 * 16, 90)};
  EncodeOptions options;
  options.blocks.exif = exif_with_comment("a pot", "p");
  const auto whole = image::encode_image(picture, ImageFormat::kWebp, options);
  EXPECT_EQ(exif_comment(read_metadata_blocks(whole, "a.webp").exif), "a pot");
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{40}}) {
    EXPECT_THROW(read_metadata_blocks(std::string_view(whole).substr(0, size), "a.webp"), Error)
        << size;
  }
}

}  // namespace
}  // namespace glm_image::image
