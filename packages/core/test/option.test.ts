import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bits, choice, flag, integer, parsed, parseIp, parseLinkName, parseOptions } from "../src/index.ts";
import { refusal } from "./refusals.ts";

const set = {
  mtu: integer("MTU", { min: 68, max: 65_535, value: "BYTES" }, { aliases: ["com.docker.network.driver.mtu"] }),
  icc: flag("ports may talk to each other", { default: true }),
  mode: choice("how ports talk", ["bridge", "private"], { default: "bridge" }),
  source: parsed("source address", "IP", parseIp, {}),
  rate: bits("rate", { min: "1kbit", max: "1tbit", value: "RATE" }, {}),
  priority: integer("priority", { min: -10, max: 10, value: "N" }, { default: 0 }),
};
const parse = (input: Record<string, unknown>) => parseOptions(set, input, "driver 'test'");
const problemsOf = (input: Record<string, unknown>) =>
  refusal("OPTION_INVALID", () => parse(input)).details["problems"] as string[];

test("defaults are filled in, and what has none stays away", () => {
  expect(parse({})).toEqual({ icc: true, mode: "bridge", priority: 0 });
  expect(parse({ mtu: undefined, icc: undefined })).toEqual({ icc: true, mode: "bridge", priority: 0 });
});

test("a default of false or 0 counts, and a name may be one that every object has", () => {
  const odd = { toString: flag("odd", { default: false }), constructor: parsed("odd", "TEXT", (text) => text, {}) };
  expect(parseOptions(odd, {}, "odd")).toEqual({ toString: false });
  expect(parseOptions(odd, { constructor: "a" }, "odd")).toEqual({ toString: false, constructor: "a" });
});

test("aliases give the canonical name", () => {
  expect(parse({ "com.docker.network.driver.mtu": "1400" })).toMatchObject({ mtu: 1400 });
});

