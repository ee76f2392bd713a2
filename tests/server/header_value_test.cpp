// Header values, compared as HTTP requires.

#include "server/header_value.h"

#include "server/api_refusal.h"
#include "server/picture_answer.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;

TEST(HeaderValue, ParametersMayBeQuotedAndNamesHaveNoCase) {
  const auto parsed =
      parse_header_value(" Text/HTML ;Charset = \"a;\\\"b\" ; Flag; q=0.5 ; EMPTY=;charset2=x");
  EXPECT_EQ(parsed.value, "text/html");
  EXPECT_EQ(parsed.parameter("charset"), "a;\"b");
  EXPECT_EQ(parsed.parameter("q"), "0.5");
  EXPECT_EQ(parsed.parameter("flag"), "");
  EXPECT_EQ(parsed.parameters.size(), 5U);
  EXPECT_EQ(parse_header_value("").value, "");
  expect_refusal(400, "", [] { parse_header_value("a/b; c=\"d"); });
}

TEST(HeaderValue, ListsHaveNoCaseAndNoEmptyElements) {
  EXPECT_EQ(header_tokens(" Keep-Alive , ,TE,"), (std::vector<std::string>{"keep-alive", "te"}));
  EXPECT_TRUE(header_tokens("").empty());
}

TEST(ContentTypes, OfJsonInUtf8) {
  for (const char* type : {"application/json",
                           "Application/Json; charset=UTF-8",
                           "application/json;charset=\"utf-8\"",
                           "APPLICATION/JSON ; Charset=Utf8",
                           "application/json; charset=us-ascii",
                           "application/json; charset=",
                           "application/json; profile=\"a;b\"",
                           "application/json;"}) {
    EXPECT_NO_THROW(require_json(type)) << type;
  }
  for (const char* type : {"",
                           "text/plain",
                           "text/plain; application/json",
                           "application/jsonx",
                           "application/x-www-form-urlencoded",
                           "application/json, text/plain",
                           "application/json; charset=utf-16",
                           "application/json; charset=\"ISO-8859-1\""}) {
    expect_refusal(415, "", [&] { require_json(type); });
  }
}

TEST(ContentEncoding, OnlyIdentity) {
  for (const char* none : {"", "identity", "Identity", "identity, IDENTITY"}) {
    EXPECT_NO_THROW(check_content_encoding(none)) << none;
  }
  for (const char* coding : {"gzip", "identity, br", "deflate"}) {
    expect_refusal(415, "", [&] { check_content_encoding(coding); });
  }
}

TEST(Expectations, OnlyContinue) {
  for (const char* known : {"", "100-continue", "100-Continue"}) {
    EXPECT_NO_THROW(check_expectation(known)) << known;
  }
  for (const char* unknown : {"200-ok", "100-continue, tea"}) {
    expect_refusal(417, "", [&] { check_expectation(unknown); });
  }
}

TEST(AnswerOrigin, IsTheRequestedHostOrTheLocalAddress) {
  EXPECT_EQ(answer_origin("draw.example:8080", "10.0.0.2", 80), "http://draw.example:8080");
  EXPECT_EQ(answer_origin("[::1]:8080", "::1", 80), "http://[::1]:8080");
  for (const char* unusable : {"", "a b", "a/b", "a\"b", "a@b"}) {
    EXPECT_EQ(answer_origin(unusable, "10.0.0.2", 8080), "http://10.0.0.2:8080") << unusable;
  }
  EXPECT_EQ(answer_origin("", "::1", 8080), "http://[::1]:8080");
}

}  // namespace
}  // namespace glm_image::test
