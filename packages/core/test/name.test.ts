import { describe, expect, test } from "vitest";
import { parseHostLinkName, parseLinkName, parseName } from "../src/index.ts";
import { refusal } from "./refusals.ts";

const hostile: [what: string, name: string][] = [
  ["nothing", ""],
  ["a blank", "a b"],
  ["a blank in front", " a"],
  ["a tab", "a\tb"],
  ["a slash", "a/b"],
  ["the way up", "../etc"],
  ["dots alone", ".."],
  ["a line break", "a\nb"],
  ["a line break behind", "a\n"],
  ["a carriage return", "a\rb"],
  ["a zero byte", "a\0b"],
  ["a terminal sequence", "\u001B[31ma"],
  ["a colon", "a:b"],
  ["a percent sign", "a%d"],
  ["a comma", "a,b"],
  ["a shell variable", "$HOME"],
  ["a shell substitution", "$(reboot)"],
  ["backticks", "`reboot`"],
  ["a shell separator", "a;reboot"],
  ["a pipe", "a|b"],
  ["an ampersand", "a&b"],
  ["a redirection", "a>b"],
  ["single quotes", "a'b"],
  ["double quotes", 'a"b'],
  ["a backslash", String.raw`a\b`],
  ["a wildcard", "a*"],
  ["a question mark", "a?"],
  ["a comment", "a#b"],
  ["an exclamation mark", "a!b"],
  ["a tilde", "~root"],
  ["brackets", "a[0]"],
  ["nft's braces", "a{b}"],
  ["an option", "-rf"],
  ["a letter that isn't ASCII", "ä"],
  ["a full-width letter", "ａ"],
  ["a blank that isn't ASCII", "a\u00A0b"],
  ["a mark that changes the direction of text", "a\u202Eb"],
  ["300 characters", "a".repeat(300)],
];

describe("a name", () => {
  test.each(["a", "0", "web", "Web-1", "web_1.example", "a".repeat(128), "0123456789"])("may be %s", (name) => {
    expect(parseName("network", name)).toBe(name);
  });

  test.each([
    ...hostile,
    ["129 characters", "a".repeat(129)],
    ["an underscore in front", "_a"],
    ["a dot in front", ".a"],
  ])("can't hold %s", (_, name) => {
    const error = refusal("NAME_INVALID", () => parseName("sandbox", name));
    expect(error.message).toContain("sandbox name");
    expect(error.details).toEqual({ name });
  });
});

describe("a link name", () => {
  test.each([
    "lo",
    "eth0",
    "enp0s31f6",
    "eth0.100",
    "br-0a1b2c3d4e5f",
    "wg_0",
    "eth0@x",
    "eth+",
    "a+b",
    "_a",
    ".a",
    "a".repeat(15),
  ])("may be %s", (name) => {
    expect(parseLinkName(name)).toBe(name);
  });

  test.each([
    ...hostile,
    ["16 characters", "a".repeat(16)],
    ["a dot alone", "."],
    ["the kernel's name for all links", "all"],
    ["what sysctl ends a name with", "a=b"],
    ["what asks the kernel for a number", "br%d"],
    ["a negation", "!a"],
    ["a beginning of other names", "br*"],
    ["the kernel's name for new links", "default"],
  ])("can't hold %s", (_, name) => {
    const error = refusal("NAME_INVALID", () => parseLinkName(name));
    expect(error.details).toEqual({ name });
  });

  test.each(["br+", "+", "a++"])(
    "%s is a name in a sandbox, but none of the host, where iptables takes it for several",
    (name) => {
      expect(parseLinkName(name)).toBe(name);
      expect(refusal("NAME_INVALID", () => parseHostLinkName(name)).hint).toContain("iptables");
    },
  );

  test.each(["br0", "b+r", "a@b"])("%s is a name on the host, too", (name) => {
    expect(parseHostLinkName(name)).toBe(name);
  });
});
