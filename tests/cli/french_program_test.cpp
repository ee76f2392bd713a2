// The program speaks French where the user does.

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/compiled_catalogue.h"
#include "support/program.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

class FrenchProgram : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(compiled_catalogue())) GTEST_SKIP() << "built without gettext";
  }
  static ProgramResult run(const std::vector<std::string>& arguments,
                           const std::vector<std::string>& variables = {"LC_ALL=fr_FR.UTF-8"}) {
    std::vector<std::string> command = {"/usr/bin/env"};
    command.insert(command.end(), variables.begin(), variables.end());
    command.push_back(glm_image_program());
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_program(command);
  }
  static std::string refusal(const std::vector<std::string>& arguments) {
    const auto result = run(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    return result.err;
  }
};

/// Words with single spaces between them: versions of CLI11 break lines differently.
std::string words_of(const std::string& text) {
  std::istringstream stream(text);
  std::string words;
  for (std::string word; stream >> word;) words += word + ' ';
  return words;
}

TEST_F(FrenchProgram, HelpsInFrench) {
  // fr_FR.UTF-8 need not be generated on the machine.
  for (const std::vector<std::string>& variables :
       {std::vector<std::string>{"LC_ALL=fr_FR.UTF-8"},
        std::vector<std::string>{"LC_ALL=", "LANG=fr_BF.UTF-8"},
        std::vector<std::string>{"LC_ALL=C.UTF-8", "LANGUAGE=fr"},
        std::vector<std::string>{"LC_ALL=mos_BF.UTF-8", "LANGUAGE=mos:fr_BF"}}) {
    const auto help = run({"generate", "--help"}, variables);
    EXPECT_EQ(help.exit_code, 0);
    for (const char* part : {"Dessiner des images d'après une consigne ",
                             "glm-image generate [OPTIONS]",
                             "Ce qu'il faut dessiner",
                             "Exemples : glm-image generate --prompt 'A dark green"}) {
      EXPECT_NE(words_of(help.out).find(part), std::string::npos) << variables[0] << '\n'
                                                                  << help.out;
    }
  }
  const auto training = run({"train", "--help"});
  for (const char* part : {"Partie : vocabulary, vae", "donne les clés", "arrêté ou tué"}) {
    EXPECT_NE(words_of(training.out).find(part), std::string::npos) << training.out;
  }
  const auto overview = run({"--help"});
  for (const char* part : {"Commandes:", "Vérifier cette machine", "donne les options d'une"}) {
    EXPECT_NE(words_of(overview.out).find(part), std::string::npos) << overview.out;
  }
  for (const std::vector<std::string>& variables :
       {std::vector<std::string>{"LC_ALL=C", "LANGUAGE=fr"},
        std::vector<std::string>{"LC_ALL=en_GB.UTF-8"},
        std::vector<std::string>{"LC_ALL=fr_FR.UTF-8", "LANGUAGE=en:fr"},
        std::vector<std::string>{"LC_ALL=../fr_FR.UTF-8"},
        std::vector<std::string>{"LC_ALL=mos_BF.UTF-8"}}) {
    const auto help = run({"generate", "--help"}, variables);
    EXPECT_NE(help.out.find("What to draw"), std::string::npos) << help.out;
  }
}

TEST_F(FrenchProgram, DescribesItsCommandsInFrench) {
  for (const std::string command : {"generate",
                                    "edit",
                                    "batch",
                                    "info",
                                    "metadata",
                                    "quantize",
                                    "self-test",
                                    "merge",
                                    "serve",
                                    "train",
                                    "data",
                                    "export",
                                    "evaluate"}) {
    const auto english = run({command, "--help"}, {"LC_ALL=C"}).out;
    const auto french = run({command, "--help"}).out;
    EXPECT_NE(english.substr(0, english.find('\n')), french.substr(0, french.find('\n')));
  }
  for (const std::string command : {"worker", "plan"}) {
    const auto english = run({command, "--help"}, {"LC_ALL=C"});
    if (english.exit_code != 0) continue;  // built without Gloo
    const auto french = run({command, "--help"}).out;
    for (const char* part : {"Lend this", "Predict how", "All machines need", "The prediction"}) {
      EXPECT_EQ(french.find(part), std::string::npos) << french;
    }
  }
}

