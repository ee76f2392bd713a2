"""Makes the pictures of this folder with Pillow, whose decoders and resizing ours must equal.

NAME.ext is read by our decoder; NAME.expected.png holds Pillow's convert("RGB") of it, turned as its
Exif note says. resize_FILTER_WxH.png holds Pillow's resize of resize_source.png.
Made with Pillow 9.4.0: python3 make_data.py
"""

import os
import random

from PIL import Image, ImageOps

WIDTH, HEIGHT = 40, 27  # neither is a multiple of a JPEG block


def gradient():
    image = Image.new("RGB", (WIDTH, HEIGHT))
    image.putdata([(x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), (x * y * 5) % 256)
                   for y in range(HEIGHT) for x in range(WIDTH)])
    return image


def noise(width, height, seed):
    source = random.Random(seed)
    image = Image.new("RGB", (width, height))
    image.putdata([tuple(source.choice((0, 255, source.randrange(256))) for _ in range(3))
                   for _ in range(width * height)])
    return image


def expect(name):
    image = ImageOps.exif_transpose(Image.open(name))
    image.convert("RGB").save(name.rsplit(".", 1)[0] + ".expected.png", optimize=True)


def save(name, image, **options):
    image.save(name, **options)
    expect(name)


def exif(orientation):
    note = Image.Exif()
    note[0x010F] = "a phone"
    note[0x0112] = orientation
    return note.tobytes()


picture = gradient()
transparent = picture.copy()
transparent.putalpha(noise(WIDTH, HEIGHT, 1).convert("L"))

save("baseline_420.jpg", picture, quality=90)
save("baseline_422.jpg", picture, quality=90, subsampling=1)
save("progressive_444.jpg", picture, quality=90, subsampling=0, progressive=True)
save("grey.jpg", picture.convert("L"), quality=90)
save("cmyk.jpg", picture.convert("CMYK"), quality=95)
with open("cmyk.jpg", "rb") as cmyk, open("ycck.jpg", "wb") as ycck:
    # The same values marked as YCCK: 2 in the last byte of Adobe's marker.
    adobe = b"Adobe\x00\x64\x00\x00\x00\x00"
    ycck.write(cmyk.read().replace(adobe + b"\x00", adobe + b"\x02"))
expect("ycck.jpg")
save("turned_jpeg.jpg", picture, quality=90, exif=exif(6))
save("lossy.webp", picture, quality=90)
save("lossless_alpha.webp", transparent, lossless=True, exact=True)
save("turned_webp.webp", picture, lossless=True, exif=exif(8))
save("turned_png.png", picture, exif=exif(5))
save("palette.png", picture.quantize(16), bits=4, transparency=bytes(range(16)))
save("alpha.png", transparent)

# Animations: the first frame is read.
moving = dict(save_all=True, append_images=[picture.rotate(180), noise(WIDTH, HEIGHT, 3)])
save("animated.webp", picture, **moving)
save("animated_lossy_alpha.webp", transparent, quality=80, **moving)
save("moving.png", picture, **moving)
save("moving_behind_still.png", noise(WIDTH, HEIGHT, 4), default_image=True, **moving)


def chunk(name, data):
    return name + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)


def number(value, size=3):
    return value.to_bytes(size, "little")


# A first frame that covers only a part of the picture, at (6, 4).
part = transparent.crop((0, 0, 20, 10))
part.save("part.webp", lossless=True, exact=True)
with open("part.webp", "rb") as file:
    frame = file.read()[12:]
os.remove("part.webp")
frame = frame[frame.index(b"VP8L"):]
anmf = number(6 // 2) + number(4 // 2) + number(20 - 1) + number(10 - 1) + number(100) + b"\0"
body = (b"WEBP" + chunk(b"VP8X", number(0b10010, 4) + number(WIDTH - 1) + number(HEIGHT - 1)) +
        chunk(b"ANIM", number(0xFF00FF00, 4) + number(0, 2)) + chunk(b"ANMF", anmf + frame) +
        chunk(b"ANMF", anmf + frame))
with open("animated_part.webp", "wb") as file:
    file.write(b"RIFF" + number(len(body), 4) + body)
expect("animated_part.webp")

# Pictures as users send them.
for name in ("orientation_short.jpg", "orientation_long_le.jpg", "orientation_long_be.jpg",
             "orientation_xmp.png", "animated_1_frame.webp", "animated_3_frames.webp", "logo.webp",
             "logo_rgba.png", "logo_grey_alpha.png", "logo_palette_trns.png"):
    expect(name)
# Pillow clips 16-bit grey; the nearest of 256 shades is right.
ramp = Image.open("grey16_ramp.png")
shades = Image.new("L", ramp.size)
shades.putdata([round(value / 257) for value in ramp.getdata()])
shades.convert("RGB").save("grey16_ramp.expected.png", optimize=True)

source = noise(37, 29, 2)
source.save("resize_source.png")
for width, height in ((61, 17), (37, 50), (5, 29), (74, 58), (18, 14), (1, 1)):
    for name, filter in (("bicubic", Image.BICUBIC), ("lanczos", Image.LANCZOS)):
        source.resize((width, height), filter).save(f"resize_{name}_{width}x{height}.png")
