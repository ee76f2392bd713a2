// Texts of others in messages.

#include "io/shown.h"

#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(Printable, EscapesWhatSteersATerminal) {
  EXPECT_EQ(io::printable("« École » 学校\\"), "« École » 学校\\");
  EXPECT_EQ(io::printable("a\x1b[31mb\x7f\r"), "a\\x1B[31mb\\x7F\\x0D");
  // U+009B, the control sequence introducer of one character.
  EXPECT_EQ(io::printable("è\xC2\x9B[J"), "è\\x9B[J");
  EXPECT_EQ(io::printable("a\nb\tc"), "a\\x0Ab\\x09c");
  EXPECT_EQ(io::printable("a\nb\tc\x1b", /*keep_lines=*/true), "a\nb\tc\\x1B");
  EXPECT_EQ(io::printable("ends \xC2"), "ends \xC2");
}

}  // namespace
}  // namespace glm_image::test
