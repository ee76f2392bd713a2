// Which hosts and origins may use the server.

#include "server/access.h"

#include <tuple>

#include "core/error.h"
#include "server/api_error.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;

TEST(Authority, IsAHostAndAPort) {
  const auto text = [](const char* given) {
    const auto authority = parse_authority(given);
    return authority ? authority->text() : "none";
  };
  EXPECT_EQ(text("LocalHost:80"), "localhost:80");
  EXPECT_EQ(text("a.example"), "a.example");
  EXPECT_EQ(text("a.example:"), "a.example");
  EXPECT_EQ(text("[::1]"), "[::1]");
  EXPECT_EQ(text("[::FFFF:127.0.0.1]:8080"), "[::ffff:127.0.0.1]:8080");
  EXPECT_EQ(text("[0:0:0:0:0:0:0:1]"), "[::1]");
  EXPECT_EQ(text("[2001:DB8:0::0:1]:0080"), "[2001:db8::1]:80");
  EXPECT_EQ(text("a.example:00"), "a.example:0");
  for (const char* wrong : {"",
                            ":80",
                            "localhost:x",
                            "localhost:80@evil.example",
                            "a@localhost",
                            "localhost:65536",
                            "localhost:+1",
                            "localhost:-1",
                            "localhost:80:80",
                            "::1",
                            "[::1",
                            "[::1]x",
                            "[localhost]",
                            "[fe80::1%25lo]",
                            "a b",
                            "a/b",
                            "%zz",
                            "%4"}) {
    EXPECT_EQ(text(wrong), "none") << wrong;
  }
}

/// The status of the refusal; 0 if the request is allowed.
int status_of(const RequestHead& head, const Access::Options& options) {
  Exchange exchange(head, nullptr);
  try {
    Access(options).check(exchange);
    return 0;
  } catch (const ApiError& error) {
    return error.status();
  }
}

int refusal(const std::vector<std::pair<std::string, std::string>>& fields,
            const std::string& method = "POST",
            const Access::Options& options = {}) {
  RequestHead head;
  head.method = method;
  head.path = "/health";
  head.fields = fields;
  head.authority = *parse_authority("localhost:8080");
  return status_of(head, options);
}

/// The same for a page of `origin` that addresses the server as `host`.
int page_refusal(const std::string& origin,
                 const std::string& host,
                 bool is_secure = false,
                 Access::Options options = {}) {
  RequestHead head;
  head.method = "POST";
  head.path = "/health";
  head.fields = {{"Origin", origin}};
  head.authority = *parse_authority(host);
  head.is_secure = is_secure;
  options.only_local_hosts = false;
  return status_of(head, options);
}

TEST(Access, AMissingPortIsTheDefaultOfTheScheme) {
  for (const auto& [origin, host] : std::vector<std::pair<const char*, const char*>>{
           {"http://example.org", "example.org"},
           {"http://example.org", "example.org:80"},
           {"http://example.org:80", "example.org"},
           {"http://example.org:80", "example.org:"},
           {"http://example.org:0080", "example.org:80"},
           {"http://EXAMPLE.org", "Example.ORG:80"},
           {"HTTP://example.org", "example.org:80"},
           {"https://example.org", "example.org:443"},
           {"https://example.org:443", "example.org"},
           {"http://[::1]", "[0:0:0:0:0:0:0:1]:80"},
           {"http://[2001:DB8::1]:8080", "[2001:db8:0:0::1]:8080"}}) {
    EXPECT_EQ(page_refusal(origin, host), 0) << origin << ' ' << host;
  }
  for (const auto& [origin, host] : std::vector<std::pair<const char*, const char*>>{
           {"http://example.org", "example.org:443"},
           {"https://example.org", "example.org:80"},
           {"http://example.org:8080", "example.org"},
           {"http://example.org", "example.org:8080"},
           {"http://example.org", "sub.example.org"},
           {"http://example.org.", "example.org"},
           {"http://example.org/", "example.org"},
           {"http://example.org/x", "example.org"},
           {"http://user@example.org", "example.org"},
           {"http://[::1]", "[::2]"},
           {"http://::1", "[::1]"},
           {"chrome-extension://localhost", "localhost"},
           {"file://localhost", "localhost"},
           {"capacitor://localhost", "localhost"},
           {"example.org", "example.org"},
           {"://example.org", "example.org"},
           {"null", "null"}}) {
    EXPECT_EQ(page_refusal(origin, host), 403) << origin << ' ' << host;
  }
  // With TLS the server knows its own scheme.
  EXPECT_EQ(page_refusal("https://example.org", "example.org", true), 0);
  EXPECT_EQ(page_refusal("https://example.org:443", "example.org", true), 0);
  EXPECT_EQ(page_refusal("https://example.org", "example.org:443", true), 0);
  EXPECT_EQ(page_refusal("http://example.org", "example.org", true), 403);
  EXPECT_EQ(page_refusal("http://example.org:443", "example.org:443", true), 403);
}

