#!/usr/bin/env python3
"""draw.py MODEL PROMPT [OUTPUT.png]: draws a picture through the C interface, with ctypes alone.

Without OUTPUT a window shows the picture (needs python3-tk). $GLM_IMAGE_LIBRARY names the library if
it is not where the system looks.
"""

import ctypes
import os
import sys

LIBRARY = os.environ.get("GLM_IMAGE_LIBRARY", "libglm_image_c.so.1")


class Progress(ctypes.Structure):
    _fields_ = [("stage", ctypes.c_int), ("step", ctypes.c_int64), ("total", ctypes.c_int64),
                ("picture", ctypes.c_int64)]


ProgressFunction = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Progress), ctypes.c_void_p)


def load_library():
    """The library, with the result types that ctypes would take for int."""
    library = ctypes.CDLL(LIBRARY)
    text, address, integer = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int64
    for name, result in [("error_message", text), ("stage_name", text),
                         ("request_create", address), ("result_picture", address),
                         ("picture_width", integer), ("picture_height", integer),
                         ("picture_pixels", ctypes.POINTER(ctypes.c_ubyte))]:
        getattr(library, "glm_image_" + name).restype = result
    return library


class Error(Exception):
    pass


def call(library, name, *arguments):
    """Calls a function whose last argument is the error; raises it as an exception."""
    error = ctypes.c_void_p()
    if getattr(library, "glm_image_" + name)(*arguments, ctypes.byref(error)) != 0:
        message = library.glm_image_error_message(error).decode()
        library.glm_image_error_free(error)
        raise Error(message)


def draw(library, model, prompt, use):
    """Draws a picture and hands its address to `use`, while it exists."""

    @ProgressFunction
    def show(progress, _):
        now = progress.contents
        name = library.glm_image_stage_name(now.stage).decode()
        print(f"\r{name}: {now.step} of {now.total}          ", end="", file=sys.stderr)
        return 0  # another value stops

    pipeline, result = ctypes.c_void_p(), ctypes.c_void_p()
    request = ctypes.c_void_p(library.glm_image_request_create())
    try:
        call(library, "load", os.fsencode(model), None, ctypes.byref(pipeline))
        call(library, "request_set_prompt", request, prompt.encode())
        call(library, "request_set_seed", request, ctypes.c_uint64(1))
        call(library, "generate", pipeline, request, show, None, None, ctypes.byref(result))
        print(file=sys.stderr)
        use(ctypes.c_void_p(library.glm_image_result_picture(result, ctypes.c_size_t(0))))
    finally:
        library.glm_image_result_free(result)
        library.glm_image_request_free(request)
        library.glm_image_pipeline_free(pipeline)


def show_window(library, picture):
    import tkinter

    width = library.glm_image_picture_width(picture)
    height = library.glm_image_picture_height(picture)
    pixels = ctypes.string_at(library.glm_image_picture_pixels(picture), width * height * 3)
    window = tkinter.Tk()
    image = tkinter.PhotoImage(data=b"P6 %d %d 255\n" % (width, height) + pixels, format="ppm")
    tkinter.Label(window, image=image).pack()
    window.mainloop()


def main(arguments):
    if len(arguments) not in (3, 4):
        sys.exit("usage: draw.py MODEL PROMPT [OUTPUT.png]")
    library = load_library()

    def use(picture):
        if len(arguments) == 3:
            show_window(library, picture)
            return
        call(library, "picture_write", picture, os.fsencode(arguments[3]), 0, 1)
        print(f"{arguments[3]}: {library.glm_image_picture_width(picture)} x "
              f"{library.glm_image_picture_height(picture)} pixels")

    try:
        draw(library, arguments[1], arguments[2], use)
    except Error as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv)
