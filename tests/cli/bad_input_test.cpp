// Errors in arguments and files: exit code 2, one sentence that names what is wrong and where, and
// no file left behind.

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "glm_image/limits.h"
#include "image/codec.h"
#include "support/program.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

class BadInput : public testing::Test {
 protected:
  BadInput() {
    fs::create_directory(outputs());
    fs::copy(tiny_model_dir(), model(), fs::copy_options::recursive);
  }
  fs::path model() const { return folder_.path() / "model"; }
  fs::path outputs() const { return folder_.path() / "outputs"; }
  std::string output() const { return (outputs() / "picture.png").string(); }

  /// Generates a small picture with these additional arguments.
  std::vector<std::string> command(const std::vector<std::string>& arguments,
                                   const std::string& verb = "generate") const {
    std::vector<std::string> all = {glm_image_program(), verb, "--model", model().string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto has = [&](const std::string& option) {
      return std::find(all.begin(), all.end(), option) != all.end();
    };
    if (!has("-o")) all.insert(all.end(), {"-o", output()});
    if (!has("--prompt")) all.insert(all.end(), {"--prompt", "a pot"});
    if (!has("--size") && verb == "generate") all.insert(all.end(), {"--size", "64x64"});
    if (!has("--steps")) all.insert(all.end(), {"--steps", "1"});
    return all;
  }

  void expect_refused(const std::vector<std::string>& command,
                      const std::vector<std::string>& fragments,
                      int exit_code = 2) const {
    const auto result = run_program(command);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.err.rfind("glm-image: ", 0), 0U) << result.err;
    for (const auto& fragment : fragments) {
      EXPECT_NE(result.err.find(fragment), std::string::npos)
          << "'" << fragment << "' is not in: " << result.err;
    }
    EXPECT_TRUE(result.out.empty()) << result.out;
    EXPECT_TRUE(fs::is_empty(outputs())) << "a file was left behind";
  }

  void change_json(const fs::path& file, const std::function<void(nlohmann::json&)>& change) const {
    auto json = nlohmann::json::parse(read_file(model() / file));
    change(json);
    write_file(model() / file, json.dump());
  }

  const TemporaryDirectory folder_;
};

