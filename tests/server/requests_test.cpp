// Valid and invalid requests.

#include <cmath>
#include <limits>
#include <tuple>

#include "glm_image/limits.h"
#include "server/api_refusal.h"
#include "server/image_request.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace server;
using nlohmann::json;

ImageRequest read(const json& fields, bool as_text = false) {
  return read_image_request(fields, RequestLimits(), as_text);
}

TEST(ImageRequest, AcceptsOpenAisFieldsAndIgnoresUnknownOnes) {
  const auto wanted = read({{"model", "gpt-image-1"},
                            {"prompt", "a cat"},
                            {"n", 2},
                            {"size", "1024x1536"},
                            {"quality", "high"},
                            {"output_format", "webp"},
                            {"output_compression", 60},
                            {"user", "somebody"},
                            {"moderation", "low"},
                            {"background", "auto"},
                            {"style", nullptr}});
  EXPECT_EQ(wanted.request.prompt, "a cat");
  EXPECT_EQ(wanted.request.count, 2);
  EXPECT_EQ(wanted.request.width, 1024);
  EXPECT_EQ(wanted.request.height, 1536);
  EXPECT_EQ(wanted.request.steps, 50);
  EXPECT_EQ(wanted.format, image::ImageFormat::kWebp);
  EXPECT_EQ(wanted.compression, 60);
  EXPECT_FALSE(wanted.as_url);
  EXPECT_FALSE(wanted.stream);
}

TEST(ImageRequest, MessagesShowTheBeginningOfAWrongValue) {
  // Printed whole, each byte would take six.
  const std::string odd(100000, '\x7f');
  for (const auto& value : {json(odd), json{odd}, json{{"x", odd}}}) {
    const auto message = expect_refusal(400, "size", [&] {
      read({{"prompt", "x"}, {"size", value}});
    });
    EXPECT_LT(message.size(), 300U);
  }
}

TEST(ImageRequest, AnySizeIsDrawnAtTheNextMultiplesAndThenResized) {
  const auto odd = read({{"prompt", "x"}, {"size", "500x300"}});
  EXPECT_EQ(odd.request.width, 512);
  EXPECT_EQ(odd.request.height, 320);
  EXPECT_EQ(odd.width, 500);
  EXPECT_EQ(odd.height, 300);
  EXPECT_EQ(read({{"prompt", "x"}, {"size", "512x320"}}).width, 0);
  EXPECT_EQ(read({{"prompt", "x"}, {"size", "auto"}}).request.width, 0);
}

TEST(ImageRequest, QualityIsAPresetAndSharesOfTheModelsSteps) {
  RequestLimits limits;
  limits.model_steps = 20;
  const auto of = [&](const json& fields) {
    auto all = fields;
    all["prompt"] = "x";
    return read_image_request(all, limits).request;
  };
  for (const auto& [quality, steps, solver, guidance_every] :
       std::vector<std::tuple<const char*, int64_t, Solver, int64_t>>{
           {"low", 6, Solver::kEuler, 3},
           {"medium", 10, Solver::kMultistep, 2},
           {"standard", 10, Solver::kMultistep, 2},
           {"high", 20, Solver::kEuler, 1},
           {"hd", 20, Solver::kEuler, 1},
           {"xhigh", 30, Solver::kEuler, 1},
           {"max", 40, Solver::kEuler, 1}}) {
    const auto request = of({{"quality", quality}});
    EXPECT_EQ(request.steps, steps) << quality;
    EXPECT_EQ(request.solver, solver) << quality;
    EXPECT_EQ(request.guidance_every, guidance_every) << quality;
  }
  EXPECT_EQ(of({{"quality", "low"}, {"steps", 7}}).steps, 7);
  EXPECT_EQ(of({{"quality", "low"}, {"steps", 7}}).guidance_every, 3);
  EXPECT_EQ(of({{"quality", "high"}, {"speed", "fast"}}).steps, 6);
  EXPECT_EQ(of({{"speed", "balanced"}, {"solver", "euler"}}).solver, Solver::kEuler);
  EXPECT_EQ(of({{"speed", "exact"}}).speed, Speed::kExact);
  EXPECT_FALSE(of({{"quality", "auto"}}).speed);
  limits.max_steps = 25;
  EXPECT_EQ(of({{"quality", "max"}}).steps, 25);
}