/// The lines of a help text before its examples that are sentences: with four words or more.
std::set<std::string> sentences_of(const std::string& help) {
  std::set<std::string> sentences;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("Example", 0) == 0 || line.rfind("Exemple", 0) == 0) break;
    std::istringstream stream(line);
    int words = 0;
    for (std::string word; stream >> word;) {
      words += std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    }
    if (words >= 4) sentences.insert(words_of(line));
  }
  return sentences;
}

TEST_F(FrenchProgram, HelpsWithAllOptionsInFrench) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"generate"},
                                             {"edit"},
                                             {"batch"},
                                             {"info"},
                                             {"metadata"},
                                             {"quantize"},
                                             {"merge"},
                                             {"serve"},
                                             {"train"},
                                             {"train", "lora"},
                                             {"data", "check"},
                                             {"export"},
                                             {"evaluate"},
                                             {"worker"},
                                             {"plan"},
                                             {"self-test"}}) {
    auto arguments = command;
    arguments.emplace_back("--help");
    const auto english = run(arguments, {"LC_ALL=C"});
    if (english.exit_code != 0) continue;  // built without it
    const auto untranslated = sentences_of(english.out);
    EXPECT_FALSE(untranslated.empty()) << english.out;
    for (const auto& sentence : sentences_of(run(arguments).out)) {
      EXPECT_EQ(untranslated.count(sentence), 0U) << command.back() << ": " << sentence;
    }
  }
}

TEST_F(FrenchProgram, DescribesTheKeysOfAllStagesInFrench) {
  for (const std::string stage : {"vocabulary", "vae", "vq", "transformer", "generator"}) {
    const auto english = run({"train", stage, "--help"}, {"LC_ALL=C"});
    if (english.exit_code != 0) GTEST_SKIP() << "built without it";
    const auto untranslated = sentences_of(english.out);
    EXPECT_FALSE(untranslated.empty()) << english.out;
    const auto french = run({"train", stage, "--help"}).out;
    for (const auto& sentence : sentences_of(french)) {
      EXPECT_EQ(untranslated.count(sentence), 0U) << stage << ": " << sentence;
    }
    EXPECT_NE(french.find(" entier "), std::string::npos) << french;
  }
}

