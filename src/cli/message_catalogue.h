#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace glm_image::cli {

/// Translations as msgfmt writes them: GNU gettext's MO format, little endian, without contexts and
/// plural forms (https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html). The C
/// library reads such files too. But since glibc 2.39 it does so only for locales that were
/// generated on the machine, and small systems have only the locale C.
class MessageCatalogue {
 public:
  /// No translations.
  MessageCatalogue() = default;
  /// A file that cannot be read, or is damaged, has no translations.
  static MessageCatalogue load(const std::filesystem::path& path);

  /// Returns the translation of a text, or the text itself if the catalogue lacks it.
  std::string find(const std::string& text) const;

 private:
  /// Where the file's tables of texts and translations begin; each row is a length and a position.
  struct Tables {
    uint32_t count = 0, texts = 0, translations = 0;
  };
  std::string_view row(uint32_t table, uint32_t index) const;
  uint32_t number(std::size_t position) const;

  std::string file_;
  Tables tables_;
};

}  // namespace glm_image::cli
