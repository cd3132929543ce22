// What a command loads before it does anything: each millisecond of that is one of every command's.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { onHosts, type Host } from "./host.ts";

let host: Host;
onHosts((given) => (host = given));

/** Of Node's own modules those that a command has loaded at its end, by a script that is required before it. */
function loadedBy(...args: string[]): string[] {
  const script = join(host.root, "tell.cjs");
  writeFileSync(script, `process.on("exit", () => process.stderr.write(process.moduleLoadList.join("\\n")));`);
  const { status, stderr } = host.netkit(args, { env: { NODE_OPTIONS: `--require=${script}` } });
  expect(status).toBe(0);
  return stderr.split("\n").filter((name) => name.startsWith("NativeModule "));
}

test("a command that reads loads neither what speaks HTTP nor what starts processes", () => {
  host.ok("network", "create", "n");
  const loaded = loadedBy("network", "ls");
  expect(loaded).toContain("NativeModule fs");
  expect(loaded.filter((name) => / (http|https|tls|dns|child_process)$/.test(name))).toEqual([]);
});

test("what speaks the protocols of other engines is in none of what every command loads", () => {
  const chunks = join(dirname(host.cli), "chunks");
  const [front = ""] = readdirSync(chunks).filter((name) => name.startsWith("front-"));
  const text = readFileSync(join(chunks, front), "utf8");
  expect(text).toContain("ZodMiniString");
  // All of zod is theirs alone.
  expect(text).not.toContain('"ZodString"');
  expect(text).toMatch(/^[\0-\x7f]*$/);
});
