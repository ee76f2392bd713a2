#include "nano/posters/font_room.h"

#include <pango/pangofc-fontmap.h>

#include "core/error.h"

namespace glm_image::posters {
namespace {

FontDescriptionHandle describe(const Typeface& face, double size) {
  FontDescriptionHandle description(pango_font_description_new());
  pango_font_description_set_family(description.get(), face.family.c_str());
  pango_font_description_set_weight(description.get(),
                                    face.bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  pango_font_description_set_style(description.get(),
                                   face.italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
  pango_font_description_set_absolute_size(description.get(), size * PANGO_SCALE);
  return description;
}

}  // namespace

FontRoom::FontRoom(const std::vector<std::filesystem::path>& files)
    : config_(FcConfigCreate()),
      map_(pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT)),
      attributes_(pango_attr_list_new()) {
  for (const auto& file : files) {
    const auto name = reinterpret_cast<const FcChar8*>(file.c_str());
    if (FcConfigAppFontAddFile(config_.get(), name) == FcFalse) {
      fail(ErrorCode::kNotFound, file.string(), ": cannot be read as a font");
    }
  }
  pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(map_.get()), config_.get());
  context_.reset(pango_font_map_create_context(map_.get()));
  const FontOptionsHandle options(cairo_font_options_create());
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  pango_cairo_context_set_font_options(context_.get(), options.get());
  pango_cairo_context_set_resolution(context_.get(), 96);
  pango_context_set_round_glyph_positions(context_.get(), FALSE);
  pango_context_set_language(context_.get(), pango_language_from_string("und"));
  pango_attr_list_insert(attributes_.get(), pango_attr_font_features_new("liga=0,clig=0"));
}

ObjectHandle<PangoLayout> FontRoom::lay_out(const std::string& text,
                                            const Typeface& face,
                                            double size) const {
  ObjectHandle<PangoLayout> layout(pango_layout_new(context_.get()));
  const auto description = describe(face, size);
  pango_layout_set_font_description(layout.get(), description.get());
  pango_layout_set_attributes(layout.get(), attributes_.get());
  pango_layout_set_single_paragraph_mode(layout.get(), TRUE);
  pango_layout_set_text(layout.get(), text.data(), static_cast<int>(text.size()));
  return layout;
}

ObjectHandle<PangoFont> FontRoom::open(const Typeface& face, double size) const {
  const auto description = describe(face, size);
  ObjectHandle<PangoFont> font(
      pango_font_map_load_font(map_.get(), context_.get(), description.get()));
  if (!font) fail(ErrorCode::kNotFound, "the font ", typeface_name(face), " cannot be opened");
  return font;
}

}  // namespace glm_image::posters