TEST_F(BadInput, TheUnchangedModelDraws) {
  const auto result = run_program(command({}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, output() + "\n");
  EXPECT_TRUE(fs::exists(output()));
}

TEST_F(BadInput, Arguments) {
  expect_refused({glm_image_program()}, {"subcommand"});
  expect_refused({glm_image_program(), "paint"}, {"paint"});
  expect_refused(command({"--frobnicate"}), {"--frobnicate"});
  expect_refused(command({"--steps", "many"}), {"--steps"});
  expect_refused(command({"--steps", "0"}), {"steps", "1 to 1000", "found 0"});
  expect_refused(command({"--steps", "-3"}), {"steps", "found -3"});
  expect_refused(command({"--guidance", "0.5"}), {"guidance", "0.5"});
  expect_refused(command({"--guidance", "nan"}), {"guidance"});
  expect_refused(command({"--temperature", "0"}), {"temperature"});
  expect_refused(command({"--top-p", "1.5"}), {"top-p", "1.5"});
  expect_refused(command({"--count", "0"}), {"count"});
  expect_refused(command({"--seed", "-1"}), {"--seed"});
  expect_refused(command({"--seed", "99999999999999999999"}), {"--seed", "99999999999999999999"});
  expect_refused(command({"--steps", "010"}), {"--steps", "010"});
  expect_refused(command({"--glyph-rules", "none"}), {"--glyph-rules"});
  expect_refused(command({"--dtype", "int4"}), {"--dtype"});
  expect_refused(command({"--vae-dtype", "float16"}), {"--vae-dtype", "float16"});
}

TEST_F(BadInput, AnEmptyPathOfTheKeyFileIsAnError) {
  const auto result = run_program(
      {glm_image_program(), "serve", "--model", model().string(), "--api-key-file", ""});
  EXPECT_EQ(result.exit_code, 2) << result.err;
}

TEST_F(BadInput, Sizes) {
  for (const char* size : {"100x64", "64x100", "0x0", "4128x64", "64x8192", "-64x64"}) {
    expect_refused(command({"--size", size}), {"size", size[0] == '-' ? "WIDTHxHEIGHT" : ""});
  }
  expect_refused(command({"--size", "4128x64"}), {"multiples of 32", "4096", "4128x64"});
  for (const char* size : {"64", "64x", "x64", "64x64x64", "wide", "99999999999999999999x64"}) {
    expect_refused(command({"--size", size}), {"--size", "WIDTHxHEIGHT", size});
  }
}

TEST_F(BadInput, OptionsThatAreGivenTwice) {
  expect_refused(command({"--seed", "1", "--seed=1"}), {"--seed is given 2 times; give it once"});
  expect_refused(command({"--size", "64x64", "--size", "96x64"}), {"--size is given 2 times"});
  expect_refused(command({"--prompt", "a", "-p", "b"}), {"--prompt is given 2 times"});
  expect_refused(command({"-o", output(), "--output", output(), "-o", output()}),
                 {"--output is given 3 times"});
  expect_refused({glm_image_program(), "train", "lora", "--rank", "4", "--rank", "8"},
                 {"--rank is given 2 times; give it once"});
  expect_refused({glm_image_program(), "info", "--json", "--size", "64x64", "--size", "64x64"},
                 {"--size is given 2 times"});
}

TEST_F(BadInput, Prompts) {
  const auto with_prompt_file = [&](const std::string& name) -> std::vector<std::string> {
    return {glm_image_program(),
            "generate",
            "--model",
            model().string(),
            "--prompt-file",
            (folder_.path() / name).string(),
            "-o",
            output()};
  };
  expect_refused(command({"--prompt", ""}), {"prompt is empty"});
  expect_refused(command({"--prompt", " \n\t"}), {"prompt is empty"});
  expect_refused(command({"--prompt", "caf\xe9"}), {"prompt", "UTF-8"});
  expect_refused(command({"--text", "\xff"}), {"text", "UTF-8"});
  expect_refused(command({"--prompt", "draw <|image|> here"}), {"<|image|>"});
  write_file(folder_.path() / "zero.txt", std::string("a\0b", 3));
  expect_refused(with_prompt_file("zero.txt"), {"prompt", "zero byte"});
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.insert(texts.end(), {"--text", "a"});
  expect_refused(command(texts), {"texts to spell are 300"});
  expect_refused(command({"--text", std::string(20000, 'a')}), {"texts to spell", "20000 bytes"});
  std::string words;
  for (int i = 0; i < 3000; ++i) words += "marché ";
  expect_refused(command({"--prompt", words}), {"prompt is too long", "4096"});
  expect_refused(with_prompt_file("gone.txt"), {"gone.txt", "No such file"});
}

TEST_F(BadInput, PromptFilesThatAreNotText) {
  const auto with = [&](const std::string& path) {
    auto all = command({"--prompt-file", path, "--prompt", "x"});
    const auto prompt = std::find(all.begin(), all.end(), "--prompt");
    all.erase(prompt, prompt + 2);
    return all;
  };
  expect_refused(with("/dev/zero"), {"/dev/zero", "more than", "1048576"});
  expect_refused(with("/dev/null"), {"prompt is empty"});
  for (const std::size_t bytes : {limits::kMaxPromptBytes + 1, std::size_t{3} << 20}) {
    write_file(folder_.path() / "long.txt", std::string(bytes, 'a') + "\n");
    const bool is_read = bytes < 1 << 20;  // a longer one is not, so that its last line end counts
    expect_refused(with((folder_.path() / "long.txt").string()),
                   {"long.txt: has " + std::to_string(is_read ? bytes : bytes + 1) + " bytes",
                    "at most " + std::to_string(limits::kMaxPromptBytes)});
  }
  expect_refused(with(outputs().string()), {"outputs", "cannot be read", "directory"});
  expect_refused(with(""), {"--prompt-file"});
  write_file(folder_.path() / "utf16.txt",
             std::string("\xFF\xFE"
                         "a\0",
                         4));
  expect_refused(with((folder_.path() / "utf16.txt").string()), {"utf16.txt", "UTF-16", "UTF-8"});
}

TEST_F(BadInput, Outputs) {
  expect_refused(command({"-o", (outputs() / "picture.gif").string()}), {"picture.gif", ".png"});
  expect_refused(command({"-o", (outputs() / "nowhere" / "picture.png").string()}), {"nowhere"});
  expect_refused(command({"-o", (model() / "model_index.json" / "picture.png").string()}),
                 {"model_index.json"});
  expect_refused(command({"--save-tokens", "/proc/tokens.json"}), {"/proc/tokens.json"});
  expect_refused(command({"--save-tokens", output()}), {"picture.png", "its tokens"});
  // Detected before the first picture is drawn.
  const auto taken = folder_.path() / "taken";
  fs::create_directories(taken / "picture-2.png");
  expect_refused(command({"--count", "2", "-o", (taken / "picture.png").string()}),
                 {"picture-2.png"});
  EXPECT_FALSE(fs::exists(taken / "picture-1.png"));
}

TEST_F(BadInput, ConditionPictures) {
  const auto picture = tiny_dir() / "images" / "i2i_one_0.png";
  const auto bytes = read_file(picture);
  const auto edit = [&](const std::string& name) {
    return command({"--image", (folder_.path() / name).string()}, "edit");
  };
  write_file(folder_.path() / "truncated.png", bytes.substr(0, bytes.size() / 2));
  expect_refused(edit("truncated.png"), {"truncated.png"});

  const auto with_size = [&](uint32_t width, uint32_t height) {
    auto changed = bytes;  // IHDR has the sides at bytes 16 and 20
    for (int i = 0; i < 4; ++i) {
      changed[16 + i] = static_cast<char>(width >> (24 - 8 * i));
      changed[20 + i] = static_cast<char>(height >> (24 - 8 * i));
    }
    return changed;
  };
  write_file(folder_.path() / "empty.png", with_size(0, 0));
  expect_refused(edit("empty.png"), {"empty.png"});
  write_file(folder_.path() / "huge.png", with_size(60000, 60000));
  expect_refused(edit("huge.png"), {"huge.png"});
  write_file(folder_.path() / "text.png", "This is not a picture.");
  expect_refused(edit("text.png"), {"text.png"});
  write_file(folder_.path() / "page.png", "<!DOCTYPE html><html><title>A picture</title></html>");
  expect_refused(edit("page.png"), {"page.png: is a web page, not a picture"});
  expect_refused(edit("gone.png"), {"gone.png"});
  Image wide;
  wide.width = 400;
  wide.height = 50;
  wide.pixels.resize(400 * 50 * 3);
  image::write_image(folder_.path() / "wide.png", wide);
  const auto second = (folder_.path() / "wide.png").string();
  expect_refused(command({"--image", picture.string(), "--image", second}, "edit"),
                 {second + ": has 400×50 pixels", "crop it first"});

  // An edit needs a picture.
  expect_refused({glm_image_program(), "edit", "--prompt", "x"}, {"--image"});
}

TEST_F(BadInput, ModelFolders) {
  expect_refused(
      {glm_image_program(), "generate", "--prompt", "x", "-o", output(), "--model", "/nowhere"},
      {"/nowhere"});
  fs::remove_all(model() / "vae");
  expect_refused(command({}), {"vae"});
}

TEST_F(BadInput, ConfigsThatAreNotJson) {
  for (const char* file : {"transformer/config.json",
                           "vae/config.json",
                           "text_encoder/config.json",
                           "vision_language_encoder/config.json",
                           "vision_language_encoder/generation_config.json",
                           "scheduler/scheduler_config.json",
                           "processor/processor_config.json",
                           "processor/tokenizer.json",
                           "processor/tokenizer_config.json",
                           "tokenizer/tokenizer_config.json"}) {
    const auto original = read_file(model() / file);
    write_file(model() / file, "{\"half\": ");
    expect_refused(command({}), {fs::path(file).filename().string()});
    fs::remove(model() / file);
    // Text to image does not need image settings.
    const bool is_for_pictures = fs::path(file).filename() == "processor_config.json";
    const auto picture = (tiny_dir() / "images" / "i2i_one_0.png").string();
    expect_refused(is_for_pictures ? command({"--image", picture}, "edit") : command({}),
                   {fs::path(file).parent_path().string()});
    write_file(model() / file, original);
  }
}

TEST_F(BadInput, ConfigsThatAreOutOfBounds) {
  const auto original = read_file(model() / "transformer/config.json");
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, nlohmann::json>>{{"num_layers", -1},
                                                           {"num_layers", "three"},
                                                           {"num_attention_heads", 0},
                                                           {"attention_head_dim", int64_t{1} << 60},
                                                           {"patch_size", "two"}}) {
    change_json("transformer/config.json", [&](auto& json) { json[key] = value; });
    expect_refused(command({}), {"transformer/config.json", key});
    write_file(model() / "transformer/config.json", original);
  }
  change_json("transformer/config.json", [](auto& json) { json["time_embed_dim"] = 33; });
  expect_refused(command({}), {"time_embed_dim", "even"});
  write_file(model() / "transformer/config.json", original);
  // An id that is outside the text encoder's embedding.
  const auto glyph_tokens = read_file(model() / "tokenizer/tokenizer_config.json");
  change_json("tokenizer/tokenizer_config.json", [](auto& json) {
    auto& tokens = json["added_tokens_decoder"];
    tokens["5000"] = tokens["1"];
    tokens.erase("1");
  });
  expect_refused(command({}), {"glyph tokenizer", "5000"});
  write_file(model() / "tokenizer/tokenizer_config.json", glyph_tokens);
  // The size does not match the weights: detected before anything is read or allocated.
  change_json("transformer/config.json", [](auto& json) { json["text_embed_dim"] = 48; });
  expect_refused(command({}), {"text_embed_dim"});
  write_file(model() / "transformer/config.json", original);
  change_json("transformer/config.json", [](auto& json) { json["num_layers"] = 4; });
  expect_refused(command({}), {"transformer_blocks.3", "missing"});
  change_json("transformer/config.json", [](auto& json) { json["num_layers"] = 2; });
  expect_refused(command({"--strict"}), {"transformer_blocks.2"});
}

