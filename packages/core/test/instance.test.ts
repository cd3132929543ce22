import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultRoot, instanceOf, kernelName, parseLinkName, type EndpointId } from "../src/index.ts";
import { randomId } from "./random-id.ts";

const anyRoot = fc.oneof(
  fc.constant(defaultRoot),
  fc.string({ unit: "grapheme" }).map((text) => `/tmp/${text}`),
);
const anyId = fc.constant(0).map(() => randomId<EndpointId>());
const letters = ["b", "s", "v"];

test("the default root owns the plain names", () => {
  expect(instanceOf(defaultRoot)).toEqual({ root: "/var/lib/netkit", tag: "", mark: "netkit" });
});

test("another root carries six digits of its path", () => {
  const { tag, mark } = instanceOf("/tmp/other");
  expect(tag).toMatch(/^[0-9a-f]{6}$/);
  expect(mark).toBe(`netkit-${tag}`);
  expect(instanceOf("/tmp/other").tag).toBe(tag);
  expect(instanceOf("/tmp/another").tag).not.toBe(tag);
});

describe("a kernel name", () => {
  const id = "0123456789abcdef".repeat(4);

  test("shows the id's first digits where the root has no tag", () => {
    expect(kernelName("v", instanceOf(defaultRoot), id)).toBe("nkv0123456789");
  });

  test("shows the tag of its root", () => {
    const instance = instanceOf("/tmp/other");
    expect(kernelName("v", instance, id)).toMatch(new RegExp(`^nkv${instance.tag}[0-9a-v]{6}$`));
  });

  test("fits the kernel and is no word of nft, whatever the root and the id", () => {
    fc.assert(
      fc.property(anyRoot, anyId, fc.constantFrom(...letters), (root, random, letter) => {
        const instance = instanceOf(root);
        const name = kernelName(letter, instance, random);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(15);
        expect(parseLinkName(name)).toBe(name);
        // No keyword of nft starts with nk.
        expect(name.startsWith(`nk${letter}${instance.tag}`)).toBe(true);
        expect(kernelName(letter, instance, random)).toBe(name);
      }),
    );
  });

  test.each([defaultRoot, "/tmp/other"])("tells ids apart that differ in the first 30 bits (%s)", (root) => {
    const instance = instanceOf(root);
    const names = new Set<string>();
    for (let bit = 0; bit < 30; bit++) {
      const first = (2 ** (31 - bit)).toString(16).padStart(8, "0");
      names.add(kernelName("v", instance, `${first}${"0".repeat(56)}`));
    }
    expect(names.size).toBe(30);
  });
});
