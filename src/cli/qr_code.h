#pragma once

#include <functional>
#include <string>
#include <vector>

namespace glm_image::cli {

/// The lines of a square of dark and light modules in half blocks, two rows of modules a line. A
/// block is dark and a space light. Four light modules surround the square, as ISO/IEC 18004 asks.
std::vector<std::string> half_blocks(int side, const std::function<bool(int x, int y)>& is_dark);

/// The QR code of a text in half blocks. Empty if the text is too long for one, or if the program
/// was built without libqrencode.
std::vector<std::string> qr_code(const std::string& text);

/// The QR code in black on white, for a terminal of so many columns. Empty below 40 columns, or if
/// the code is wider than the terminal.
std::string terminal_qr_code(const std::string& text, int columns);

/// Returns the width in columns of the terminal behind the file descriptor; 0 if the file is not a
/// terminal, or if the terminal has no colours.
int terminal_columns(int file);

}  // namespace glm_image::cli
