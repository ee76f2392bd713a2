#!/usr/bin/env python3
"""text_checks_test.py LIBRARY MODEL EXAMPLES: reads texts back through ctypes, beside examples/draw.py."""

import ctypes
import os
import sys

library_file, model, examples = sys.argv[1:]
os.environ["GLM_IMAGE_LIBRARY"] = library_file
sys.path.insert(0, examples)
sys.dont_write_bytecode = True
from draw import call, load_library  # noqa: E402

FOUND = 0


class TextCheck(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char_p), ("state", ctypes.c_int), ("read", ctypes.c_char_p),
                ("similarity", ctypes.c_double), ("left", ctypes.c_int64), ("top", ctypes.c_int64),
                ("width", ctypes.c_int64), ("height", ctypes.c_int64), ("unknown_letters", ctypes.c_char_p)]


VerifyFunction = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.POINTER(TextCheck)),
                                  ctypes.c_size_t, ctypes.c_void_p)
sizes = []
kept = []  # texts for the library, which it copies after the function


@VerifyFunction
def find_in_the_second_picture(picture, checks, count, _):
    sizes.append(library.glm_image_picture_width(ctypes.c_void_p(picture)))
    for i in range(count):
        check = checks[i].contents
        if len(sizes) == 2:
            kept.append(check.text)
            check.state, check.similarity, check.read = FOUND, 1, kept[-1]
            check.width, check.height = 30, 10
    return 0


library = load_library()
for name, result in [("options_create", ctypes.c_void_p), ("result_candidates", ctypes.c_int64),
                     ("picture_text_check_count", ctypes.c_size_t),
                     ("picture_text_check", ctypes.POINTER(TextCheck))]:
    getattr(library, "glm_image_" + name).restype = result

options = ctypes.c_void_p(library.glm_image_options_create())
request = ctypes.c_void_p(library.glm_image_request_create())
pipeline, result = ctypes.c_void_p(), ctypes.c_void_p()
call(library, "options_set_verifier", options, find_in_the_second_picture, None)
call(library, "load", os.fsencode(model), options, ctypes.byref(pipeline))
call(library, "request_set_prompt", request, "Une affiche avec le titre « École »".encode())
call(library, "request_set_size", request, ctypes.c_int64(64), ctypes.c_int64(64))
call(library, "request_set_steps", request, ctypes.c_int64(1))
call(library, "request_set_verify", request, 1)
call(library, "request_set_best_of", request, ctypes.c_int64(3))
call(library, "generate", pipeline, request, None, None, None, ctypes.byref(result))

picture = ctypes.c_void_p(library.glm_image_result_picture(result, ctypes.c_size_t(0)))
assert sizes == [64, 64], sizes
assert library.glm_image_result_candidates(result) == 2
assert library.glm_image_picture_text_check_count(picture) == 1
check = library.glm_image_picture_text_check(picture, ctypes.c_size_t(0)).contents
assert (check.state, check.similarity, check.width, check.height) == (FOUND, 1, 30, 10)
assert check.text.decode() == check.read.decode() == "École"
assert check.unknown_letters == b""
library.glm_image_result_free(result)
library.glm_image_request_free(request)
library.glm_image_pipeline_free(pipeline)
library.glm_image_options_free(options)
