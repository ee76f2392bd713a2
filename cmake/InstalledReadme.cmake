# Writes a README for /usr/share/doc/glm-image: its links lead to where the packages put the files.
#   cmake -DREADME=<file> -DOUTPUT=<file> -P InstalledReadme.cmake
file(READ "${README}" text)
foreach(row "(models/nano/model_card.md)|(../../glm_image/models/nano/model_card.md)"
            "(examples/README.md)|(../libglm-image-dev/examples/README.md)"
            "(CHANGELOG.md)|(changelog.gz)"
            "[contributing](CONTRIBUTING.md)|contributing: CONTRIBUTING.md in the sources"
            "[contribuer](CONTRIBUTING.md)|contribuer : CONTRIBUTING.md dans les sources")
  string(REGEX MATCH "^([^|]*)\\|(.*)$" row "${row}")
  string(REPLACE "${CMAKE_MATCH_1}" "${CMAKE_MATCH_2}" text "${text}")
endforeach()
file(WRITE "${OUTPUT}" "${text}")
