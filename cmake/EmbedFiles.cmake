# Writes page_files.cpp: the files of web/ as C++ text. Run at build time with
#   cmake -DWEB=<folder> -DOUTPUT=<file> -P EmbedFiles.cmake
set(entries "")
foreach(row "index.html|/|text/html; charset=utf-8" "page.css|/page.css|text/css; charset=utf-8"
            "page.js|/page.js|text/javascript; charset=utf-8"
            "dom.js|/dom.js|text/javascript; charset=utf-8"
            "drawing.js|/drawing.js|text/javascript; charset=utf-8"
            "form.js|/form.js|text/javascript; charset=utf-8"
            "progress.js|/progress.js|text/javascript; charset=utf-8"
            "prompt.js|/prompt.js|text/javascript; charset=utf-8"
            "sources.js|/sources.js|text/javascript; charset=utf-8"
            "words.js|/words.js|text/javascript; charset=utf-8"
            "server.js|/server.js|text/javascript; charset=utf-8"
            "gallery.js|/gallery.js|text/javascript; charset=utf-8"
            "verification.js|/verification.js|text/javascript; charset=utf-8"
            "refusals.js|/refusals.js|text/javascript; charset=utf-8"
            "warnings.js|/warnings.js|text/javascript; charset=utf-8"
            "loras.js|/loras.js|text/javascript; charset=utf-8"
            "jobs.js|/jobs.js|text/javascript; charset=utf-8"
            "icon.svg|/icon.svg|image/svg+xml")
  string(REPLACE "|" ";" row "${row}")
  # "text/html; charset" contains a semicolon, the list separator.
  list(GET row 0 file)
  list(GET row 1 path)
  list(SUBLIST row 2 -1 type)
  list(JOIN type ";" type)
  file(READ "${WEB}/${file}" content HEX)
  # Compilers limit the length of one literal; adjacent literals are concatenated.
  string(REGEX REPLACE "(................................................................)" "\\1\n" content "${content}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" content "${content}")
  string(REPLACE "\n" "\"\n      \"" content "${content}")
  file(SIZE "${WEB}/${file}" size)
  string(APPEND entries "    {\"${path}\", \"${type}\", std::string(\n      \"${content}\", ${size})},\n")
endforeach()
file(WRITE "${OUTPUT}" "#include \"server/page.h\"

namespace glm_image::server {

const std::vector<PageFile>& page_files() {
  static const std::vector<PageFile> files = {
${entries}  };
  return files;
}

}  // namespace glm_image::server
")