TEST_F(FrenchProgram, RefusesInFrench) {
  const auto model = tiny_model_dir().string();
  EXPECT_EQ(refusal({"genrate"}),
            "glm-image: « genrate » n'est pas une commande ; vouliez-vous dire `glm-image "
            "generate` ? (voir --help)\n");
  EXPECT_EQ(refusal({"generate", "-p", "x", "--cfg-scale", "7"}),
            "glm-image: generate n'a pas de --cfg-scale : donnez --guidance X (voir glm-image "
            "generate --help)\n");
  EXPECT_EQ(
      refusal({"--quiet", "generate", "-p", "x"}),
      "glm-image: glm-image n'attend pas « --quiet » avant la commande generate ; les options "
      "viennent après elle\n");
  EXPECT_EQ(refusal({"train", "lora", "x", "--nothing-like-it"}),
            "glm-image: train lora n'attend pas « x » (voir glm-image train lora --help)\n");
  EXPECT_EQ(refusal({"generate", "-p", "x", "--size", "big"}),
            "glm-image: --size doit être LARGEURxHAUTEUR, comme 1024x768 ; trouvé : « big »\n");
  EXPECT_EQ(refusal({"generate", "-p", "x", "--steps", "0"}),
            "glm-image: --steps : doit être un nombre entier de 1 à 1000 ; trouvé : 0 (voir "
            "--help)\n");
  EXPECT_EQ(refusal({"generate", "--prompt"}),
            "glm-image: --prompt : il manque une valeur (TEXT) (voir --help)\n");
  EXPECT_EQ(refusal({"edit", "-p", "x"}), "glm-image: --image est obligatoire (voir --help)\n");
  EXPECT_EQ(refusal({"generate", "-p", "x", "--seed", "1", "--seed", "2"}),
            "glm-image: --seed est donné 2 fois ; donnez-le une seule fois (voir --help)\n");
  EXPECT_EQ(refusal({"generate", "--model", model, "-p", " "}),
            "glm-image: la consigne est vide ; dites ce qu'il faut dessiner\n");
  EXPECT_EQ(refusal({"generate", "--model", model, "-p", "x", "-o", "/no/such/a.png"}),
            "glm-image: /no/such/a.png : ne peut pas être écrit : dossier /no/such : Aucun fichier "
            "ou dossier de ce nom\n");
  EXPECT_EQ(refusal({"generate", "--model", "/no/model", "-p", "x"}),
            "glm-image: /no/model : n'est pas un dossier avec un modèle GLM-Image\n");
  // A line of a batch: the sentence behind its place.
  const TemporaryDirectory folder;
  const auto file = (folder.path() / "b.jsonl").string();
  write_file(file, R"({"prompt": "x", "loras": [{"name": "ink"}]})");
  const auto line = refusal({"batch", file, "-o", folder.path().string(), "--model", model});
  EXPECT_EQ(line.rfind("glm-image: " + file + ":1: loras : 'ink' n'est ni dans le dossier", 0), 0U)
      << line;
  EXPECT_EQ(refusal({"generate", "-p", "x", "--rewrite", "http://example.org"}),
            "glm-image: --rewrite doit être l'adresse d'un serveur de dialogue de cette machine, "
            "comme http://127.0.0.1:8081/v1 ; trouvé : « http://example.org »\n");
  EXPECT_EQ(refusal({"quantize", "--model", model, "--weights", "q5", "-o", "/no/such/a"}),
            "glm-image: --weights : q5 n'est pas parmi {q8,q4,bf16} (voir --help)\n");
  write_file(file, R"({"prompt": "x", "steps": 0})");
  EXPECT_EQ(refusal({"batch", file, "-o", folder.path().string(), "--model", model}),
            "glm-image: " + file +
                ":1: steps doit être un nombre entier de 1 à 1000, trouvé : 0\n" +
                "glm-image: " + file + " : rien n'a été dessiné ; lignes incorrectes : 1\n");
  // Without a translation it is English.
  EXPECT_EQ(refusal({"generate", "-p", "x", "--guidance-interval", "x"}),
            "glm-image: --guidance-interval must be two numbers A:B, like 0:0.6; found 'x'\n");
}

TEST_F(FrenchProgram, RefusesTheLinesOfABatchInFrench) {
  const std::pair<const char*, const char*> lines[] = {
      {R"({})", "prompt doit être une chaîne de caractères ; rien n'est donné"},
      {R"({"prompt": "x", "steps": 0})",
       "steps doit être un nombre entier de 1 à 1000, trouvé : 0"},
      {R"({"prompt": "x", "guidance": "y"})",
       "guidance doit être un nombre de 1 à 100, trouvé : \"y\""},
      {R"({"prompt": "x", "verify": {}})", "verify doit être true ou false, trouvé : un objet"},
      {R"({"prompt": "x", "texts": ["y", 1]})",
       "texts doit être une liste de chaînes de caractères, trouvé : 1 à l'indice 1"},
      {R"({"prompt": "x", "solver": "heun"})",
       "solver doit être l'un de : euler, multistep, trouvé : \"heun\""},
      {R"({"prompt": "x", "guidance_interval": [0]})",
       "guidance_interval doit être deux nombres, trouvé : une liste de 1 éléments"},
      {R"({"prompt": "x", "composition": {"picture": 1}})",
       "composition.picture doit être un objet, trouvé : 1"},
      {R"({"prompt": "x", "name": "a/b"})",
       "name doit être le début d'un nom de fichier, au plus 100 octets sans / ni caractères de "
       "contrôle, trouvé : \"a/b\""},
      {R"({"prompt": "x", "setps": 1})", "setps n'est pas une clé connue ; clés connues : "},
      {R"([1])", "doit contenir un objet JSON, trouvé : une liste de 1 éléments"},
  };
  const TemporaryDirectory folder;
  const auto file = (folder.path() / "b.jsonl").string();
  std::string text;
  for (const auto& [line, sentence] : lines) text += std::string(line) + '\n';
  write_file(file, text);
  const auto refused =
      refusal({"batch", file, "-o", folder.path().string(), "--model", tiny_model_dir().string()});
  for (const auto& [line, sentence] : lines) {
    EXPECT_NE(refused.find(sentence), std::string::npos) << line << '\n' << refused;
  }
  EXPECT_EQ(refused.find(" must be "), std::string::npos) << refused;
}