TEST(ImageRequest, SolverIntervalAndCacheAreSeparateFields) {
  const auto request = read({{"prompt", "x"},
                             {"solver", "multistep"},
                             {"guidance_interval", {0.1, 0.5}},
                             {"guidance_every", 2},
                             {"step_cache", 0.1}})
                           .request;
  EXPECT_EQ(request.solver, Solver::kMultistep);
  EXPECT_EQ(request.guided->begin, 0.1);
  EXPECT_EQ(request.guided->end, 0.5);
  EXPECT_EQ(request.guidance_every, 2);
  EXPECT_EQ(request.step_cache, 0.1);
  const auto form = read({{"prompt", "x"}, {"guidance_interval", "[0, 1e-1]"}}, true).request;
  EXPECT_EQ(form.guided->end, 0.1);
  for (const json& wrong :
       std::vector<json>{"0:1", {0}, {0, 0.5, 1}, {0.5, 0.1}, {0, 2}, {"0", 1}}) {
    expect_refusal(400, "guidance_interval", [&] {
      read({{"prompt", "x"}, {"guidance_interval", wrong}});
    });
  }
  expect_refusal(400, "solver", [] { read({{"prompt", "x"}, {"solver", "heun"}}); });
  expect_refusal(400, "speed", [] { read({{"prompt", "x"}, {"speed", "faster"}}); });
  EXPECT_EQ(request.reference_pixels, 0);
  EXPECT_EQ(read({{"prompt", "x"}, {"reference_pixels", "500000"}}, true).request.reference_pixels,
            500000);
  expect_refusal(400, "reference_pixels", [] { read({{"prompt", "x"}, {"reference_pixels", 9}}); });
  expect_refusal(400, "guidance_every", [] { read({{"prompt", "x"}, {"guidance_every", 0}}); });
  expect_refusal(400, "step_cache", [] { read({{"prompt", "x"}, {"step_cache", 1.5}}); });
}

TEST(ImageRequest, ACompositionRoundTrips) {
  const json grid = {{"height", 1}, {"width", 2}, {"tokens", {3, 4}}};
  const json draft = {{"picture", {{"height", 2}, {"width", 4}, {"tokens", json::array()}}},
                      {"conditions", json::array()},
                      {"preview", grid}};
  for (const char* name : {"composition", "tokens"}) {
    for (const bool as_text : {false, true}) {
      const json value = as_text ? json(draft.dump()) : draft;
      const auto request = read({{"prompt", "x"}, {name, value}}, as_text).request;
      ASSERT_TRUE(request.composition) << name;
      EXPECT_TRUE(request.composition->is_draft());
      EXPECT_EQ(request.composition->preview.tokens, (std::vector<int64_t>{3, 4}));
      EXPECT_EQ(request.composition->picture.width, 4);
    }
    auto wrong = draft;
    wrong["preview"]["tokens"] = {3};
    for (const json& value : std::vector<json>{wrong, json::object(), json::array({1}), "x", 3}) {
      expect_refusal(400, name, [&, field = name] { read({{"prompt", "x"}, {field, value}}); });
    }
  }
  expect_refusal(400, "tokens", [&] {
    read({{"prompt", "x"}, {"composition", draft}, {"tokens", draft}});
  });
  expect_refusal(400, "draft", [&] {
    read({{"prompt", "x"}, {"composition", draft}, {"draft", true}});
  });
  EXPECT_TRUE(read({{"prompt", "x"}, {"draft", true}}).request.draft);
  EXPECT_TRUE(read({{"prompt", "x"}, {"draft", "True"}}, true).request.draft);
}

