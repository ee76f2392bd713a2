#include <memory>

#include "cli/draw_options.h"
#include "cli/whole_number.h"
#include "glm_image/limits.h"

namespace glm_image::cli {

void add_generate_command(CLI::App& app) {
  auto* command = app.add_subcommand("generate", "Draw pictures from a prompt");
  const auto options = std::make_shared<DrawOptions>();
  add_draw_options(*command, *options);
  command->add_flag("--draft",
                    options->draft,
                    "Small quick drafts on one sheet, with files of tokens, to choose from");
  command->footer(
      "Examples:\n"
      "  glm-image generate --prompt 'A dark green poster with a football and the title \"OPEN "
      "DAY\"' -o poster.png\n"
      "  glm-image generate -p 'Une affiche blanche avec une pomme et le titre « Marché »' "
      "--count 4\n"
      "  glm-image generate -p 'a market' --save-tokens market.json\n"
      "  glm-image generate -p 'a market' --tokens market.json --seed 8    same composition, other "
      "details\n"
      "  glm-image generate -p 'a market' --draft --count 8 -o drafts.png    then one of them:\n"
      "  glm-image generate --tokens drafts-3.json -o market.png\n"
      "  glm-image generate --like picture.png --steps 30\n"
      "  glm-image generate -p 'a market' --lora style.safetensors:0.8 -o market.png\n"
      "  glm-image generate -p 'a market' --model models/glm-image-q4 --max-memory 8GB");
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
  command
      ->add_option("--reference-pixels",
                   options->reference_pixels,
                   "Read each picture at no more than N pixels; fewer take less time (default: 0, "
                   "the model's own)")
      ->transform(whole_number<int64_t>(0, limits::kMaxReferencePixels))
      ->type_name("N");
  add_draw_options(*command, *options);
  command->footer(
      "Without --size the new picture has the size of the first one, scaled down if it has more\n"
      "pixels than the model's own size.\n\n"
      "Examples:\n"
      "  glm-image edit --image photo.jpg --prompt 'Make it night and write \"SALAM\"'\n"
      "  glm-image edit -i person.png -i street.png -p 'Put the person into the street' -o "
      "both.webp\n"
      "  glm-image edit -i photo.jpg -p 'Make it night' --reference-pixels 500000");
  command->callback([options] { draw_pictures(*options); });
}

}  // namespace glm_image::cli
