// The parts of a form, and its boundary.

#include "server/multipart.h"

#include "server/api_refusal.h"
#include "server/multipart_form.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;

TEST(Multipart, ParsesParts) {
  const auto body =
      form({{"name=\"prompt\"", "a\r\nb"},
            {"name=\"image[]\"; filename=\"../../etc/passwd\"", std::string("\0--b\r\n", 6)},
            {"name=plain", ""},
            {"name=\"q\\\"uote\"", "x--b"}});
  const auto parts = parse_multipart(body, "b");
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_EQ(parts[0].name, "prompt");
  EXPECT_EQ(parts[0].content, "a\r\nb");
  EXPECT_FALSE(parts[0].is_file);
  EXPECT_EQ(parts[1].content, std::string("\0--b\r\n", 6));
  EXPECT_TRUE(parts[1].is_file);
  EXPECT_EQ(parts[2].content, "");
  EXPECT_EQ(parts[3].name, "q\"uote");
  EXPECT_EQ(parts[3].content, "x--b");
}

TEST(Multipart, IgnoresCaseAndKeepsContentUnchanged) {
  const std::string head = "--b\r\ncontent-DISPOSITION: Form-Data; Name=\"prompt\"\r\n";
  const auto read_one = [&](const std::string& more) {
    return parse_multipart(head + more + "\r\nx\r\n--b--", "b").at(0);
  };
  EXPECT_EQ(read_one("CONTENT-type: Text/Plain; Charset=\"UTF-8\"\r\n").name, "prompt");
  for (const char* plain : {"8bit", "Binary", "7BIT"}) {
    const auto part = read_one("Content-Transfer-Encoding: " + std::string(plain) + "\r\n");
    EXPECT_EQ(part.content, "x");
  }
  expect_refusal(400, "", [&] { read_one("Content-Transfer-Encoding: Base64\r\n"); });
}

TEST(Multipart, RecognisesEmptyFields) {
  const auto parts = parse_multipart(form({{"name=a; filename=\"\"", ""},
                                           {"name=a; filename=\"x.png\"", ""},
                                           {"name=a; filename=\"\"", "bytes"},
                                           {"name=a", ""}}),
                                     "b");
  EXPECT_TRUE(parts.at(0).is_left_empty());
  EXPECT_FALSE(parts.at(1).is_left_empty());
  EXPECT_FALSE(parts.at(2).is_left_empty());
  EXPECT_TRUE(parts.at(3).is_left_empty());
}

TEST(Multipart, EveryTruncationIsRefusedAndNothingElse) {
  const auto body = form({{"name=\"prompt\"", "hello"}, {"name=\"n\"", "1"}});
  // The line break after the last boundary may be missing.
  for (size_t length = 0; length + 2 < body.size(); ++length) {
    expect_refusal(400, "", [&] { parse_multipart(body.substr(0, length), "b"); });
  }
  EXPECT_EQ(parse_multipart(body.substr(0, body.size() - 2), "b").size(), 2U);
}

TEST(Multipart, RefusesHostileBodies) {
  expect_refusal(400, "", [] { parse_multipart("no boundary here", "b"); });
  expect_refusal(400, "", [] { parse_multipart("--b\r\n\r\nno name\r\n--b--", "b"); });
  expect_refusal(400, "", [] { parse_multipart("--b\r\nX-Nothing\r\n\r\nx\r\n--b--", "b"); });
  expect_refusal(400, "", [] {
    parse_multipart(form({{"name=\"" + std::string(5000, 'x') + "\"", ""}}), "b");
  });
  const std::vector<std::pair<std::string, std::string>> many(65, {"name=x", ""});
  const auto body = form(many);
  expect_refusal(400, "", [&] { parse_multipart(body, "b"); });
}

TEST(Multipart, FindsTheBoundary) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a b\""), "a b");
  EXPECT_EQ(multipart_boundary("multipart/form-data; flag; BOUNDARY=abc;"), "abc");
  expect_refusal(415, "", [] { multipart_boundary("application/json"); });
  expect_refusal(
      415, "", [] { multipart_boundary("multipart/form-data; charset=latin1; boundary=b"); });
  expect_refusal(400, "", [] { multipart_boundary("multipart/form-data"); });
  expect_refusal(400, "", [] { multipart_boundary("multipart/form-data; boundary="); });
  expect_refusal(
      400, "", [] { multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'x')); });
}

}  // namespace
}  // namespace glm_image::test
