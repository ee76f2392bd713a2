// Captions of a folder in their three forms; each bad row is one sentence with its file and line.

#include "train/data/caption_rows.h"

#include <sys/stat.h>

#include <filesystem>

#include "image/codec.h"
#include "pipeline/picture_metadata.h"
#include "support/test_support.h"
#include "train/data/csv.h"

namespace glm_image::test {
namespace {

using train::read_caption_rows;

TEST(Csv, SplitsFieldsAsRfc4180) {
  const auto records = train::parse_csv("a,b\n\n1,\"x, \"\"y\"\"\nz\"\n,\n", "t.csv");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].line, 1);
  EXPECT_EQ(records[1].line, 3);
  EXPECT_EQ(records[1].fields, (std::vector<std::string>{"1", "x, \"y\"\nz"}));
  EXPECT_EQ(records[2].line, 5);
  EXPECT_EQ(records[2].fields, (std::vector<std::string>{"", ""}));
  EXPECT_TRUE(train::parse_csv("", "t.csv").empty());
}

TEST(Csv, NamesTheLineOfABadQuote) {
  expect_error(ErrorCode::kCorruptFile, {"t.csv, line 2", "not closed"}, [] {
    train::parse_csv("a,b\n\"x\n\n", "t.csv");
  });
  expect_error(ErrorCode::kCorruptFile, {"t.csv, line 2", "must end its field"}, [] {
    train::parse_csv("a,b\n\"x\"y,1\n", "t.csv");
  });
}

TEST(CaptionRows, AreTextFilesBesidePictures) {
  TemporaryDirectory folder;
  write_file(folder.path() / "b.JPG", "");
  write_file(folder.path() / "b.txt", "\xEF\xBB\xBF  A pear \r\n on a plate\r\n\n");
  write_file(folder.path() / "a.webp", "");
  write_file(folder.path() / "a.txt", "Une pomme");
  write_file(folder.path() / "c.png", "");
  write_file(folder.path() / "d.png", "");
  write_file(folder.path() / "d.txt", " \n");
  write_file(folder.path() / "notes.md", "not a picture");
  const auto found = read_caption_rows(folder.path());
  ASSERT_EQ(found.rows.size(), 2U);
  EXPECT_EQ(found.rows[0].file, "a.webp");
  EXPECT_EQ(found.rows[0].caption, "Une pomme");
  EXPECT_EQ(found.rows[1].caption, "A pear \n on a plate");
  EXPECT_EQ(found.refused,
            (std::vector<std::string>{"c.png: has no caption; write it into c.txt",
                                      "d.txt: the caption is empty"}));
}

TEST(CaptionRows, ArePromptsOfPicturesThatThisProgramDrew) {
  TemporaryDirectory folder;
  const auto draw = [&](const char* name, const char* prompt, int64_t condition_images) {
    pipeline::Recipe recipe;
    auto& request = recipe.request;
    request.prompt = prompt;
    request.width = request.height = 32;
    request.steps = 2;
    request.guidance = 1;
    request.temperature = 1;
    request.seed = 7;
    recipe.condition_images = condition_images;
    recipe.model = "nano";
    image::EncodeOptions options;
    pipeline::add_parameters(recipe, options);
    const Image picture{4, 4, std::vector<uint8_t>(48, 100)};
    const auto format = image::format_from_path(name);
    write_file(folder.path() / name, image::encode_image(picture, format, options));
  };
  draw("a.png", "a pear", 0);
  draw("b.jpg", "a plum", 0);
  draw("c.webp", "a fig", 0);
  write_file(folder.path() / "c.txt", "The text file comes first");
  draw("d.png", "make it night", 1);
  const auto found = read_caption_rows(folder.path());
  std::vector<std::string> captions;
  for (const auto& row : found.rows) captions.push_back(row.file + ": " + row.caption);
  EXPECT_EQ(captions,
            (std::vector<std::string>{
                "a.png: a pear", "b.jpg: a plum", "c.webp: The text file comes first"}));
  EXPECT_EQ(found.refused,
            (std::vector<std::string>{"d.png: has no caption; write it into d.txt"}));
}

