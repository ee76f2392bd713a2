"""Makes the pictures of this folder with Pillow, whose decoders and resizing ours must equal.

NAME.ext is read by our decoder; NAME.expected.png holds Pillow's convert("RGB") of it, turned as its
Exif note says. resize_FILTER_WxH.png holds Pillow's resize of resize_source.png.
Made with Pillow 9.4.0: python3 make_data.py
"""

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
    # The same numbers called YCCK: 2 in the last byte of Adobe's note.
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

picture.save("animated.webp", save_all=True, append_images=[picture.rotate(180)])

source = noise(37, 29, 2)
source.save("resize_source.png")
for width, height in ((61, 17), (37, 50), (5, 29), (74, 58), (18, 14), (1, 1)):
    for name, filter in (("bicubic", Image.BICUBIC), ("lanczos", Image.LANCZOS)):
        source.resize((width, height), filter).save(f"resize_{name}_{width}x{height}.png")
