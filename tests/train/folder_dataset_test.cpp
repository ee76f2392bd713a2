// Folders of pictures of several sizes: what is used and what not, their sizes, their order.

#include "train/data/folder_dataset.h"

#include <map>
#include <set>

#include "core/error.h"
#include "core/text_format.h"
#include "train/data/bucket_sampler.h"
#include "train/data/data_report.h"
#include "train/picture_folder.h"

namespace glm_image::test {
namespace {

using train::AspectBuckets;
using train::BucketSampler;
using train::FolderDataset;

TEST(FolderDataset, ReadsPicturesAndCaptions) {
  TemporaryDirectory folder;
  add_picture(folder.path(), "a.png", plain_picture(40, 60, 1), "[trigger] and a pear");
  add_picture(folder.path(), "b.jpg", plain_picture(64, 64, 2), "A poster that says \"OPEN\"");
  add_picture(folder.path(), "c.webp", plain_picture(64, 32, 3), "The zorblax");
  add_picture(folder.path(), "d.png", plain_picture(31, 64, 4), "Too narrow");
  add_picture(folder.path(), "e.png", plain_picture(32, 160, 5), "Too long");
  write_file(folder.path() / "f.png", "no picture");
  write_file(folder.path() / "f.txt", "Broken");
  const FolderDataset data({folder.path(), "zorblax"});
  ASSERT_EQ(data.size(), 3);
  EXPECT_EQ(data.get(0).caption, "zorblax and a pear");
  EXPECT_EQ(data.get(0).picture.width, 40);
  EXPECT_EQ(data.get(0).picture.height, 60);
  EXPECT_EQ(data.get(0).picture.pixels, plain_picture(40, 60, 1).pixels);
  EXPECT_EQ(data.get(1).caption, "zorblax, A poster that says \"OPEN\"");
  EXPECT_EQ(data.get(2).caption, "The zorblax");
  EXPECT_FALSE(data.has_references());
  ASSERT_EQ(data.refused().size(), 3U);
  EXPECT_EQ(data.refused()[0], "d.png has 31x64 pixels; each side must have at least 32");
  EXPECT_EQ(data.refused()[1],
            "e.png has 32x160 pixels; the longer side may be at most 4 times the shorter one");
  EXPECT_EQ(data.refused()[2].rfind("f.png", 0), 0U) << data.refused()[2];

  // Other captions are other data.
  EXPECT_NE(data.content(), FolderDataset({folder.path(), ""}).content());
  EXPECT_EQ(data.content(), FolderDataset({folder.path(), "zorblax"}).content());
}

TEST(FolderDataset, RefusesATriggerThatIsNoWord) {
  TemporaryDirectory folder;
  add_picture(folder.path(), "a.png", plain_picture(40, 60, 1), "A pear");
  for (const char* trigger :
       {" ", "\n", " zorblax", "zorblax ", "[trigger]", "zor\nblax", "\x1b"}) {
    expect_error(ErrorCode::kInvalidInput, {"the trigger must be a word"}, [&] {
      FolderDataset({folder.path(), trigger});
    });
  }
}

TEST(FolderDataset, KnowsItsFilesByOtherPathsToo) {
  TemporaryDirectory folder;
  image::write_image(folder.path() / "a.png", plain_picture(64, 64, 1));
  image::write_image(folder.path() / "b.png", plain_picture(64, 64, 2));
  image::write_image(folder.path() / "c.png", plain_picture(64, 64, 3));
  write_file(folder.path() / "metadata.jsonl",
             "{\"file_name\": \"a.png\", \"text\": \"x\", \"reference\": \"b.png\"}\n");
  std::filesystem::create_symlink("a.png", folder.path() / "link.png");
  const FolderDataset data({folder.path(), ""});
  EXPECT_TRUE(data.contains(folder.path() / "." / "a.png"));
  EXPECT_TRUE(data.contains(folder.path() / "b.png"));
  EXPECT_TRUE(data.contains(folder.path() / "link.png"));
  EXPECT_FALSE(data.contains(folder.path() / "c.png"));
  EXPECT_FALSE(data.contains(folder.path() / "new.png"));
}

TEST(FolderDataset, RefusesTheMarkOfATriggerWordWithoutAWord) {
  TemporaryDirectory folder;
  add_picture(folder.path(), "a.png", plain_picture(40, 60, 1), "A [trigger] and a pear");
  add_picture(folder.path(), "b.png", plain_picture(40, 60, 2), "A plum");
  const FolderDataset data({folder.path(), ""});
  ASSERT_EQ(data.size(), 1);
  EXPECT_EQ(data.refused(),
            (std::vector<std::string>{
                "a.txt: the caption has [trigger], but no --trigger WORD is given"}));
  EXPECT_EQ(FolderDataset({folder.path(), "", /*is_prior=*/true}).refused(),
            (std::vector<std::string>{"a.txt: the caption has [trigger], but --prior-data is used "
                                      "without a trigger word"}));
}

TEST(FolderDataset, RefusesRowsThatACheckRefuses) {
  TemporaryDirectory folder;
  image::write_image(folder.path() / "a.png", plain_picture(64, 64, 1));
  add_row(folder.path(), {{"file_name", "a.png"}, {"text", "one"}, {"repeats", 2}});
  add_row(folder.path(), {{"file_name", "a.png"}, {"text", "two"}});
  add_row(folder.path(), {{"file_name", "a.png"}, {"text", "three"}, {"repeats", 3}});
  FolderDataset data({folder.path(), ""});
  data.refuse_rows([](const FolderDataset::Row& row) {
    if (row.caption == "two") glm_image::fail(ErrorCode::kInvalidInput, "is not liked");
  });
  ASSERT_EQ(data.size(), 5);
  EXPECT_EQ(data.get(4).caption, "three");
  EXPECT_EQ(data.refused(), std::vector<std::string>{"metadata.jsonl, line 2: is not liked"});
}

TEST(FolderDataset, ReportsNamesWithoutControlCharacters) {
  TemporaryDirectory folder;
  add_picture(folder.path(), "a\x1b[31m.png", plain_picture(64, 64, 1), "An é");
  add_picture(folder.path(), "c\x1b[0m.png", plain_picture(64, 64, 1), "An é\x1b]0;title\x07");
  image::write_image(folder.path() / "b\x1b[2J.png", plain_picture(64, 64, 1));
  const auto report =
      train::describe_data(FolderDataset({folder.path(), ""}), train::AspectBuckets(64));
  EXPECT_EQ(report.find('\x1b'), std::string::npos) << report;
  for (const char* part : {"a\\x1B[31m.png",
                           "b\\x1B[2J.png: has no caption",
                           "c\\x1B[0m.txt: the caption has the control character U+001B"}) {
    EXPECT_NE(report.find(part), std::string::npos) << report;
  }
}

TEST(FolderDataset, RepeatsRowsAndReadsReferences) {
  TemporaryDirectory folder;
  image::write_image(folder.path() / "after.png", plain_picture(64, 64, 1));
  image::write_image(folder.path() / "before.png", plain_picture(96, 64, 2));
  add_row(folder.path(),
          {{"file_name", "after.png"}, {"text", "Make it red"}, {"reference", "before.png"}});
  add_row(folder.path(), {{"file_name", "after.png"}, {"text", "Again"}, {"repeats", 3}});
  add_row(folder.path(), {{"file_name", "none.png"}, {"text", "Lost"}});
  add_row(folder.path(),
          {{"file_name", "after.png"}, {"text", "Lost"}, {"reference", {"none.png"}}});
  const FolderDataset data({folder.path(), ""});
  EXPECT_EQ(data.rows().size(), 2U);
  ASSERT_EQ(data.size(), 4);
  EXPECT_EQ(data.row_of(0), 0);
  EXPECT_EQ(data.row_of(3), 1);
  EXPECT_TRUE(data.has_references());
  ASSERT_EQ(data.get(0).references.size(), 1U);
  EXPECT_EQ(data.get(0).references[0].width, 96);
  ASSERT_EQ(data.refused().size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(
        data.refused()[i],
        concat("metadata.jsonl, line ", i + 3, ": 'none.png' is not in ", folder.path().string()));
  }
}

TEST(AspectBuckets, AreMaximalMultiplesOf32) {
  for (const int64_t size : {64, 256, 512, 1024}) {
    const AspectBuckets buckets(size);
    std::set<std::pair<int64_t, int64_t>> seen;
    for (const auto& [width, height] : buckets.sizes()) {
      EXPECT_EQ(width % 32, 0);
      EXPECT_EQ(height % 32, 0);
      EXPECT_LE(width * height, size * size);
      EXPECT_GT((width + 32) * height, size * size);
      EXPECT_GT(width * (height + 32), size * size);
      EXPECT_LE(std::max(width, height), 4 * std::min(width, height));
      EXPECT_TRUE(seen.emplace(width, height).second);
    }
    EXPECT_EQ(seen.count({size, size}), 1U);
    for (const auto& [width, height] : seen) EXPECT_EQ(seen.count({height, width}), 1U);
  }
}

TEST(AspectBuckets, CropLittleAndNeverEnlargeBeyondNeed) {
  const AspectBuckets buckets(512);
  const auto expect = [&](int64_t width, int64_t height, int64_t to_width, int64_t to_height) {
    const auto size = buckets.of(width, height);
    EXPECT_EQ(size.width, to_width) << width << "x" << height;
    EXPECT_EQ(size.height, to_height) << width << "x" << height;
  };
  expect(512, 512, 512, 512);
  expect(4000, 3000, 576, 448);
  expect(3000, 4000, 448, 576);
  expect(2000, 500, 1024, 256);
  // Enlarged by less than a twentieth.
  expect(500, 500, 512, 512);
  // Too small for a bucket: its own size, cut to multiples of 32.
  expect(300, 200, 288, 192);
  expect(33, 32, 32, 32);
  expect(63, 250, 32, 128);
  for (int64_t width = 100; width < 1500; width += 97) {
    for (int64_t height = 100; height < 1500; height += 101) {
      if (std::max(width, height) > 4 * std::min(width, height)) continue;
      const auto size = buckets.of(width, height);
      const auto fitted = train::fit_geometry({width, height}, size);
      EXPECT_GE(fitted.scaled.width, size.width);
      EXPECT_GE(fitted.scaled.height, size.height);
      EXPECT_LE(fitted.scaled.width, std::llround(1.05 * static_cast<double>(width)) + 1);
      // The crop is central, and one side is whole.
      EXPECT_NEAR(2 * fitted.left + size.width, fitted.scaled.width, 1);
      EXPECT_NEAR(2 * fitted.top + size.height, fitted.scaled.height, 1);
    }
  }
}

TEST(AspectBuckets, FitAPictureByItsCentre) {
  Image picture{96, 32, std::vector<uint8_t>(96 * 32 * 3)};
  for (int64_t i = 0; i < 96 * 32; ++i) {
    picture.pixels[3 * i] = static_cast<uint8_t>(i % 96);
    picture.pixels[3 * i + 1] = static_cast<uint8_t>(i / 96);
  }
  const auto fitted = train::fit_picture(picture, {64, 32});
  EXPECT_EQ(fitted.left, 16);
  EXPECT_EQ(fitted.top, 0);
  ASSERT_EQ(fitted.image.pixels.size(), 64U * 32 * 3);
  for (int64_t y = 0; y < 32; ++y) {
    for (int64_t x = 0; x < 64; ++x) {
      EXPECT_EQ(fitted.image.pixels[3 * (y * 64 + x)], x + 16);
      EXPECT_EQ(fitted.image.pixels[3 * (y * 64 + x) + 1], y);
    }
  }
}

TEST(BucketSampler, ShowsEachExampleOnceAnEpochInBatchesOfOneBucket) {
  const std::vector<int64_t> buckets = {0, 7, 0, 0, 7, 0, 0, 3, 0, 0};
  const BucketSampler sampler(buckets, 3, 5);
  ASSERT_EQ(sampler.batches_per_epoch(), 3 + 1 + 1);
  std::set<std::vector<int64_t>> orders;
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < 5; ++i) {
      const auto batch = sampler.batch(epoch * 5 + i);
      EXPECT_LE(batch.size(), 3U);
      for (const int64_t example : batch) EXPECT_EQ(buckets[example], buckets[batch.front()]);
      order.insert(order.end(), batch.begin(), batch.end());
    }
    EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), buckets.size());
    EXPECT_EQ(order.size(), buckets.size());
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 4U);
}