TEST(Access, AllowedOriginsAndThePublicUrlHaveDefaultPortsToo) {
  Access::Options options;
  options.allowed_origins = {"https://page.example:443", "http://[::1]:80"};
  EXPECT_EQ(page_refusal("https://page.example", "other", false, options), 0);
  EXPECT_EQ(page_refusal("https://PAGE.example", "other", false, options), 0);
  EXPECT_EQ(page_refusal("http://[0::1]", "other", false, options), 0);
  EXPECT_EQ(page_refusal("http://page.example", "other", false, options), 403);
  EXPECT_EQ(page_refusal("https://page.example:8443", "other", false, options), 403);
  Access::Options published;
  published.public_url = "https://draw.example:443";
  EXPECT_EQ(page_refusal("https://draw.example", "127.0.0.1:8080", false, published), 0);
  EXPECT_EQ(page_refusal("http://draw.example", "127.0.0.1:8080", false, published), 403);
  RequestHead head;
  head.method = "GET";
  head.path = "/health";
  for (const char* host : {"draw.example", "draw.example:443", "DRAW.example"}) {
    head.authority = *parse_authority(host);
    EXPECT_EQ(status_of(head, published), 0) << host;
  }
  head.authority = *parse_authority("draw.example:80");
  EXPECT_EQ(status_of(head, published), 403);
}

TEST(Access, PicturesAreReadWithoutAKeyByGetAndHead) {
  Access::Options options;
  const TemporaryDirectory folder;
  write_file(folder.path() / "key", "0123456789abcdef");
  options.key = ApiKey::load(folder.path() / "key");
  RequestHead head;
  head.authority = *parse_authority("localhost:8080");
  for (const auto& [method, path, status] :
       std::vector<std::tuple<const char*, const char*, int>>{{"GET", "/v1/images/x", 0},
                                                              {"HEAD", "/v1/images/x", 0},
                                                              {"POST", "/v1/images/x", 401},
                                                              {"HEAD", "/v1/models", 401},
                                                              {"GET", "/v1/models", 401}}) {
    head.method = method;
    head.path = path;
    EXPECT_EQ(status_of(head, options), status) << method << ' ' << path;
  }
}

TEST(Access, AServerOfThisMachineAnswersToLocalHostsAndItsOwn) {
  Access::Options options;
  options.own_host = "Box.home";
  RequestHead head;
  head.method = "GET";
  head.path = "/health";
  for (const auto& [host, status] :
       std::vector<std::pair<const char*, int>>{{"localhost:8080", 0},
                                                {"127.0.0.1", 0},
                                                {"[::1]:8080", 0},
                                                {"[::ffff:127.0.0.1]", 0},
                                                {"box.home:8080", 0},
                                                {"other.home", 403},
                                                {"127.evil.example", 403},
                                                {"127.0.0.1.evil.example", 403},
                                                {"10.0.0.1", 403},
                                                {"0.0.0.0", 403}}) {
    head.authority = *parse_authority(host);
    EXPECT_EQ(status_of(head, options), status) << host;
  }
}

TEST(Access, FetchMetadataReplacesAMissingOrigin) {
  EXPECT_EQ(refusal({}), 0);
  EXPECT_EQ(refusal({{"Sec-Fetch-Site", "same-origin"}}), 0);
  EXPECT_EQ(refusal({{"Sec-Fetch-Site", "none"}}), 0);
  for (const char* site : {"cross-site", "same-site", "Cross-Site", "unknown"}) {
    EXPECT_EQ(refusal({{"Sec-Fetch-Site", site}}), 403) << site;
    EXPECT_EQ(refusal({{"sec-fetch-site", site}}), 403) << site;
    EXPECT_EQ(refusal({{"Sec-Fetch-Site", site}}, "GET"), 0) << site;
  }
  EXPECT_EQ(refusal({{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(refusal({{"Origin", "http://localhost:8080"}, {"Sec-Fetch-Site", "same-origin"}}), 0);
  EXPECT_EQ(refusal({{"Origin", "null"}}), 403);
  EXPECT_EQ(refusal({{"Origin", "http://localhost"}}), 403) << "another port, another site";
  Access::Options options;
  options.allowed_origins = {"https://page.example"};
  const std::pair<std::string, std::string> site("Sec-Fetch-Site", "cross-site");
  EXPECT_EQ(refusal({{"Origin", "https://page.example"}, site}, "POST", options), 0);
}

TEST(PublicUrl, IsAnAddressWithoutAPath) {
  EXPECT_EQ(checked_public_url("https://draw.example/"), "https://draw.example");
  EXPECT_EQ(checked_public_url("http://draw.example:8443"), "http://draw.example:8443");
  for (const char* url :
       {"draw.example", "https://", "https://draw.example/x", "ftp://draw.example"}) {
    EXPECT_THROW(checked_public_url(url), Error) << url;
  }
}

}  // namespace
}  // namespace glm_image::test
