// What the files of pictures say about themselves, as a user sees it.

#include <nlohmann/json.hpp>

#include "cli/program_fixture.h"
#include "image/codec.h"

namespace glm_image::test {
namespace {

class MetadataProgram : public Program {};

TEST_F(MetadataProgram, PicturesOfEveryFormatAreMadeAgain) {
  for (const char* name : {"a.jpg", "a.webp"}) {
    draw({"-p", "« ẽ »", "--size", "64x64", "--steps", "2", "--seed", "3", "-o", path(name)});
    const auto again = std::string("again-") + name;
    draw({"--like", path(name), "-o", path(again)});
    EXPECT_EQ(read_file(path(again)), read_file(path(name)));
  }
}

TEST_F(MetadataProgram, PicturesAreMarkedAsGeneratedWithoutTheirParametersToo) {
  image::write_image(path("in.png"), {64, 64, std::vector<uint8_t>(64 * 64 * 3, 128)});
  const auto xmp = [&](const char* name) {
    return image::read_metadata_blocks(read_file(path(name)), name).xmp;
  };
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    draw({"-p", "a secret", "--size", "64x64", "--steps", "1", "--no-metadata", "-o", path(name)});
    EXPECT_EQ(read_file(path(name)).find("secret"), std::string::npos);
    EXPECT_EQ(image::read_metadata_blocks(read_file(path(name)), name).exif, "");
    EXPECT_NE(xmp(name).find("/trainedAlgorithmicMedia\""), std::string::npos);
    const auto refused = run_program(arguments_of({"--like", path(name), "-o", path("b.png")}));
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.err.find("does not say how it was made"), std::string::npos) << refused.err;
  }
  draw({"-i", path("in.png"), "-p", "at night", "--steps", "1", "-o", path("edited.png")}, "edit");
  EXPECT_NE(xmp("edited.png").find("/compositeWithTrainedAlgorithmicMedia\""), std::string::npos);
  draw({"-p", "a pot", "--size", "64x64", "--draft", "-o", path("drafts.png")});
  EXPECT_NE(xmp("drafts.png").find("/trainedAlgorithmicMedia\""), std::string::npos);
}

// -n: the stored value. A warning of a damaged block would be a second line.
TEST_F(MetadataProgram, ExiftoolReadsTheMarkInEveryFormat) {
  if (run_program({"/bin/sh", "-c", "command -v exiftool"}).exit_code != 0) {
    GTEST_SKIP() << "exiftool is not installed (package libimage-exiftool-perl)";
  }
  const std::string scheme = "http://cv.iptc.org/newscodes/digitalsourcetype/";
  const auto source = [&](const char* name) {
    const auto told = run_program({"/usr/bin/env",
                                   "exiftool",
                                   "-n",
                                   "-s3",
                                   "-XMP-iptcExt:DigitalSourceType",
                                   "-Warning",
                                   "-Error",
                                   path(name)});
    EXPECT_EQ(told.exit_code, 0) << told.err;
    return told.out;
  };
  for (const char* name : {"a.png", "a.jpg", "a.webp"}) {
    draw({"-p", "« ẽ »", "--size", "64x64", "--steps", "1", "-o", path(name)});
    EXPECT_EQ(source(name), scheme + "trainedAlgorithmicMedia\n") << name;
  }
  for (const char* name : {"e.png", "e.jpg", "e.webp"}) {
    draw({"-i", path("a.png"), "-p", "at night", "--steps", "1", "-o", path(name)}, "edit");
    EXPECT_EQ(source(name), scheme + "compositeWithTrainedAlgorithmicMedia\n") << name;
  }
}

TEST_F(MetadataProgram, MetadataPrintsWhatAPictureSays) {
  draw({"-p", "a pot", "--size", "64x64", "--steps", "1", "--seed", "5", "-o", path("a.webp")});
  image::write_image(path("plain.jpg"), {64, 64, std::vector<uint8_t>(64 * 64 * 3, 128)});
  const auto text =
      run_program({glm_image_program(), "metadata", path("a.webp"), path("plain.jpg")});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  const auto begin = path("a.webp") + "\nsource: trainedAlgorithmicMedia\na pot\nSteps: 1, ";
  EXPECT_EQ(text.out.rfind(begin, 0), 0U) << text.out;
  EXPECT_NE(text.out.find(path("plain.jpg") + "\nsource: not stated\nno parameters\n"),
            std::string::npos)
      << text.out;
  EXPECT_EQ(text.out.find("glm-image:"), std::string::npos) << text.out;
  const auto json = run_program({glm_image_program(), "metadata", "--json", path("a.webp")});
  EXPECT_EQ(nlohmann::json::parse(json.out)["recipe"]["seed"], 5);
  write_file(path("text.png"), "no picture");
  EXPECT_EQ(run_program({glm_image_program(), "metadata", path("text.png")}).exit_code, 2);
}

}  // namespace
}  // namespace glm_image::test
