import { expect, it } from "vitest";
import { byteBuffer } from "../../src/core/byte-buffer.ts";

it("bytes come back as they went in, whatever their pieces, and once", () => {
  const buffer = byteBuffer();
  const bytes = Uint8Array.from({ length: 10_001 }, (_, index) => index % 251);
  for (const size of [1, 4_096, 10_001]) {
    for (let at = 0; at < bytes.length; at += size) buffer.append(bytes.subarray(at, at + size));
    expect(buffer.length).toBe(bytes.length);
    expect(buffer.take()).toEqual(bytes);
    expect([buffer.length, buffer.take().byteLength]).toEqual([0, 0]);
  }
});

it("what was taken is not written over", () => {
  const buffer = byteBuffer();
  buffer.append(new Uint8Array([1, 2]));
  const taken = buffer.take();
  buffer.append(new Uint8Array([3, 4]));
  expect([...taken]).toEqual([1, 2]);
});
