import * as fc from "fast-check";
import { expect, test } from "vitest";
import { didYouMean, nearest } from "../src/index.ts";

const known = ["bridge", "host", "none", "container", "macvlan", "ipvlan"];

test.each([
  ["bridge", "bridge"],
  ["Bridge", "bridge"],
  ["brigde", "bridge"],
  ["bridg", "bridge"],
  ["contaner", "container"],
  ["hots", "host"],
  ["htso", undefined],
  ["hosts", "host"],
  ["macvln", "macvlan"],
  ["vlan", undefined],
  ["overlay", undefined],
  ["", undefined],
])("%j is near %s", (word, expected) => {
  expect(nearest(word, known)).toBe(expected);
});

test("of two as near, the first is taken", () => {
  expect(nearest("net3", ["net1", "net2"])).toBe("net1");
});

test("nothing is near nothing", () => {
  expect(nearest("a", [])).toBeUndefined();
});

test("a hint names what is near, or says something else", () => {
  expect(didYouMean("brdige", known, "Known drivers: ...")).toBe("Did you mean 'bridge'?");
  expect(didYouMean("zzz", known, "Known drivers: ...")).toBe("Known drivers: ...");
});

test("what is known is nearest to itself, and one edit or swap of it is near, too", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "d", "e", "f", "-"), minLength: 3, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), fc.nat(), fc.nat(), (words, pick, place) => {
      const chosen = words[pick % words.length] ?? "";
      expect(nearest(chosen, words)).toBe(chosen);
      const cut = place % chosen.length;
      const [before, behind] = [chosen.slice(0, cut), chosen.slice(cut + 2)];
      const [letter, next] = [chosen.charAt(cut), chosen.charAt(cut + 1)];
      const edits = [
        before + next + behind,
        `${before}x${letter}${next}${behind}`,
        `${before}x${next}${behind}`,
        before + next + letter + behind,
      ];
      for (const edit of edits) expect(words).toContain(nearest(edit, words));
    }),
  );
});
