import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

/** `setup.mjs` as somebody who isn't root, in a clone that can't be written. */
function setup(...words: string[]): { readonly status: number | null; readonly stderr: string } {
  const clone = mkdtempSync(join(tmpdir(), "netkit-setup-"));
  onTestFinished(() => rmSync(clone, { recursive: true }));
  for (const file of ["setup.mjs", "cnitool.mjs", "debian.mjs", "follow.mjs"]) {
    cpSync(join(import.meta.dirname, file), join(clone, ".ci", file));
  }
  cpSync(join(import.meta.dirname, "../package.json"), join(clone, "package.json"));
  chmodSync(clone, 0o555);
  const nobody = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all"] : [];
  const [program = "", ...rest] = [...nobody, process.execPath, join(clone, ".ci/setup.mjs"), ...words];
  return spawnSync(program, rest, { encoding: "utf8" });
}

test("a clone that can't be written is named before anything is done", () => {
  const { status, stderr } = setup();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^setup: \S+netkit-setup-\S+ can't be written by this user/);
});

test.each(["demo", "bench", "soak"])("without root the %s says that it needs it", (target) => {
  const { status, stderr } = setup("--then", target);
  expect(status).toBe(1);
  expect(stderr).toMatch(new RegExp(`^setup: the ${target} needs root`));
});
