// PNG files with any header.

function crc(bytes) {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; ++bit) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}

function chunk(type, data) {
  const bytes = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4), sum = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc(bytes));
  return Buffer.concat([length, bytes, sum]);
}

/** A file that claims side × side pixels of 8-bit RGB, with `data` for their compressed rows. */
export function pngFile(side, data) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", data),
    chunk("IEND", Buffer.alloc(0))]);
}

/** The text under a key in a PNG file (chunks tEXt and iTXt, not compressed). */
export function pngText(bytes, key) {
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const data = bytes.subarray(at + 8, at + 8 + length);
    at += length + 12;
    if ((type !== "tEXt" && type !== "iTXt") || data.toString("latin1", 0, data.indexOf(0)) !== key) continue;
    if (type === "tEXt") return data.toString("latin1", data.indexOf(0) + 1);
    // Compression flag and method, then two empty texts: the language and the translated key.
    return data.toString("utf8", data.indexOf(0) + 5);
  }
  return undefined;
}
