// Which hosts only this machine reaches, and which stand for all of its addresses.

#include "core/network_host.h"

#include <vector>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(NetworkHost, NumbersOfTheLoopbackInterface) {
  for (const char* host :
       {"127.0.0.1", "127.1.2.3", "127.1", "::1", "0::1", "::ffff:127.0.0.1", "0x7f.1"}) {
    EXPECT_TRUE(is_loopback_text(host)) << host;
    EXPECT_TRUE(is_loopback_host(host)) << host;
    EXPECT_FALSE(is_any_text(host)) << host;
  }
  for (const char* host :
       {"0.0.0.0", "10.0.0.1", "128.0.0.1", "::ffff:10.0.0.1", "::2", "fe80::1", "::", ""}) {
    EXPECT_FALSE(is_loopback_text(host)) << host;
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(NetworkHost, ATextThatOnlyBeginsLikeANumberIsAName) {
  EXPECT_TRUE(is_loopback_text("localhost"));
  EXPECT_TRUE(is_loopback_text("LocalHost"));
  for (const char* host : {"127.example.org", "127.0.0.1.example.org", "localhost.example.org"}) {
    EXPECT_FALSE(is_loopback_text(host)) << host;
    EXPECT_FALSE(is_any_text(host)) << host;
  }
  // Labels have at most 63 letters, so that no name server is asked.
  EXPECT_FALSE(is_loopback_host("127." + std::string(64, 'a')));
}

TEST(NetworkHost, AllSpellingsOfAllAddresses) {
  for (const char* host :
       {"0.0.0.0", "0", "0.0", "0x0", "00", "::", "0::0", "::0", "::0.0.0.0", "::ffff:0.0.0.0"}) {
    EXPECT_TRUE(is_any_text(host)) << host;
  }
  for (const char* host : {"0.0.0.1", "::1", "*", "", "localhost"}) {
    EXPECT_FALSE(is_any_text(host)) << host;
  }
}

TEST(NetworkHost, ANameIsLocalOnlyIfAllItsAddressesAre) {
  const auto addresses = [](const std::vector<std::string>& numbers) {
    std::vector<AddressList> lists;
    for (const auto& number : numbers) lists.push_back(resolve_host(number, "1", AI_NUMERICHOST));
    return lists;
  };
  const auto are_local = [](std::vector<AddressList>& lists) {
    for (size_t i = 0; i + 1 < lists.size(); ++i) lists[i]->ai_next = lists[i + 1].get();
    const bool result = are_loopback(lists.empty() ? nullptr : lists.front().get());
    for (auto& list : lists) list->ai_next = nullptr;
    return result;
  };
  for (const auto& [numbers, expected] : std::vector<std::pair<std::vector<std::string>, bool>>{
           {{}, false},
           {{"127.0.0.1"}, true},
           {{"127.0.1.1", "::1"}, true},
           {{"127.0.0.1", "192.0.2.1"}, false},
           {{"2001:db8::1", "127.0.0.1"}, false}}) {
    auto lists = addresses(numbers);
    EXPECT_EQ(are_local(lists), expected) << testing::PrintToString(numbers);
  }
}

}  // namespace
}  // namespace glm_image::test
