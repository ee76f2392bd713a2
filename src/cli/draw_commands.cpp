#include <memory>

#include "cli/draw_options.h"

namespace glm_image::cli {

void add_generate_command(CLI::App& app) {
  auto* command = app.add_subcommand("generate", "Draw pictures from a prompt");
  const auto options = std::make_shared<DrawOptions>();
  add_draw_options(*command, *options);
  command->footer(
      "Examples:\n"
      "  glm-image generate --prompt 'A dark green poster with a football and the title \"OPEN "
      "DAY\"' -o poster.png\n"
      "  glm-image generate -p 'Une affiche blanche avec une pomme et le titre « Marché »' "
      "--count 4\n"
      "  glm-image generate -p 'a market' --save-tokens market.json\n"
      "  glm-image generate -p 'a market' --tokens market.json --seed 8    same composition, other "
      "details\n"
      "  glm-image generate --like picture.png --steps 30");
  command->callback([options] { draw_pictures(*options); });
}

void add_edit_command(CLI::App& app) {
  auto* command = app.add_subcommand("edit", "Draw pictures from a prompt and from other pictures");
  const auto options = std::make_shared<DrawOptions>();
  command
      ->add_option("--image,-i",
                   options->images,
                   "A picture to start from: PNG, JPEG or WebP of any size (repeatable)")
      ->required()
      ->type_name("FILE")
      ->allow_extra_args(false);
  add_draw_options(*command, *options);
  command->footer(
      "Without --size the new picture has the size of the first one, scaled down if it has more\n"
      "pixels than the model's own size.\n\n"
      "Examples:\n"
      "  glm-image edit --image photo.jpg --prompt 'Make it night and write \"SALAM\"'\n"
      "  glm-image edit -i person.png -i street.png -p 'Put the person into the street' -o "
      "both.webp");
  command->callback([options] { draw_pictures(*options); });
}

}  // namespace glm_image::cli
