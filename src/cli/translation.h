#pragma once

#include <initializer_list>
#include <string>

#include "core/text_format.h"

/// Translations of the program's messages. The texts in the sources are English;
/// catalogues of other languages are in po/, in gettext's format. JSON, logs and the API are always
/// English, and so are the C library's messages: the locale stays as it is.
namespace glm_image::cli {

/// Reads the language from the environment (LC_ALL, LC_MESSAGES, LANG and LANGUAGE, as gettext
/// does). Until it is called, or without a catalogue, texts are English. Call it while the program
/// has one thread.
void choose_language();

/// The text in the user's language, with `values` in the places %1, %2 …
std::string tr(const std::string& text, std::initializer_list<std::string> values = {});
std::string tr(const PatternText& text);

/// A whole sentence, such as an error's message, in the user's language, if the catalogue has it or
/// a pattern of it (cli/message_patterns.h). The values of a pattern are translated likewise.
std::string translated(const std::string& sentence);

/// Characters of UTF-8, for columns of a terminal.
std::size_t columns_of(const std::string& text);

}  // namespace glm_image::cli