TEST_F(FrenchProgram, WarnsInFrenchAndReportsInEnglish) {
  const TemporaryDirectory folder;
  const std::vector<std::string> draw = {"generate",
                                         "--model",
                                         tiny_model_dir().string(),
                                         "-p",
                                         "a pot",
                                         "--size",
                                         "64x64",
                                         "--steps",
                                         "1",
                                         "--json",
                                         "-o",
                                         (folder.path() / "a.png").string()};
  const auto result = run(draw);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err.rfind("avertissement : la taille 64x64 est loin de celles", 0), 0U)
      << result.err;
  const auto json = nlohmann::json::parse(result.out);
  const auto warning = json["warnings"][0].get<std::string>();
  EXPECT_EQ(warning.rfind("the size 64x64 is far from", 0), 0U) << warning;
  EXPECT_EQ(json["stages"][0]["stage"], "reading weights");
}

TEST_F(FrenchProgram, PrintsTablesInFrenchAndInLine) {
  const auto model = tiny_model_dir().string();
  const auto info = run({"info", "--model", model, "--max-memory", "8GB"});
  EXPECT_EQ(info.exit_code, 0) << info.err;
  for (const char* part : {"entraîné en", "composant", "en mémoire", "phase", "en flux"}) {
    EXPECT_NE(info.out.find(part), std::string::npos) << part << '\n' << info.out;
  }
  for (const char* part : {"trained at", "in memory", "streamed", "of the program itself"}) {
    EXPECT_EQ(info.out.find(part), std::string::npos) << part << '\n' << info.out;
  }
  const auto plan = run({"quantize", "--model", model, "--weights", "q8", "--dry-run"});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  // Accents take two bytes and one column: all rows end in the same column.
  std::set<std::size_t> ends;
  std::istringstream lines(plan.out);
  for (std::string line; std::getline(lines, line);) {
    ends.insert(static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    })));
  }
  EXPECT_EQ(ends.size(), 1U) << plan.out;
  EXPECT_NE(plan.out.find("tels quels"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find(" Mo"), std::string::npos) << plan.out;
}

TEST_F(FrenchProgram, ReportsDataInFrench) {
  if (run({"data", "check", "--help"}).exit_code != 0) GTEST_SKIP() << "built without it";
  const TemporaryDirectory folder;
  const auto file = [&](const std::string& name) { return (folder.path() / name).string(); };
  fs::copy_file(data_dir() / "tiny" / "t2i_square.png", file("a.png"));
  write_file(file("a.txt"), "A poster that says \"OPEN\"");
  write_file(file("b.png"), "no picture");
  write_file(file("b.txt"), "A pear");
  const auto result = run({"data", "check", folder.path().string(), "-o", file("sheet.jpg")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* part : {"image qui servira : 1 ; qui ne serviront pas : 1\n",
                           "\nNon utilisées :\n  b.png : n'est pas une image PNG, JPEG ou WebP\n",
                           "\nTailles (images, avec les répétitions) :\n",
                           "écrit \"OPEN\"",
                           "légendes sans texte entre guillemets : 0\n"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << '\n' << result.out;
  }
}

}  // namespace
}  // namespace glm_image::test
