#pragma once

#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>

#include <memory>

namespace glm_image::posters {

template <auto kRelease>
struct Releaser {
  template <typename T>
  void operator()(T* handle) const {
    kRelease(handle);
  }
};

template <typename T>
using ObjectHandle = std::unique_ptr<T, Releaser<g_object_unref>>;
using FontDescriptionHandle =
    std::unique_ptr<PangoFontDescription, Releaser<pango_font_description_free>>;
using LayoutIteratorHandle = std::unique_ptr<PangoLayoutIter, Releaser<pango_layout_iter_free>>;
using AttributesHandle = std::unique_ptr<PangoAttrList, Releaser<pango_attr_list_unref>>;
using SurfaceHandle = std::unique_ptr<cairo_surface_t, Releaser<cairo_surface_destroy>>;
using CairoHandle = std::unique_ptr<cairo_t, Releaser<cairo_destroy>>;
using FontOptionsHandle =
    std::unique_ptr<cairo_font_options_t, Releaser<cairo_font_options_destroy>>;
using FontConfigHandle = std::unique_ptr<FcConfig, Releaser<FcConfigDestroy>>;

}  // namespace glm_image::posters