TEST_F(BadInput, WeightsThatAreDamaged) {
  const auto file = model() / "transformer/diffusion_pytorch_model.safetensors";
  const auto original = read_file(file);
  write_file(file, original.substr(0, original.size() - 100));
  expect_refused(command({}), {"diffusion_pytorch_model.safetensors", "cut short"});
  write_file(file, std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + original.substr(8));
  expect_refused(command({}), {"diffusion_pytorch_model.safetensors", "header"});
  fs::remove(file);
  expect_refused(command({}), {"transformer", "safetensors"});
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  expect_refused(command({}), {"diffusion_pytorch_model.safetensors", "regular file"});
  fs::remove(file);
  write_file(file, std::string("\x02\0\0\0\0\0\0\0{}", 10));
  expect_refused(command({}), {"transformer", "no tensor"});
}

TEST_F(BadInput, ATokenizerWithoutANeededToken) {
  change_json("processor/tokenizer.json", [](auto& json) {
    auto& tokens = json["added_tokens"];
    tokens.erase(std::remove_if(tokens.begin(),
                                tokens.end(),
                                [](const auto& token) { return token["content"] == "<sop>"; }),
                 tokens.end());
    json["model"]["vocab"].erase("<sop>");
  });
  expect_refused(command({}), {"tokenizer", "<sop>"});
}

