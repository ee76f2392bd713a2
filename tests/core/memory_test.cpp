#include "core/memory.h"

#include <fstream>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file(path, text);
}

TEST(Memory, IsReadFromTheSystem) {
  EXPECT_GT(available_memory_bytes(), 0);
  // Other programs may take or release memory between the two.
  bool is_more = false;
  for (int tries = 0; tries < 20 && !is_more; ++tries) {
    is_more = usable_memory_bytes() > available_memory_bytes();
  }
  EXPECT_TRUE(is_more);
  EXPECT_GT(peak_resident_bytes(), 1 << 20);
}

TEST(Memory, TheTightestControlGroupCounts) {
  const TemporaryDirectory root;
  const auto groups = root.path() / "sys/fs/cgroup";
  EXPECT_EQ(control_group_available_bytes(root.path()), std::nullopt);

  put(root.path() / "proc/self/cgroup", "1:cpu:/old\n0::/outer/inner\n");
  put(groups / "outer/inner/memory.max", "max\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), std::nullopt);

  put(groups / "outer/memory.max", "8000\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 8000);
  put(groups / "outer/memory.current", "3000\n");
  put(groups / "outer/memory.stat", "anon 900\nfile 2000\nfile_mapped 7\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 8000 - (3000 - 2000));

  put(groups / "outer/inner/memory.max", "500\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 500);
  put(groups / "outer/inner/memory.current", "900\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 0);
}

TEST(Memory, GroupsOfVersion1CountToo) {
  const TemporaryDirectory root;
  const auto groups = root.path() / "sys/fs/cgroup/memory";
  put(root.path() / "proc/self/cgroup", "5:cpu,cpuacct:/\n4:hugetlb,memory:/outer/inner\n0::/\n");
  put(groups / "outer/inner/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), std::nullopt);

  put(groups / "outer/memory.limit_in_bytes", "8000\n");
  put(groups / "outer/memory.usage_in_bytes", "3000\n");
  put(groups / "outer/memory.stat", "cache 5\nrss 900\ntotal_cache 2000\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 8000 - (3000 - 2000));

  put(root.path() / "sys/fs/cgroup/memory.max", "700\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 700);
}

// In a container, the path is the host's, and the container's group is mounted as the topmost.
TEST(Memory, AGroupWhoseFolderIsMissingIsThatOfTheFoldersAbove) {
  const TemporaryDirectory root;
  put(root.path() / "proc/self/cgroup", "4:memory:/docker/0123\n");
  put(root.path() / "sys/fs/cgroup/memory/memory.limit_in_bytes", "700\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 700);
}

TEST(Memory, AGroupOfItsOwnNamespaceIsTheTopmost) {
  const TemporaryDirectory root;
  put(root.path() / "proc/self/cgroup", "0::/\n");
  put(root.path() / "sys/fs/cgroup/memory.max", "700\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 700);
}

}  // namespace
}  // namespace glm_image::test
