import { isNetkitError, type NetkitError } from "@netkit/core";
import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { command, type Command } from "./command.ts";
import { parseWords, splitGlobals } from "./parse.ts";

const sample: Command = command({
  name: "network sample",
  summary: "A sample",
  arguments: { NETWORK: { summary: "one" }, SANDBOX: { summary: "more", many: true } },
  options: {
    driver: { short: "d", value: "NAME", default: "bridge", summary: "one value" },
    publish: { short: "p", value: "PORT", many: true, summary: "many" },
    mac: { value: "MAC", aliases: ["mac-address"], summary: "with an alias" },
    ipv6: { optional: true, summary: "flag that is undefined without" },
    quiet: { short: "q", summary: "flag" },
    force: { short: "f", summary: "flag" },
  },
  examples: [],
  changes: true,
  run: () => Promise.resolve({}),
});

const runner: Command = command({
  name: "sample exec",
  summary: "Takes a command",
  arguments: { SANDBOX: { summary: "one" } },
  options: { hostname: { short: "h", value: "NAME", summary: "has help's letter" }, rm: { summary: "flag" } },
  examples: [],
  changes: false,
  takesCommand: true,
  run: () => Promise.resolve({}),
});

function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

function refusal(work: () => unknown): NetkitError {
  const error = thrownBy(work);
  if (isNetkitError(error)) return error;
  throw new Error("nothing was refused", { cause: error });
}

function hintFor(name: string, option: string): string | undefined {
  return refusal(() => parseWords({ ...runner, name }, [option, "x"])).hint;
}

describe("options", () => {
  test("have their defaults, many values, aliases and grouped letters", () => {
    const { options } = parseWords(sample, [
      "-qf",
      "-p80:80",
      "-p",
      "81:81",
      "--publish=82",
      "--mac-address",
      "x",
      "n",
      "s",
    ]);
    expect(options).toMatchObject({
      driver: "bridge",
      quiet: true,
      force: true,
      mac: "x",
      "dry-run": false,
      json: false,
    });
    expect(options["publish"]).toEqual(["80:80", "81:81", "82"]);
  });

  test("may stand after arguments, and flags may say true or false", () => {
    const parsed = parseWords(sample, ["n", "s1", "--quiet=false", "s2", "--force=true"]);
    expect(parsed.options).toMatchObject({ quiet: false, force: true, ipv6: undefined });
    expect(parseWords(sample, ["n", "s", "--ipv6=false"]).options["ipv6"]).toBe(false);
    expect(parsed.arguments).toEqual({ NETWORK: "n", SANDBOX: ["s1", "s2"] });
  });

  test("that are unknown are refused with the nearest", () => {
    const error = refusal(() => parseWords(sample, ["n", "s", "--drvier", "x"]));
    expect(error.code).toBe("ARGUMENT_INVALID");
    expect(error.message).toContain("--drvier");
    expect(error.hint).toBe("Did you mean '--driver'?");
    expect(refusal(() => parseWords(sample, ["-x", "n", "s"])).message).toContain("-x");
  });

  test("that Docker has are refused with what there is instead", () => {
    expect(hintFor("run", "-v")).toContain("no volumes");
    expect(hintFor("run", "--restart=always")).toContain("systemd");
    expect(hintFor("sandbox create", "-P")).toContain("-p publishes");
    expect(hintFor("network connect", "--link")).toContain("--alias");
    expect(hintFor("network ls", "-v")).toBe("See 'netkit network ls --help'.");
  });

  test("without their value, and flags with one, are refused", () => {
    expect(refusal(() => parseWords(sample, ["n", "s", "--mac"])).message).toBe("--mac needs a value");
    expect(refusal(() => parseWords(sample, ["--mac", "--", "n", "s"])).message).toBe("--mac needs a value");
    expect(refusal(() => parseWords(sample, ["--quiet=maybe", "n", "s"])).message).toContain("true or false");
  });

  test("a value may begin with a dash", () => {
    expect(parseWords(sample, ["--mac", "-x", "n", "s"]).options["mac"]).toBe("-x");
  });

  test("of a command that changes nothing know no --dry-run", () => {
    expect(refusal(() => parseWords(runner, ["--dry-run", "web", "true"])).message).toContain("--dry-run");
  });
});

describe("arguments", () => {
  test("that are missing or too many are refused", () => {
    expect(refusal(() => parseWords(sample, [])).message).toContain("needs NETWORK");
    expect(refusal(() => parseWords(sample, ["n"])).message).toContain("needs SANDBOX");
    const none = { ...sample, arguments: {} };
    expect(refusal(() => parseWords(none, ["extra"])).message).toContain('"extra"');
  });

  test("need not be complete for --help", () => {
    expect(parseWords(sample, ["--help"]).options["help"]).toBe(true);
  });
});

describe("a command to run", () => {
  test("begins after the arguments or after --", () => {
    for (const words of [
      ["web", "ls", "-l", "--json"],
      ["web", "--", "ls", "-l", "--json"],
      ["--", "web", "ls", "-l", "--json"],
    ]) {
      const parsed = parseWords(runner, words);
      expect(parsed).toMatchObject({ arguments: { SANDBOX: "web" }, command: ["ls", "-l", "--json"] });
      expect(parsed.options["json"]).toBe(false);
    }
  });

  test("keeps every word as it is", () => {
    assert(
      property(array(string(), { minLength: 1 }), (words) => {
        expect(parseWords(runner, ["--rm", "web", "--", ...words]).command).toEqual(words);
      }),
    );
  });

  test("is required, and the command's own -h wins over help's", () => {
    expect(refusal(() => parseWords(runner, ["web", "--"])).message).toContain("needs a command");
    expect(parseWords(runner, ["-h", "box", "web", "ls"]).options).toMatchObject({ hostname: "box", help: false });
  });
});

test("global options may stand before the command", () => {
  expect(splitGlobals(["--root", "/x", "--json", "--config=/y", "network", "ls", "-q"])).toEqual({
    before: ["--root", "/x", "--json", "--config=/y"],
    words: ["network", "ls", "-q"],
  });
  expect(refusal(() => splitGlobals(["--rot", "/x"])).hint).toBe("Did you mean '--root'?");
});

test("no words make it fail with anything but ARGUMENT_INVALID", () => {
  const word = oneof(
    string(),
    constantFrom("--", "-", "--mac", "-p", "-qf", "--quiet=", "--__proto__", "--constructor=1"),
  );
  assert(
    property(array(word), (words) => {
      const error = thrownBy(() => parseWords(sample, words));
      expect(error === undefined || isNetkitError(error), String(error)).toBe(true);
    }),
  );
});