TEST_F(BadInput, Compositions) {
  const auto tokens = (folder_.path() / "tokens.json").string();
  write_file(tokens, "[1, 2");
  expect_refused(command({"--tokens", tokens}), {"tokens.json"});
  const nlohmann::json good = {
      {"format", "glm-image composition 1"},
      {"picture", {{"height", 2}, {"width", 2}, {"tokens", {1, 2, 3, 4}}}}};
  auto bad = good;
  bad["picture"]["tokens"] = {1, 2, 3};
  write_file(tokens, bad.dump());
  expect_refused(command({"--tokens", tokens}), {"tokens.json", "4 tokens"});
  bad = good;
  bad["picture"]["tokens"] = {1, 2, 3, 64};
  write_file(tokens, bad.dump());
  expect_refused(command({"--tokens", tokens}), {"token 64", "64 codes"});
  write_file(tokens, good.dump());
  expect_refused(command({"--tokens", tokens, "--size", "96x64"}), {"64x64", "96x64"});
  expect_refused(command({"--tokens", tokens, "--count", "2"}), {"count"});
  EXPECT_EQ(run_program(command({"--tokens", tokens})).exit_code, 0);
}

TEST_F(BadInput, SecondsThatAreNotNumbers) {
  for (const char* option : {"--grace", "--idle-unload"}) {
    for (const char* seconds : {"nan", "inf", "-1", "1s", ""}) {
      const auto result = run_program({glm_image_program(), "serve", option, seconds});
      EXPECT_EQ(result.exit_code, 2) << option << ' ' << seconds << ": " << result.err;
    }
  }
}

