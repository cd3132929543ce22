import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { removeNamespace } from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";

const readme = new URL("../README.md", import.meta.url);
const [list = "", join = ""] = readFileSync(readme, "utf8")
  .matchAll(/```ts\n(.*?)```/gs)
  .map(([, code]) => code ?? "");

const node = [process.execPath, "--input-type=module-typescript", "-"];

/** Run an example as a module of this package; `before` is what starts Node. */
function runExample(code: string, before: readonly string[] = []): string {
  const [program = "", ...args] = [...before, ...node];
  return execFileSync(program, args, { input: code, cwd: fileURLToPath(new URL(".", readme)), encoding: "utf8" });
}

test("the README's first example lists links", () => {
  using host = makeNamespace();
  host.ip("link add br7 mtu 1400 type bridge");
  expect(runExample(list, ["ip", "netns", "exec", host.name])).toContain(": br7 bridge mtu 1400 down ");
});

test("the README's second example joins two namespaces that can then talk", () => {
  const names = ["left", "right"].map((side) => `netlink-test-${process.pid}-${side}`);
  const [left = "", right = ""] = names;
  try {
    runExample(join.replaceAll("netns/left", `netns/${left}`).replaceAll("netns/right", `netns/${right}`));
    const args = ["netns", "exec", left, "ping", "-c", "1", "-W", "2", "10.0.0.2"];
    expect(execFileSync("ip", args, { encoding: "utf8" })).toContain("1 received");
  } finally {
    for (const name of names) removeNamespace(`/run/netns/${name}`);
  }
});