TEST(CaptionRows, NameWhatATextFileCannotDescribe) {
  TemporaryDirectory folder;
  for (const char* below : {"10_pear", "notes", ".cache"}) {
    std::filesystem::create_directory(folder.path() / below);
  }
  write_file(folder.path() / "10_pear" / "a.png", "");
  write_file(folder.path() / "notes" / "a.txt", "no picture");
  write_file(folder.path() / ".cache" / "a.png", "");
  write_file(folder.path() / "phone.HEIC", "");
  write_file(folder.path() / "._phone.heic", "");
  write_file(folder.path() / "photo.jfif", "");
  write_file(folder.path() / "photo.txt", "A pear");
  write_file(folder.path() / "pipe.png", "");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe.txt").c_str(), 0600), 0);
  write_file(folder.path() / "wide.png", "");
  write_file(folder.path() / "wide.txt", "\xFF\xFE");
  const auto found = read_caption_rows(folder.path());
  ASSERT_EQ(found.rows.size(), 1U);
  EXPECT_EQ(found.rows[0].file, "photo.jfif");
  EXPECT_EQ(found.refused,
            (std::vector<std::string>{
                "10_pear: is a folder with pictures; only metadata.jsonl or metadata.csv can name "
                "these",
                "phone.HEIC: only PNG, JPEG and WebP pictures are read; convert it",
                "pipe.txt: is not a regular file",
                "wide.txt is UTF-16 or UTF-32 text; save it as UTF-8"}));
}

TEST(CaptionRows, WarnOfACaptionOfSeveralPictures) {
  TemporaryDirectory folder;
  for (const char* name : {"a.jpg", "a.png", "a.WEBP", "b.png", "c.png", "c.jpg"}) {
    write_file(folder.path() / name, "");
  }
  write_file(folder.path() / "a.txt", "A pear");
  write_file(folder.path() / "b.txt", "A plum");
  const auto found = read_caption_rows(folder.path());
  EXPECT_EQ(found.rows.size(), 4U);
  EXPECT_EQ(
      found.warnings,
      std::vector<std::string>{"a.txt: is the caption of several pictures: a.WEBP, a.jpg, a.png"});
}

TEST(CaptionRows, RefuseControlCharacters) {
  TemporaryDirectory folder;
  write_file(folder.path() / "a.png", "");
  write_file(folder.path() / "a.txt", std::string("A \0 pear", 8));
  write_file(folder.path() / "b.png", "");
  write_file(folder.path() / "b.txt", "Two\nlines\tand a tab");
  write_file(folder.path() / "c.png", "");
  write_file(folder.path() / "c.txt", "\x1b[31mred");
  const auto found = read_caption_rows(folder.path());
  ASSERT_EQ(found.rows.size(), 1U);
  EXPECT_EQ(found.rows[0].caption, "Two\nlines\tand a tab");
  EXPECT_EQ(found.refused,
            (std::vector<std::string>{
                "a.txt: the caption has the control character U+0000 at its byte 2",
                "c.txt: the caption has the control character U+001B at its byte 0"}));
}

TEST(CaptionRows, RefuseZeroBytesInRowsOfMetadata) {
  TemporaryDirectory folder;
  write_file(folder.path() / "metadata.jsonl",
             "{\"file_name\": \"a.png\", \"text\": \"A\\u0000B\"}\n"
             "{\"file_name\": \"a.png\\u0000b\", \"text\": \"A\"}\n"
             "{\"file_name\": \"a.png\", \"text\": \"A\", \"reference\": \"r\\u0000\"}\n"
             "{\"file_name\": \"a.png\", \"text\": \"A\\r\\nB\"}\n");
  const auto found = read_caption_rows(folder.path());
  EXPECT_EQ(found.rows.size(), 1U);
  EXPECT_EQ(
      found.refused,
      (std::vector<std::string>{
          "metadata.jsonl, line 1: the caption has the control character U+0000 at its byte 1",
          "metadata.jsonl, line 2: file_name holds a zero byte",
          "metadata.jsonl, line 3: reference holds a zero byte"}));
}

TEST(CaptionRows, NameOneLineAndTheByteInItForFaultyJson) {
  TemporaryDirectory folder;
  write_file(folder.path() / "metadata.jsonl",
             "{\"file_name\": \"a.png\", \"text\": \"A\"}\n\n  {\"file_name\": a}\n");
  EXPECT_EQ(read_caption_rows(folder.path()).refused,
            std::vector<std::string>{"metadata.jsonl, line 3: not valid JSON at byte 17"});
}