TEST_F(BadInput, OptionsOfOtherProgramsNameOurs) {
  const auto says = [](const std::vector<std::string>& arguments, const std::string& words) {
    std::vector<std::string> all = {glm_image_program()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto result = run_program(all);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  says({"generate", "-p", "x", "-s", "42"}, "generate has no -s: give --seed N");
  says({"generate", "-p", "x", "-H", "256", "-W", "256"}, "has no -H: give --size WIDTHxHEIGHT");
  says({"generate", "-p", "x", "-W256"}, "has no -W: give --size");
  says({"generate", "-p", "x", "--width=256"}, "has no --width: give --size");
  says({"edit", "-i", "x.png", "--cfg-scale", "3"}, "edit has no --cfg-scale: give --guidance X");
  says({"generate", "--negative-prompt", "rain"}, "no negative prompt; say in --prompt");
  says({"generate", "--image", "x.png"}, "use the command edit");
  says({"generate", "--promt", "x"}, "generate has no option --promt; did you mean --prompt?");
  says({"generate", "--nothing-like-it", "x"}, "has no option --nothing-like-it (see");
  says({"generate", "a blue poster"},
       "does not expect 'a blue poster'; a prompt goes behind --prompt");
  says({"info", "-W", "3"}, "info has no -W: give --size WIDTHxHEIGHT");
  says({"info", "-r", "x.png"}, "info has no option -r (see");
  says({"batch", "b.jsonl", "-o", "out", "-m", "x"}, "batch has no -m: give --model DIR");
  says({"generate", "-p", "x", "--listen", "::"}, "generate has no option --listen (see");
  says({"serve", "--listen-port", "80"}, "serve has no --listen-port: give --port N");
  says({"--model", "x", "generate", "-p", "x"},
       "glm-image does not expect '--model' before the command generate; options go behind it");
  if (run_program({glm_image_program(), "train", "--help"}).exit_code == 0) {
    says({"train", "lora", "--lore", "x", "y"},
         "train lora has no option --lore; did you mean --lora? (see glm-image train lora --help)");
    says({"train", "lora", "x", "--nothing-like-it"}, "train lora does not expect 'x' (see");
    says({"data", "check", "x", "y"}, "data check does not expect 'y' (see");
    says({"train", "vae", "--lora", "x"}, "train has no option --lora");
  }
  says({"genrate"}, "'genrate' is not a command; did you mean `glm-image generate`?");
  says({"Edit"}, "did you mean `glm-image edit`?");
  says({"help"}, "did you mean `glm-image --help`?");
  says({"txt2img", "-p", "x"}, "did you mean `glm-image generate`?");
  says({"bake"}, "'bake' is not a command (see --help)");
}

TEST_F(BadInput, PicturesWithoutGenerationParameters) {
  expect_refused(command({"--like", (tiny_dir() / "t2i_square.png").string()}),
                 {"t2i_square.png", "does not say"});
}

TEST_F(BadInput, Devices) {
  expect_refused(command({"--device", "abacus"}), {"abacus", "cpu"});
  expect_refused(command({"--device", "privateuseone:0"}), {"privateuseone:0", "cpu"});
  expect_refused(command({"--device-plugin", "/nowhere/libplugin.so"}), {"/nowhere/libplugin.so"});
}

}  // namespace
}  // namespace glm_image::test
