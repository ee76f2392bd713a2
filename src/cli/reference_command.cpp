#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/completions.h"
#include "cli/manual_page.h"
#include "core/atomic_file.h"
#include "core/output_error.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

void write_reference(const CLI::App& app, const fs::path& folder) {
  const auto write = [&](const fs::path& file, const std::string& text) {
    std::error_code error;
    fs::create_directories((folder / file).parent_path(), error);
    if (error) {
      fail_output(error.value(),
                  (folder / file).parent_path().string(),
                  " cannot be made: ",
                  error.message());
    }
    write_file_atomically(folder / file, text);
  };
  const auto table = command_table(app);
  for (const auto& command : table) {
    write(fs::path("man/man1") / (page_name(command) + ".1"), manual_page(command, table));
  }
  write("bash-completion/completions/glm-image", bash_completion(table));
  write("zsh/vendor-completions/_glm-image", zsh_completion(table));
  write("fish/vendor_completions.d/glm-image.fish", fish_completion(table));
}

}  // namespace

void add_reference_command(CLI::App& app) {
  auto* command =
      app.add_subcommand("reference", "Write manual pages and shell completions of this program");
  // The build calls it; the help of commands does not show it.
  command->group("");
  const auto folder = std::make_shared<std::string>();
  command->add_option("-o,--output", *folder, "The folder to write, laid out as /usr/share")
      ->required()
      ->type_name("DIR");
  command->callback([&app, folder] { write_reference(app, *folder); });
}

}  // namespace glm_image::cli
