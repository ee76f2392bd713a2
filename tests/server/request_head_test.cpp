// The syntax of requests, byte by byte.

#include "server/request_head.h"

#include "server/api_error.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
int status_of(const std::string& fields, const std::string& line = "POST / HTTP/1.1") {
  try {
    check_head(line + "\r\n" + fields + "\r\n");
    return 200;
  } catch (const ApiError& error) {
    return error.status();
  }
}

TEST(RequestHead, EndsAtItsEmptyLineInPiecesOfAnySize) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  HeadScanner scanner;
  for (size_t length = 0; length < head.size(); ++length) {
    EXPECT_EQ(scanner.scan(head.substr(0, length)), HeadScanner::State::kIncomplete) << length;
  }
  EXPECT_EQ(scanner.scan(head + "GET"), HeadScanner::State::kComplete);
  EXPECT_EQ(scanner.size(), head.size());
}

TEST(RequestHead, RefusesOtherLineEnds) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\n"),
                                   std::string("GET / HTTP/1.1\r\nA: b\rC: d"),
                                   std::string("GET / HTTP/1.1\r\nA: b\r\r\n"),
                                   std::string("GET / HTTP/1.1\r\nA: \0b", 21)}) {
    EXPECT_EQ(HeadScanner().scan(bytes), HeadScanner::State::kMalformed) << bytes;
  }
}

TEST(RequestHead, FollowsTheGrammar) {
  EXPECT_EQ(status_of("Host: a\r\nX-Y_1:\t b c \r\nEmpty:\r\n"), 200);
  EXPECT_EQ(status_of("", "GET / HTTP/1.0"), 200);
  for (const char* fields : {"",
                             "Host: a\r\nHost: a\r\n",
                             "Host: a\r\nX : b\r\n",
                             "Host: a\r\nX\t: b\r\n",
                             "Host: a\r\n folded\r\n",
                             "Host: a\r\n\tfolded\r\n",
                             "Host: a\r\nno colon\r\n",
                             "Host: a\r\n: b\r\n",
                             "Host: a\r\nX(: b\r\n",
                             "Host: a\r\nX: \x01\r\n",
                             "Host: a\r\nX: \x7f\r\n"}) {
    EXPECT_EQ(status_of(fields), 400) << fields;
  }
  for (const char* line : {"GET",
                           "GET /",
                           "GET / ",
                           " GET / HTTP/1.1",
                           "GET  / HTTP/1.1",
                           "GET / x HTTP/1.1",
                           "GET / HTTP/1.1 ",
                           "GET / http/1.1",
                           "GET / HTTP/11",
                           "G(T / HTTP/1.1",
                           "GET /\t HTTP/1.1",
                           "GET /\xc3\xa9 HTTP/1.1"}) {
    EXPECT_EQ(status_of("Host: a\r\n", line), 400) << line;
  }
  EXPECT_EQ(status_of("Host: a\r\n", "GET / HTTP/2.0"), 505);
  EXPECT_EQ(status_of("Host: a\r\n", "GET /" + std::string(9000, 'x') + " HTTP/1.1"), 414);
}

TEST(RequestHead, BoundsTheNumberOfFields) {
  const auto fields = [](int count) {
    std::string text = "Host: a\r\n";
    for (int i = 1; i < count; ++i) text += "X:\r\n";
    return text;
  };
  EXPECT_EQ(status_of(fields(128)), 200);
  EXPECT_EQ(status_of(fields(129)), 400);
}

TEST(RequestHead, RefusesAmbiguousBodyLengths) {
  const std::string host = "Host: a\r\n";
  EXPECT_EQ(status_of(host + "Content-Length: 5\r\n"), 200);
  EXPECT_EQ(status_of(host + "CONTENT-length:\t5 \r\n"), 200);
  EXPECT_EQ(status_of(host + "Transfer-Encoding: Chunked\r\n"), 200);
  for (const char* fields : {"Content-Length:\r\n",
                             "Content-Length: -1\r\n",
                             "Content-Length: +1\r\n",
                             "Content-Length: 0x5\r\n",
                             "Content-Length: 5, 5\r\n",
                             "Content-Length: 5 5\r\n",
                             "Content-Length: 9999999999999999999\r\n",
                             "Content-Length: 5\r\nContent-Length: 5\r\n",
                             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: chunked, chunked\r\n",
                             "Transfer-Encoding: identity\r\n",
                             "Transfer-Encoding:\r\n"}) {
    EXPECT_EQ(status_of(host + fields), 400) << fields;
  }
  EXPECT_EQ(status_of("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0"), 400);
}

}  // namespace
}  // namespace glm_image::test
