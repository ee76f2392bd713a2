// Adapter files for the tests' model.

import { writeFileSync } from "node:fs";

/** A safetensors file of float32 matrices {name: [rows, columns]}, whose values are a sine. */
function safetensors(shapes) {
  const header = {};
  const values = [];
  for (const [name, shape] of Object.entries(shapes)) {
    const begin = values.length * 4;
    for (let i = 0; i < shape[0] * shape[1]; ++i) values.push(0.3 * Math.sin(values.length * 1.7));
    header[name] = { dtype: "F32", shape, data_offsets: [begin, values.length * 4] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.from(new Float32Array(values).buffer)]);
}

/** Writes an adapter of one layer of the transformer, as ai-toolkit does. */
export function writeLora(path) {
  const layer = "diffusion_model.transformer_blocks.0.attn1.to_v";
  writeFileSync(path, safetensors({ [`${layer}.lora_A.weight`]: [4, 64], [`${layer}.lora_B.weight`]: [64, 4] }));
}
