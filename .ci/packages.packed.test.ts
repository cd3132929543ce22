import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { privateHost } from "../vm/private-host.ts";
import { installPacked, packAll, published, run, tarballName } from "./packed.ts";
import { readJson, root } from "./workspace.ts";
import type { Package } from "./workspace.ts";

// What users get: every published package is built and packed, and used from its tarball.

const libraries = published.filter(({ manifest }) => !manifest.bin);
const temporary = mkdtempSync(join(tmpdir(), "netkit-packed-"));

const tarball = (one: Package) => join(temporary, tarballName(one));

beforeAll(() => void packAll(temporary));

afterAll(() => {
  rmSync(temporary, { recursive: true });
  // Where the README's example keeps its state.
  rmSync("/tmp/netkit-example", { recursive: true, force: true });
});

describe.each(published)("the tarball of $folder", (published) => {
  test("holds the licence and the README, no test and no build state", () => {
    const files = run(temporary, "tar", "tzf", tarball(published)).trim().split("\n");
    expect(files).toEqual(expect.arrayContaining(["package/package.json", "package/LICENSE", "package/README.md"]));
    expect(files.filter((file) => /\.test\.|tsbuildinfo|\/test\//.test(file))).toEqual([]);
  });

  test("has dependencies that a registry can resolve", () => {
    const manifest: unknown = JSON.parse(run(temporary, "tar", "xzfO", tarball(published), "package/package.json"));
    expect(JSON.stringify(manifest)).not.toMatch(/workspace:|catalog:|\.\/src\/\w+\.ts/);
  });

  test("passes publint", () => {
    expect(() => run(root, "publint", "run", tarball(published), "--strict")).not.toThrow();
  });
});

test.each(libraries)("the tarball of $folder offers its types to ESM consumers", (library) => {
  expect(() => run(root, "attw", tarball(library), "--profile", "esm-only", "--no-color")).not.toThrow();
});

describe("in an empty folder", () => {
  test("the library example of the README runs from one driver and what it depends on", () => {
    const names = [
      "core",
      "ipam",
      "netlink",
      "kernel",
      "netfilter",
      "sandbox",
      "store-sqlite",
      "engine",
      "driver-bridge",
    ];
    const folder = install(
      "library",
      libraries.filter((library) => names.includes(library.folder)),
    );
    const { language, code } = example("library");
    const file = language === "ts" ? "example.mts" : "example.mjs";
    writeFileSync(join(folder, file), code);
    expect(run(folder, "env", ...privateHost, process.execPath, file)).not.toBe("");
  });

  test("the command runs from its package and those that it names", () => {
    const folder = install("command", published);
    const installed = readJson<{ version: string }>(join(folder, "node_modules/netkit/package.json"));
    expect(run(folder, "node_modules/.bin/netkit", "version")).toContain(installed.version);
  });
});

describe("in the clone", () => {
  test("the library example of the README runs where it says", () => {
    const file = join(root, "packages/cli/example.mjs");
    writeFileSync(file, example("library").code);
    onTestFinished(() => rmSync(file));
    expect(run(root, "env", ...privateHost, "sh", "-ec", script("clone"))).toContain("10.7.0.2");
  });

  test("the driver of the README is used, and tried by the first of its cases", () => {
    const folder = mkdtempSync(join(tmpdir(), "netkit-readme-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const commands = script("driver").replaceAll("/tmp/", `${folder}/`).replace("conformance", "$& --only DRV-DECLARE");
    const output = run(root, "env", ...privateHost, "sh", "-ec", commands);
    expect(output).toMatch(/^default via /m);
    expect(output).toMatch(/^pairs: [1-9]\d* passed, 0 failed/m);
  });
});

/** A new folder with a project that has these packages and nothing else of ours. */
function install(name: string, wanted: readonly Package[]): string {
  const folder = join(temporary, name);
  installPacked(folder, wanted.map(tarball));
  return folder;
}

/** What the example's root user types. */
function script(name: string): string {
  return [...example(name).code.matchAll(/^# (.*)$/gm)].map(([, line]) => line).join("\n");
}

/** The first fenced block after `<!-- example:NAME -->` in the README. */
function example(name: string): { language: string; code: string } {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const match = new RegExp(`<!-- example:${name} -->\\s*\`\`\`(js|ts|console)\\n(.*?)\`\`\``, "s").exec(readme);
  if (!match) throw new Error(`README.md has no block after <!-- example:${name} -->`);
  return { language: match[1] ?? "", code: match[2] ?? "" };
}