TEST(ImageRequest, TextsAreVerifiedAndPromptsRewrittenOnRequest) {
  const auto plain = read({{"prompt", "x"}});
  EXPECT_FALSE(plain.request.verify);
  EXPECT_EQ(plain.request.best_of, 1);
  EXPECT_FALSE(plain.rewrite);
  for (const bool as_text : {false, true}) {
    const json yes = as_text ? json("true") : json(true), four = as_text ? json("4") : json(4);
    const auto wanted =
        read({{"prompt", "x"}, {"verify", yes}, {"best_of", four}, {"rewrite", yes}}, as_text);
    EXPECT_TRUE(wanted.request.verify);
    EXPECT_EQ(wanted.request.best_of, 4);
    EXPECT_EQ(wanted.rewrite, true);
  }
  EXPECT_EQ(read({{"prompt", "x"}, {"best_of", limits::kMaxBestOf}}).request.best_of,
            limits::kMaxBestOf);
  for (const json& wrong : std::vector<json>{0, limits::kMaxBestOf + 1, 1.5, "many"}) {
    expect_refusal(400, "best_of", [&] { read({{"prompt", "x"}, {"best_of", wrong}}); });
  }
  expect_refusal(400, "verify", [] { read({{"prompt", "x"}, {"verify", "yes"}}); });
  expect_refusal(400, "rewrite", [] { read({{"prompt", "x"}, {"rewrite", 2}}); });
}

TEST(ImageRequest, UnsetFieldsAreLeftToTheModel) {
  const auto plain = read({{"prompt", "x"}}).request;
  EXPECT_EQ(plain.width, 0);
  EXPECT_FALSE(plain.steps);
  EXPECT_FALSE(plain.guidance);
  EXPECT_FALSE(read({{"prompt", "x"}, {"quality", "auto"}}).request.steps);

  RequestLimits limits;
  limits.default_steps = 12;
  const auto steps = [&](const json& fields) {
    return read_image_request(fields, limits).request.steps;
  };
  EXPECT_EQ(steps({{"prompt", "x"}}), 12);
  EXPECT_EQ(steps({{"prompt", "x"}, {"steps", 7}}), 7);
  limits.max_steps = 9;
  EXPECT_EQ(steps({{"prompt", "x"}}), 9);
  EXPECT_EQ(steps({{"prompt", "x"}, {"quality", "high"}}), 9);
}

TEST(ImageRequest, ASeedIsKeptOrRandom) {
  EXPECT_EQ(read({{"prompt", "x"}, {"seed", 42}}).request.seed, 42U);
  EXPECT_NE(read({{"prompt", "x"}}).request.seed,
            read({{"prompt", "x"}, {"seed", -1}}).request.seed);
}

TEST(ImageRequest, ASeedHasTheRangeOfTheCommandLine) {
  constexpr auto kLargest = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(read({{"prompt", "x"}, {"seed", kLargest}}).request.seed, kLargest);
  EXPECT_EQ(read({{"prompt", "x"}, {"seed", "18446744073709551615"}}, true).request.seed, kLargest);
  // 2^53 + 1, which a double cannot represent.
  const auto of_body = [](const std::string& seed) {
    return read(parse_body(R"({"prompt": "x", "seed": )" + seed + "}")).request.seed;
  };
  EXPECT_EQ(of_body("9007199254740993"), 9007199254740993U);
  EXPECT_EQ(of_body("9007199254740993.0"), 9007199254740993U);
  EXPECT_EQ(of_body("1844674407370955161.5e1"), kLargest);
  EXPECT_EQ(of_body("1e19"), 10000000000000000000U);
  EXPECT_EQ(of_body("-0"), 0U);
  EXPECT_EQ(of_body("-0.0"), 0U);
  for (const char* wrong :
       {"18446744073709551616", "1.8446744073709551616e19", "1e20", "-2", "0.5", "\"1\"", "true"}) {
    expect_refusal(400, "seed", [&] { of_body(wrong); });
  }
}

TEST(ImageRequest, RefusesAKeyThatStandsTwice) {
  const auto message =
      expect_refusal(400, "", [] { parse_body(R"({"prompt": "x", "seed": 1, "seed": 2})"); });
  EXPECT_NE(message.find("'seed' is repeated"), std::string::npos) << message;
}

