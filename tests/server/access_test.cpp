// Who counts as this machine.

#include "server/access.h"

#include "core/error.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;

TEST(Loopback, IsNoNameThatOnlyLooksLikeIt) {
  for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host :
       {"127.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "10.0.0.1", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
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
