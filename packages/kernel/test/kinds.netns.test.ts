import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Resource } from "@netkit/core";
import { expect, test } from "vitest";
import { sh, TestHost } from "./host.ts";
import { cases, isLacking, needing } from "./kind-cases.ts";
import { kindRules } from "./kind-rules.ts";

const every = kindRules.flatMap(({ rule, applies, run }) =>
  cases
    .filter((one) => applies?.(one) ?? true)
    .map((one) => [`${one.name}: ${rule}${needing(one)}`, { one, run }] as const),
);

// oxlint-disable-next-line vitest/expect-expect -- a rule asserts by itself
test.for(every)("%s", async ([, { one, run }], { skip }) => {
  skip(isLacking(one), `needs ${one.needs}`);
  await run(one);
});

test("a file is written whole, with its directory, and removed", async () => {
  using host = new TestHost();
  const directory = mkdtempSync(join(tmpdir(), "netkit-kernel-"));
  try {
    const path = join(directory, "a", "b.conf");
    const resource: Resource = { kind: "file", ns: "host", path, content: "it's 100% \\n\nfine\n" };
    const undo = await host.handler.apply(host.creates(resource));
    expect(readFileSync(path, "utf8")).toBe(resource.content);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(await host.handler.read([resource])).toEqual([{ state: "same" }]);
    await (
      await host.handler.apply(host.creates(resource))
    )();
    const other: Resource = { ...resource, content: "other\n" };
    await expect(host.handler.apply(host.creates(other))).rejects.toMatchObject({ code: "RESOURCE_CONFLICT" });
    const undoReplace = await host.handler.apply(host.replaces(resource, other));
    expect(readFileSync(path, "utf8")).toBe("other\n");
    expect(await host.handler.read([resource])).toMatchObject([
      { state: "different", differences: [{ field: "content" }] },
    ]);
    await undoReplace();
    expect(readFileSync(path, "utf8")).toBe(resource.content);
    await undo();
    expect(await host.handler.read([resource])).toEqual([{ state: "missing" }]);
    await host.handler.apply(host.removes(resource));
    sh(host.handler.toShell(host.creates(resource)).join("\n"));
    expect(readFileSync(path, "utf8")).toBe(resource.content);
    sh(host.handler.toShell(host.removes(resource)).join("\n"));
    expect(await host.handler.read([resource])).toEqual([{ state: "missing" }]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