TEST(ImageRequest, AcceptsAllSpellingsOfANumber) {
  for (const char* hundred : {"100", "100.0", "1e2", "1E+2", "10000e-2"}) {
    const auto body = std::string(R"({"prompt": "x", "n": 1.0, "steps": )") + hundred + "}";
    EXPECT_EQ(read(parse_body(body)).request.steps, 100) << hundred;
    EXPECT_EQ(read({{"prompt", "x"}, {"steps", hundred}}, true).request.steps, 100) << hundred;
  }
  // A form accepts only numbers in JSON's syntax.
  for (const char* wrong : {"+9", "010", "0x9", "9 ", "9.5", "9,0", "nan", "1e", "[9]"}) {
    expect_refusal(400, "steps", [&] { read({{"prompt", "x"}, {"steps", wrong}}, true); });
  }
  EXPECT_FALSE(std::signbit(*read({{"prompt", "x"}, {"top_p", -0.0}}).request.top_p));
}

TEST(ImageRequest, BoundsAreThoseOfTheEngine) {
  const std::vector<std::tuple<const char*, double, double>> ranges = {
      {"guidance", limits::kMinGuidance, limits::kMaxGuidance},
      {"temperature", limits::kMinTemperature, limits::kMaxTemperature},
      {"top_p", limits::kMinTopP, limits::kMaxTopP}};
  for (const auto& [name, least, most] : ranges) {
    for (const double inside : {least, most}) {
      EXPECT_NO_THROW(read({{"prompt", "x"}, {name, inside}})) << name << ' ' << inside;
    }
    for (const double outside : {std::nextafter(least, -1.0), std::nextafter(most, 1e9)}) {
      expect_refusal(400, name, [&, field = name] { read({{"prompt", "x"}, {field, outside}}); });
    }
  }
}

TEST(ImageRequest, UnsupportedFieldsAreRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"image", "/v1/images/edits"},
      {"image[]", "/v1/images/edits"},
      {"images", "/v1/images/edits"},
      {"input_reference", "/v1/images/edits"},
      {"init_image", "/v1/images/edits"},
      {"mask", "/v1/images/edits"},
      {"negative_prompt", "prompt"},
      {"negativePrompt", "prompt"},
      {"strength", "prompt"},
      {"width", "size"},
      {"aspect_ratio", "size"},
      {"cfg_scale", "guidance"},
      {"num_images", "n"},
      {"sampler_name", "sampler"},
      {"lora", "loras"},
      {"adapters", "loras"},
      {"controlnet", "model"},
      {"extra_body", "prompt"}};
  for (const auto& [name, instead] : fields) {
    const auto message = expect_refusal(400, name, [&, field = name] {
      read({{"prompt", "x"}, {field, "a value"}});
    });
    EXPECT_EQ(message.rfind(name, 0), 0U) << message;
    EXPECT_NE(message.find(instead), std::string::npos) << message;
    for (const json& empty :
         {json(nullptr), json(""), json::array(), json::object(), json(false)}) {
      EXPECT_NO_THROW(read({{"prompt", "x"}, {name, empty}})) << name << empty;
    }
  }
  EXPECT_NO_THROW(read({{"prompt", "x"}, {"batch_size", 1}}));
  expect_refusal(400, "batch_size", [] { read({{"prompt", "x"}, {"batch_size", 2}}); });
  expect_refusal(400, "style", [] { read({{"prompt", "x"}, {"style", "manga"}}); });
}

