// `glm-image edit`, from a user's point of view.

#include <nlohmann/json.hpp>

#include "cli/program_fixture.h"
#include "image/codec.h"

namespace glm_image::test {
namespace {

class EditProgram : public Program {};

TEST_F(EditProgram, TakesTheSizeOfTheFirstPicture) {
  // 100×70 is not a multiple of 32; the nearest size is used.
  Image picture{100, 70, std::vector<uint8_t>(100 * 70 * 3, 128)};
  image::write_image(path("in.jpg"), picture);
  draw({"-i", path("in.jpg"), "-p", "make it blue", "--steps", "1", "-o", path("out.png")}, "edit");
  const auto edited = image::read_image(path("out.png"));
  EXPECT_EQ(edited.width, 96);
  EXPECT_EQ(edited.height, 64);
  draw({"-i",
        path("in.jpg"),
        "-p",
        "make it blue",
        "--steps",
        "1",
        "--size",
        "128x64",
        "-o",
        path("wide.png")},
       "edit");
  EXPECT_EQ(image::read_image(path("wide.png")).width, 128);

  const auto refused =
      run_program(arguments_of({"--like", path("out.png"), "-o", path("again.png")}));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("edit --image"), std::string::npos) << refused.err;

  image::write_image(path("long.png"), {330, 64, std::vector<uint8_t>(330 * 64 * 3, 10)});
  const auto long_picture =
      run_program(arguments_of({"-i", path("long.png"), "-p", "x", "-o", path("x.png")}, "edit"));
  EXPECT_EQ(long_picture.exit_code, 2);
  EXPECT_NE(long_picture.err.find("330×64"), std::string::npos) << long_picture.err;
}

TEST_F(EditProgram, SaysWhichSizeItChose) {
  image::write_image(path("photo.png"), {130, 100, std::vector<uint8_t>(130 * 100 * 3, 128)});
  const std::vector<std::string> arguments = {
      "-i", path("photo.png"), "-p", "at night", "--steps", "1", "-o", path("out.png")};
  const auto told = draw(arguments, "edit");
  const auto line = "drawing 128x96 pixels: " + path("photo.png") + " has 130x100\n";
  EXPECT_EQ(told.err.rfind(line, 0), 0U) << told.err;
  auto quiet = arguments;
  quiet.insert(quiet.end(), {"--quiet", "--json"});
  const auto result = draw(quiet, "edit");
  EXPECT_EQ(result.err, "");
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["pictures"][0]["width"], 128);
  EXPECT_EQ(json["pictures"][0]["height"], 96);
}

TEST_F(EditProgram, WarnsOfMovingPictures) {
  const auto moving = (data_dir().parent_path() / "image" / "data" / "animated_3_frames.webp");
  std::vector<std::string> arguments = {
      "-i", moving.string(), "-p", "at night", "--steps", "1", "-o", path("out.png"), "--json"};
  const auto result = draw(arguments, "edit");
  const auto warning =
      moving.string() + ": is an animated WebP file (frames: 3); only its first frame is used";
  EXPECT_EQ(result.err.rfind("warning: " + warning + "\n", 0), 0U) << result.err;
  // A second warning says that the toy checkpoint was trained on larger pictures.
  EXPECT_EQ(nlohmann::json::parse(result.out)["warnings"].at(0), warning);
  arguments.push_back("--quiet");
  EXPECT_EQ(draw(arguments, "edit").err, "");
}

}  // namespace
}  // namespace glm_image::test