TEST(CaptionRows, AreLinesOfJson) {
  TemporaryDirectory folder;
  write_file(
      folder.path() / "metadata.jsonl",
      "{\"file_name\": \"a.png\", \"text\": \"A\", \"width\": 7}\n"
      "\n"
      "{\"file_name\": \"b.png\", \"text\": \"B\", \"reference\": \"r.png\", \"repeats\": 3}\n"
      "{\"file_name\": \"c.png\", \"text\": \"C\", \"reference\": [\"r.png\", \"s.png\"]}\n"
      "{\"file_name\": \"d.png\"}\n"
      "{\"file_name\": \"e.png\", \"text\": \"E\", \"repeats\": 0}\n"
      "{\"file_name\": \"f.png\", \"text\"\n"
      "{\"file_name\": \"g.png\", \"text\": \"\\u0001\", \"reference\": [\"\"]}\n"
      "[]\n");
  const auto found = read_caption_rows(folder.path());
  ASSERT_EQ(found.rows.size(), 3U);
  EXPECT_TRUE(found.rows[0].references.empty());
  EXPECT_EQ(found.rows[0].repeats, 1);
  EXPECT_EQ(found.rows[1].references, std::vector<std::string>{"r.png"});
  EXPECT_EQ(found.rows[1].repeats, 3);
  EXPECT_EQ(found.rows[1].source, "metadata.jsonl, line 3");
  EXPECT_EQ(found.rows[2].references.size(), 2U);
  ASSERT_EQ(found.refused.size(), 5U);
  const char* const expected[] = {"metadata.jsonl, line 5: text must be a string",
                                  "metadata.jsonl, line 6: repeats must be an integer from 1",
                                  "metadata.jsonl, line 7: ",
                                  "metadata.jsonl, line 8: reference has an empty name",
                                  "metadata.jsonl, line 9 must hold a JSON object"};
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(found.refused[i].rfind(expected[i], 0), 0U) << found.refused[i];
    EXPECT_EQ(found.refused[i].find('\n'), std::string::npos);
  }
}

TEST(CaptionRows, AreRowsOfCsv) {
  TemporaryDirectory folder;
  write_file(folder.path() / "metadata.csv",
             "text,file_name,reference,repeats\r\n"
             "\"A pear, and a plum\",a.png,,\r\n"
             "Two lines,b.png\r\n"
             "Edit it,c.png,r.png,2\r\n"
             "Often,d.png,,many\r\n"
             "\xFF,e.png,,\r\n");
  const auto found = read_caption_rows(folder.path());
  ASSERT_EQ(found.rows.size(), 2U);
  EXPECT_EQ(found.rows[0].caption, "A pear, and a plum");
  EXPECT_TRUE(found.rows[0].references.empty());
  EXPECT_EQ(found.rows[1].references, std::vector<std::string>{"r.png"});
  EXPECT_EQ(found.rows[1].repeats, 2);
  EXPECT_EQ(found.rows[1].source, "metadata.csv, line 4");
  EXPECT_EQ(found.refused,
            (std::vector<std::string>{
                "metadata.csv, line 3: has 2 fields, the first line 4; a text with a comma needs "
                "quotation marks around it",
                "metadata.csv, line 5: repeats must be an integer from 1 to 1000, found 'many'",
                "metadata.csv, line 6: the caption is not UTF-8 at its byte 0"}));
}

TEST(CaptionRows, RefuseFoldersThatCannotBeRead) {
  TemporaryDirectory folder;
  expect_error(ErrorCode::kNotFound, {"there is no such folder"}, [&] {
    read_caption_rows(folder.path() / "none");
  });
  write_file(folder.path() / "metadata.csv", "file_name,caption\na.png,x\n");
  expect_error(ErrorCode::kCorruptFile, {"metadata.csv, line 1", "text is missing"}, [&] {
    read_caption_rows(folder.path());
  });
  write_file(folder.path() / "metadata.csv", "file_name;text\na.png;x\n");
  expect_error(ErrorCode::kCorruptFile, {"line 1", "separated by commas"}, [&] {
    read_caption_rows(folder.path());
  });
  write_file(folder.path() / "metadata.csv", "file_name,text,text\na.png,x,y\n");
  expect_error(ErrorCode::kCorruptFile, {"line 1", "the column text is named twice"}, [&] {
    read_caption_rows(folder.path());
  });
  write_file(folder.path() / "metadata.csv", "file_name,text\n");
  EXPECT_EQ(read_caption_rows(folder.path()).refused,
            std::vector<std::string>{"metadata.csv: names no picture"});
  write_file(folder.path() / "metadata.jsonl", "");
  expect_error(
      ErrorCode::kInvalidInput, {"keep one of them"}, [&] { read_caption_rows(folder.path()); });
}

// Text files must not take the place of metadata on a disk that is not mounted.
TEST(CaptionRows, RefuseMetadataThatIsADanglingLinkOrAPipe) {
  TemporaryDirectory folder;
  const auto metadata = folder.path() / "metadata.jsonl";
  std::filesystem::create_symlink("nowhere", metadata);
  expect_error(ErrorCode::kNotFound, {"metadata.jsonl", "cannot be opened"}, [&] {
    read_caption_rows(folder.path());
  });
  std::filesystem::remove(metadata);
  ASSERT_EQ(::mkfifo(metadata.c_str(), 0600), 0);
  expect_error(ErrorCode::kInvalidInput, {"metadata.jsonl: is not a regular file"}, [&] {
    read_caption_rows(folder.path());
  });
}

}  // namespace
}  // namespace glm_image::test
