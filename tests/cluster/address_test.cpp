#include "cluster/address.h"

#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::parse_address;

TEST(Address, HostAndPort) {
  const auto name = parse_address("drawer.example:4600", "--cluster");
  EXPECT_EQ(name.host, "drawer.example");
  EXPECT_EQ(name.port, 4600);
  EXPECT_EQ(name.text(), "drawer.example:4600");
  const auto ipv6 = parse_address("[fe80::1]:1", "--cluster");
  EXPECT_EQ(ipv6.host, "fe80::1");
  EXPECT_EQ(ipv6.text(), "[fe80::1]:1");
}

TEST(Address, OnlyThisMachineReachesTheLoopback) {
  for (const auto* text : {"127.0.0.1:1", "127.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"}) {
    EXPECT_TRUE(parse_address(text, "--cluster").is_loopback()) << text;
  }
  for (const auto* text : {"192.168.1.1:1", "[fe80::1]:1", "[::ffff:192.168.1.1]:1"}) {
    EXPECT_FALSE(parse_address(text, "--cluster").is_loopback()) << text;
  }
  // A name that begins like a number, with a label of 64 letters, which has no address.
  const auto name = "127." + std::string(64, 'a') + ":1";
  EXPECT_FALSE(parse_address(name, "--cluster").is_loopback());
}

TEST(Address, WhatIsNoAddressIsRefusedWithTheOption) {
  for (const auto* text : {"",
                           "host",
                           "host:",
                           ":4600",
                           "host:0",
                           "host:65536",
                           "host:4x",
                           "host:-1",
                           "fe80::1:4600",
                           "0.0.0.0:4600",
                           "0:4600",
                           "0.0:4600",
                           "[::]:4600",
                           "[::0]:4600",
                           "[::ffff:0.0.0.0]:4600",
                           "*:4600"}) {
    SCOPED_TRACE(text);
    expect_error(ErrorCode::kInvalidInput,
                 {"--join must be HOST:PORT", std::string("found '") + text},
                 [&] { parse_address(text, "--join"); });
  }
}

}  // namespace
}  // namespace glm_image::test
