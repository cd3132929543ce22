import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resourcesIn } from "../src/iptables/listing.ts";
import { parseRecord } from "../src/iptables/record.ts";
import { chainsOf, prefixOf } from "../src/iptables/chains.ts";
import { rulesOf } from "../src/iptables/rules.ts";
import { anyRuled } from "./arbitrary.ts";

describe("records", () => {
  test("hold all of a resource, each in what a comment can hold, in any order", () => {
    fc.assert(
      fc.property(anyRuled, fc.boolean(), (resource, reversed) => {
        const rules = [...rulesOf(resource, 4), ...rulesOf(resource, 6)];
        const comments = rules.map(({ comment }) => comment);
        for (const comment of comments) {
          expect(comment.length).toBeLessThan(256);
          expect(comment).toMatch(/^[ -~]+$/);
          expect(comment).not.toMatch(/["'\\]/);
        }
        const chains = new Map([["a chain", reversed ? comments.toReversed() : comments]]);
        expect([...resourcesIn([{ chains, hooked: new Set() }]).values()]).toEqual([resource]);
      }),
    );
  });
  test("are told from other comments", () => {
    const comments = [4, 6]
      .flatMap((version) => chainsOf("NETKIT", version === 4 ? 4 : 6))
      .flatMap(({ rules }) => rules);
    expect(comments.filter(({ comment }) => parseRecord(comment) !== undefined)).toEqual([]);
    fc.assert(fc.property(fc.string(), (text) => parseRecord(text) === undefined));
    expect(parseRecord("publish ipv4 * tcp 80-80 nowhere 80-80 br0")).toBeUndefined();
  });
});

describe("rules", () => {
  test("every resource has one in its family", () => {
    fc.assert(
      fc.property(anyRuled, (resource) => {
        expect([...rulesOf(resource, 4), ...rulesOf(resource, 6)]).not.toEqual([]);
      }),
    );
  });
  test("chains of every instance have names that iptables takes", () => {
    for (const { name } of chainsOf(prefixOf("netkit-0ab123"), 6)) {
      expect(`${prefixOf("netkit-0ab123")}-${name}`).toMatch(/^[A-Z0-9-]{1,28}$/);
    }
  });
});
