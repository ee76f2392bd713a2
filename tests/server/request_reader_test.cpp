// Requests from the bytes of a connection, which arrive in pieces of any size.

#include "server/request_reader.h"

#include <algorithm>

#include "core/text_format.h"
#include "server/api_refusal.h"

namespace glm_image::test {
namespace {

using namespace server;

struct Seen {
  RequestHead head;
  std::string body;
};

/// All requests in `text`, given to the reader `piece` bytes at a time.
std::vector<Seen> requests_in(std::string_view text,
                              std::size_t piece,
                              int64_t max_bytes = 1 << 20,
                              int64_t memory_bytes = 1 << 20) {
  const auto memory = std::make_shared<BodyMemory>(memory_bytes);
  RequestReader reader(/*max_header_bytes=*/4096);
  beast::flat_buffer bytes;
  std::vector<Seen> seen;
  bool in_body = false;
  while (!text.empty()) {
    const auto count = std::min(piece, text.size());
    std::copy_n(text.data(), count, static_cast<char*>(bytes.prepare(count).data()));
    bytes.commit(count);
    text.remove_prefix(count);
    while (in_body || reader.read_head(bytes)) {
      if (!in_body) {
        seen.push_back({reader.head(), ""});
        in_body = seen.back().head.has_body();
        if (in_body) reader.begin_body(memory, max_bytes);
      }
      if (in_body) {
        if (!reader.read_body(bytes)) break;
        seen.back().body = reader.take_body().bytes();
        in_body = false;
      }
      reader.reset();
    }
  }
  return seen;
}

const std::string kChunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(RequestReader, TakesPipelinedRequestsInPiecesOfAnySize) {
  const auto text =
      "\r\nGET /a%20b?c HTTP/1.1\r\nHost: A.example:80\r\nX: 1\r\nx: 2\r\n\r\n"
      "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello" +
      kChunked + "3\r\nhel\r\n002 ;a=\"b\"\r\nlo\r\n0\r\nX: y\r\n\r\n" +
      "GET http://b.example/x HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n";
  for (std::size_t piece = 1; piece < text.size(); piece += piece < 20 ? 1 : 17) {
    const auto seen = requests_in(text, piece);
    ASSERT_EQ(seen.size(), 4U) << piece;
    EXPECT_EQ(seen[0].head.path, "/a b");
    EXPECT_EQ(seen[0].head.authority.text(), "a.example:80");
    EXPECT_EQ(seen[0].head.field("X"), "1, 2");
    EXPECT_TRUE(seen[0].head.keeps_alive);
    EXPECT_EQ(seen[1].head.version, 10);
    EXPECT_FALSE(seen[1].head.keeps_alive);
    EXPECT_EQ(seen[1].body, "hello");
    EXPECT_EQ(seen[2].body, "hello") << piece;
    EXPECT_EQ(seen[3].head.authority.text(), "b.example");
    EXPECT_EQ(seen[3].head.path, "/x");
    EXPECT_FALSE(seen[3].head.keeps_alive);
  }
}

TEST(RequestReader, RefusesChunksThatOthersMayReadDifferently) {
  for (const std::string chunks : {"0x5\r\nhello\r\n0\r\n\r\n",
                                   "+5\r\nhello\r\n0\r\n\r\n",
                                   " 5\r\nhello\r\n0\r\n\r\n",
                                   "5 \r\nhello\r\n0\r\n\r\n",
                                   "5\t\r\nhello\r\n0\r\n\r\n",
                                   "5\nhello\r\n0\r\n\r\n",
                                   "5\rhello\r\n0\r\n\r\n",
                                   "-5\r\nhello\r\n0\r\n\r\n",
                                   "g\r\nhello\r\n0\r\n\r\n",
                                   "\r\nhello\r\n0\r\n\r\n",
                                   ";a\r\nhello\r\n0\r\n\r\n",
                                   "10000000000000005\r\nhello\r\n0\r\n\r\n",
                                   "5\r\nhelloxx0\r\n\r\n",
                                   "5\r\nhello\n0\r\n\r\n",
                                   "5;a\x01\r\nhello\r\n0\r\n\r\n",
                                   "5\r\nhello\r\n0\r\nX: y\n\r\n",
                                   "5\r\nhello\r\n0\r\nX: y\r\n folded\r\n\r\n",
                                   "5\r\nhello\r\n0\r\nno colon\r\n\r\n"}) {
    for (const std::size_t piece : {1, 3, 1000}) {
      expect_refusal(400, "", [&] { requests_in(kChunked + chunks, piece); });
      if (testing::Test::HasFailure()) FAIL() << chunks << " in pieces of " << piece;
    }
  }
}

TEST(RequestReader, BoundsBodiesAndTheirFrames) {
  const std::string text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  EXPECT_EQ(requests_in(text, 1000, /*max_bytes=*/5).at(0).body, "hello");
  expect_refusal(413, "", [&] { requests_in(text, 1000, /*max_bytes=*/4); });
  expect_refusal(413, "", [&] { requests_in(kChunked + "5\r\nhello\r\n", 1000, 4); });
  expect_refusal(503, "", [&] { requests_in(text, 1000, 5, /*memory_bytes=*/4); });
  const std::string extension = "1;" + std::string(5000, 'a');
  expect_refusal(400, "", [&] { requests_in(kChunked + extension, 1000); });
  const std::string trailer = "0\r\nX: " + std::string(5000, 'a');
  expect_refusal(400, "", [&] { requests_in(kChunked + trailer, 1000); });
  std::string frames;
  for (int i = 0; i < 20000; ++i) frames += "000001;a=b\r\nx\r\n";
  expect_refusal(413, "", [&] { requests_in(kChunked + frames, 1000, /*max_bytes=*/20000); });
}

TEST(RequestReader, RefusesAMethodLongerThanAnyThatThereIs) {
  const std::string rest = " / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(requests_in("MKREDIRECTREF" + rest, 1000).at(0).head.method, "MKREDIRECTREF");
  expect_refusal(501, "", [&] { requests_in(std::string(2000, 'A') + rest, 1000); });
}

TEST(RequestReader, RefusesAnInvalidHost) {
  for (const char* host : {"localhost:80@evil.example", "localhost:x", ":80", "", "a b", "[::1"}) {
    const auto text = concat("GET / HTTP/1.1\r\nHost: ", host, "\r\n\r\n");
    expect_refusal(400, "", [&] { requests_in(text, 1000); });
    if (*host == '\0') continue;
    const auto absolute = concat("GET http://a.example/ HTTP/1.1\r\nHost: ", host, "\r\n\r\n");
    expect_refusal(400, "", [&] { requests_in(absolute, 1000); });
  }
  expect_refusal(400, "", [] { requests_in("GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n", 1000); });
}

}  // namespace
}  // namespace glm_image::test