TEST(BucketSampler, FollowsFromSeedAndStepAlone) {
  const std::vector<int64_t> buckets(20, 1);
  const BucketSampler first(buckets, 4, 5), resumed(buckets, 4, 5), other(buckets, 4, 6);
  std::vector<std::vector<int64_t>> before;
  bool differs = false;
  for (int64_t step = 0; step < 30; ++step) before.push_back(first.batch(step));
  for (int64_t step = 29; step >= 0; --step) {
    EXPECT_EQ(resumed.batch(step), before[step]);
    differs |= other.batch(step) != before[step];
  }
  EXPECT_TRUE(differs);
}

TEST(DataReport, NamesSizesTextsAndReasons) {
  TemporaryDirectory folder;
  add_picture(folder.path(), "a.png", plain_picture(96, 64, 1), "A poster that says \"OPEN\"");
  add_picture(folder.path(), "b.png", plain_picture(64, 64, 2), "A pear");
  image::write_image(folder.path() / "c.png", plain_picture(64, 64, 3));
  image::write_image(folder.path() / "b.jpg", plain_picture(64, 64, 4));
  const FolderDataset data({folder.path(), ""});
  const AspectBuckets buckets(64);
  const auto report = train::describe_data(data, buckets);
  for (const char* part : {"3 pictures will be used, 1 will not",
                           "c.png: has no caption; write it into c.txt",
                           "b.txt: is the caption of several pictures: b.jpg, b.png",
                           "64x64",
                           "96x64 -> ",
                           "spells \"OPEN\"",
                           "2 captions quote no text"}) {
    EXPECT_NE(report.find(part), std::string::npos) << part << "\n" << report;
  }
  const auto sheet = train::data_sheet(data, buckets);
  EXPECT_GT(sheet.width, 128);
  EXPECT_EQ(sheet.pixels.size(), static_cast<size_t>(3 * sheet.width * sheet.height));
}

}  // namespace
}  // namespace glm_image::test