test.each([
  ["true", true],
  ["TRUE", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  [true, true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["Off", false],
  [false, false],
])("flag %j is %s", (raw, value) => {
  expect(parse({ icc: raw }).icc).toBe(value);
});

test.each(["", "maybe", "2", " true", "truee", "constructor", "__proto__", 1, 0, null, {}, []])(
  "flag %j is refused",
  (raw) => {
    expect(problemsOf({ icc: raw })).toEqual([expect.stringContaining("expected true or false")]);
  },
);

test.each([
  ["68", 68],
  ["65535", 65_535],
  ["01400", 1400],
  [1400, 1400],
])("number %j is %d", (raw, value) => {
  expect(parse({ mtu: raw }).mtu).toBe(value);
});

test.each([
  ["1000", 1000],
  ["1kbit", 1000],
  ["10mbit", 10_000_000],
  ["10Mbit", 10_000_000],
  ["1.5gbit", 1_500_000_000],
  ["1tbit", 1e12],
  [64_000, 64_000],
])("bits %j are %d", (raw, value) => {
  expect(parse({ rate: raw }).rate).toBe(value);
});

test.each(["", "999", "1.1tbit", "10m", "10mb", "10mbit/s", "1e6", "-1kbit", " 1mbit", ".5mbit", 1000.5, null, {}])(
  "bits %j are refused",
  (raw) => {
    expect(problemsOf({ rate: raw })).toEqual([
      expect.stringContaining("expected bits with a unit (kbit, mbit, gbit), from 1kbit to 1tbit (got "),
    ]);
  },
);

test("numbers may be negative where their range is", () => {
  expect(parse({ priority: "-10" }).priority).toBe(-10);
  expect(problemsOf({ priority: "-11" })).toEqual([
    `option 'priority': expected a whole number from -10 to 10 (got "-11")`,
  ]);
});

test.each(["", " 1400", "1400 ", "1e3", "0x578", "1400.0", "+1400", "--1", "67", "65536", "9".repeat(300)])(
  "number %j is refused",
  (raw) => {
    expect(problemsOf({ mtu: raw })).toEqual([expect.stringMatching(/^option 'mtu': expected a whole number [^,]*$/)]);
  },
);

test.each([1400.5, Number.NaN, Infinity, 67, 65_536, 1400n, null, {}, [1400], Symbol("x"), () => 1400])(
  "number %s is refused",
  (raw) => {
    expect(problemsOf({ mtu: raw })).toEqual([expect.stringMatching(/^option 'mtu': expected a whole number [^,]*$/)]);
  },
);

test("a choice lists its words", () => {
  expect(parse({ mode: "private" }).mode).toBe("private");
  for (const raw of ["Private", "", 1, null]) {
    expect(problemsOf({ mode: raw })).toEqual([expect.stringContaining("expected one of bridge, private")]);
  }
});

test("what a parser says is why its option is refused", () => {
  expect(parse({ source: "2001:DB8::1" }).source).toBe("2001:db8::1");
  expect(problemsOf({ source: "nowhere" })).toEqual([expect.stringContaining('invalid address "nowhere"')]);
  expect(problemsOf({ source: 7 })).toEqual([`option 'source': expected text (got 7)`]);
});

test("an option under two of its names is refused, with both", () => {
  const error = refusal("OPTION_INVALID", () => parse({ mtu: 1400, "com.docker.network.driver.mtu": "1500" }));
  expect(error.message).toBe(`driver 'test': "mtu" and "com.docker.network.driver.mtu" are the same option`);
});

test("all bad values are named at once", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const error = refusal("OPTION_INVALID", () => parse({ mtu: "1", icc: cycle, mode: "private", source: "\u001B[2J" }));
  expect(error.details["problems"]).toHaveLength(3);
  for (const name of ["mtu", "icc", "source"]) expect(error.message).toContain(`option '${name}'`);
  expect(error.message).not.toContain("mode");
});

test("what the value's own parser says of it is said once, with its hint", () => {
  const name = parsed("a link", "NAME", parseLinkName, {});
  const error = refusal("OPTION_INVALID", () => parseOptions({ name }, { name: "x".repeat(16) }, "driver 'test'"));
  expect(error.message).toBe(`driver 'test': option 'name': invalid interface name "${"x".repeat(16)}"`);
  expect(error.hint).toMatch(/^An interface name is 1 to 15 letters/);
  const mtu = integer("the MTU", { min: 68, max: 65_535, value: "BYTES" }, {});
  expect(() => parseOptions({ mtu }, { mtu: 6 }, "driver 'test'")).toThrow("(got 6)");
});

test("unknown options, doubles and bad values are named together", () => {
  const error = refusal("OPTION_INVALID", () =>
    parse({ mtu: 1400, "com.docker.network.driver.mtu": "1500", bogus: 1, icc: "perhaps" }),
  );
  expect(error.message).toBe(
    `driver 'test' has no option "bogus"; "mtu" and "com.docker.network.driver.mtu" are the same option; option 'icc': expected true or false (got "perhaps")`,
  );
  expect(error.hint).toContain("Its options are ");
  expect(error.hint).toContain("Give it once, as mtu=BYTES. ");
});

describe("an unknown option", () => {
  test("is refused with the nearest known one, aliases included", () => {
    const error = refusal("OPTION_UNKNOWN", () => parse({ mut: 1400 }));
    expect(error.hint).toBe("Did you mean 'mtu'?");
    expect(error.details).toEqual({ option: "mut", known: Object.keys(set) });
    expect(refusal("OPTION_UNKNOWN", () => parse({ "com.docker.network.driver.mut": 1 })).hint).toBe(
      "Did you mean 'com.docker.network.driver.mtu'?",
    );
  });

  test("is refused with all that are known where none is near", () => {
    expect(refusal("OPTION_UNKNOWN", () => parse({ colour: "red" })).hint).toBe(
      "Its options are mtu, icc, mode, source, rate, priority.",
    );
    expect(refusal("OPTION_UNKNOWN", () => parseOptions({}, { a: 1 }, "driver 'none'")).hint).toBe(
      "It takes no options.",
    );
  });

  test.each(["toString", "__proto__", "", "MTU", "m\ntu", "x".repeat(300)])("may be %j", (key) => {
    const error = refusal("OPTION_UNKNOWN", () => parse(Object.fromEntries([[key, "1"]])));
    expect(error.details["option"]).toBe(key);
  });
});

test("any value is accepted or refused, and what is accepted is accepted again", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(set)), fc.anything({ withBigInt: true }), (name, raw) => {
      let values: Record<string, unknown>;
      try {
        values = parse({ [name]: raw });
      } catch {
        refusal("OPTION_INVALID", () => parse({ [name]: raw }));
        return;
      }
      expect(parse(values)).toEqual(values);
    }),
  );
});