TEST(ImageRequest, LorasAreNamesWithScales) {
  EXPECT_FALSE(read({{"prompt", "x"}}).request.adapters.has_value());
  EXPECT_TRUE(read({{"prompt", "x"}, {"loras", json::array()}}).request.adapters->empty());
  const auto list = json::parse(R"([{"name": "style", "scale": 0.5}, {"name": "ink"}])");
  for (const bool as_text : {false, true}) {
    const auto loras = as_text ? json(list.dump()) : list;
    const auto request =
        read_image_request({{"prompt", "x"}, {"loras", loras}}, RequestLimits(), as_text).request;
    ASSERT_EQ(request.adapters->size(), 2U);
    EXPECT_EQ(request.adapters->at(0).name, "style");
    EXPECT_EQ(request.adapters->at(0).scale, 0.5);
    EXPECT_EQ(request.adapters->at(1).name, "ink");
    EXPECT_EQ(request.adapters->at(1).scale, 1);
  }
  for (const char* bad : {R"("style")",
                          R"({"name": "style"})",
                          R"(["style"])",
                          R"([{"scale": 1}])",
                          R"([{"name": 1}])",
                          R"([{"name": "style", "scale": "1"}])",
                          R"([{"name": "style", "scale": 11}])"}) {
    expect_refusal(400, "loras", [&] { read({{"prompt", "x"}, {"loras", json::parse(bad)}}); });
  }
}

TEST(ImageRequest, NeutralValuesOfUnsupportedFieldsAreAccepted) {
  EXPECT_NO_THROW(read({{"prompt", "x"},
                        {"user", "u"},
                        {"safety_identifier", "s"},
                        {"metadata", {{"a", 1}}},
                        {"moderation", "auto"},
                        {"style", "vivid"},
                        {"input_fidelity", "high"},
                        {"complexity", "low"}}));
}

TEST(ImageRequest, ErrorsNameTheField) {
  const std::vector<std::pair<std::string, json>> wrong = {
      {"prompt", 7},
      {"prompt", "  "},
      {"n", 0},
      {"n", 11},
      {"n", "2"},
      {"n", 1.5},
      {"size", "big"},
      {"size", "512"},
      {"size", "512x"},
      {"size", "-512x512"},
      {"size", "8x8"},
      {"size", "5000x512"},
      {"size", "4096x4096"},
      {"size", "512x512x3"},
      {"size", 512},
      {"quality", "best"},
      {"steps", 0},
      {"steps", 101},
      {"steps", -1},
      {"steps", json(uint64_t{1} << 63)},
      {"guidance", 0.5},
      {"guidance", "much"},
      {"guidance", 1e300},
      {"temperature", 0},
      {"top_p", 2},
      {"seed", -2},
      {"seed", 1e30},
      {"response_format", "file"},
      {"output_format", "gif"},
      {"output_compression", 101},
      {"stream", "yes"},
      {"partial_images", 9},
      {"background", "transparent"},
      {"texts", 3},
      {"texts", json({1, 2})},
      {"glyph_rules", "none"},
  };
  for (const auto& [name, value] : wrong) {
    json fields = {{"prompt", "x"}};
    fields[name] = value;
    expect_refusal(400, name, [&] { read(fields); });
  }
  expect_refusal(400, "prompt", [] { read(json::object()); });
}

TEST(ImageRequest, FormsSendNumbersAsTexts) {
  const json fields = {
      {"prompt", "x"}, {"n", "2"}, {"steps", "9"}, {"guidance", "2.5"}, {"stream", "true"}};
  const auto wanted = read(fields, /*as_text=*/true);
  EXPECT_EQ(wanted.request.count, 2);
  EXPECT_EQ(wanted.request.steps, 9);
  EXPECT_EQ(wanted.request.guidance, 2.5);
  EXPECT_TRUE(wanted.stream);
  expect_refusal(400, "n", [] { read({{"prompt", "x"}, {"n", "2 "}}, true); });
}

TEST(ImageRequest, EmptyFieldsOfFormsAreAbsent) {
  const json fields = {{"prompt", "x"}, {"n", ""}, {"size", ""}, {"seed", ""}, {"quality", ""}};
  const auto wanted = read(fields, /*as_text=*/true);
  EXPECT_EQ(wanted.request.count, 1);
  EXPECT_EQ(wanted.request.width, 0);
  EXPECT_EQ(wanted.quality, "auto");
  expect_refusal(400, "prompt", [] { read({{"prompt", ""}}, true); });
  expect_refusal(400, "n", [] { read({{"prompt", "x"}, {"n", ""}}); });
}

}  // namespace
}  // namespace glm_image::test
