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

// Both versions on one system, version 1 with a mount for each set of controllers.
TEST(Memory, GroupsAreReadWhereTheyAreMounted) {
  const TemporaryDirectory root;
  put(root.path() / "proc/self/mountinfo",
      "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /groups/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /groups/memory rw,relatime shared:12 master:3 - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /groups/unified rw,relatime - cgroup2 cgroup2 rw\n");
  put(root.path() / "proc/self/cgroup", "4:memory:/outer\n1:cpu:/outer\n0::/inner\n");
  put(root.path() / "groups/cpu/outer/memory.limit_in_bytes", "10\n");
  put(root.path() / "sys/fs/cgroup/memory/outer/memory.limit_in_bytes", "20\n");
  put(root.path() / "sys/fs/cgroup/inner/memory.max", "30\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), std::nullopt);
  put(root.path() / "groups/memory/outer/memory.limit_in_bytes", "8000\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 8000);
  put(root.path() / "groups/unified/inner/memory.max", "7000\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 7000);
}

// In a container, whose mount shows only its group and those below it.
TEST(Memory, AGroupIsFoundBelowTheOneThatIsMounted) {
  const TemporaryDirectory root;
  put(root.path() / "proc/self/mountinfo",
      "35 31 0:32 /docker/0123 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  put(root.path() / "proc/self/cgroup", "4:memory:/docker/0123/job\n");
  put(root.path() / "sys/fs/cgroup/memory/memory.limit_in_bytes", "8000\n");
  put(root.path() / "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "700\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 700);
  put(root.path() / "proc/self/cgroup", "4:memory:/docker/0123\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 8000);
  // Another group, whose name begins in the same way.
  put(root.path() / "proc/self/cgroup", "4:memory:/docker/01234/job\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 8000);
}

TEST(Memory, AGroupOfItsOwnNamespaceIsTheTopmost) {
  const TemporaryDirectory root;
  put(root.path() / "proc/self/cgroup", "0::/\n");
  put(root.path() / "sys/fs/cgroup/memory.max", "700\n");
  EXPECT_EQ(control_group_available_bytes(root.path()), 700);
}

}  // namespace
}  // namespace glm_image::test
