import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NamespaceId, Resource } from "@netkit/core";
import { expect, test } from "vitest";
import { everything } from "./everything.ts";
import { sh, TestHost } from "./host.ts";
import { cases, type KindCase } from "./kind-cases.ts";

const tampered = cases.flatMap(({ tamper, ...rest }) => (tamper === undefined ? [] : [{ ...rest, tamper }]));
const lost = cases.flatMap(({ lose, ...rest }) => (lose === undefined ? [] : [{ ...rest, lose }]));
const replaced = cases.flatMap(({ replacement, ...rest }) =>
  replacement === undefined ? [] : [{ ...rest, replacement }],
);

interface Started {
  readonly host: TestHost;
  readonly id: NamespaceId;
  readonly name: string;
  readonly resource: Resource;
}

/** A host and a sandbox with what the case needs; `also` with the resource itself. */
async function start({ setup, resource }: KindCase, also?: "made"): Promise<Started> {
  const host = new TestHost();
  const { id, name } = host.sandbox();
  const needed = setup?.(id) ?? [];
  const wanted = resource(id);
  await host.handler.apply(host.creates(...needed, ...(also === undefined ? [] : [wanted])));
  return { host, id, name, resource: wanted };
}

test.each(cases)("$name: is made as wanted, twice is once, and is removed with nothing left", async (one) => {
  const { host, name, resource } = await start(one);
  using _ = host;
  const lasting = one.lasting === true;
  const before = everything(name);
  expect(await host.handler.read([resource])).toMatchObject([{ state: lasting ? "different" : "missing" }]);

  await host.handler.apply(host.creates(resource));
  expect(one.shown(name)).toMatchObject(one.wanted);
  expect(await host.handler.read([resource])).toEqual([{ state: "same" }]);
  const made = everything(name);
  const undoSecond = await host.handler.apply(host.creates(resource));
  expect(everything(name)).toEqual(made);
  // The second one made nothing, so undoing it takes nothing away.
  await undoSecond();
  expect(everything(name)).toEqual(made);

  await host.handler.apply(host.removes(resource));
  await host.handler.apply(host.removes(resource));
  expect(everything(name)).toEqual(lasting ? made : before);
  expect(await host.handler.read([resource])).toEqual([{ state: lasting ? "same" : "missing" }]);
});

test.each(cases)("$name: undo takes it back", async (one) => {
  const { host, name, resource } = await start(one);
  using _ = host;
  const before = everything(name);
  const undo = await host.handler.apply(host.creates(resource));
  expect(everything(name)).not.toEqual(before);
  await undo();
  expect(everything(name)).toEqual(before);
});

test.each(tampered)("$name: a change by hand is found, and repaired", async (one) => {
  const { host, name, resource } = await start(one, "made");
  using _ = host;
  sh(one.tamper.script(name));
  expect(await host.handler.read([resource])).toEqual([
    { state: "different", differences: [expect.objectContaining({ field: one.tamper.field })] },
  ]);
  // Replacing it with itself is how doctor repairs.
  await host.handler.apply(host.replaces(resource, resource));
  expect(await host.handler.read([resource])).toEqual([{ state: "same" }]);
});

test.each(tampered.filter(({ coexists }) => coexists !== true))(
  "$name: making it where something else is is refused, and changes nothing",
  async (one) => {
    const { host, name, resource } = await start(one, "made");
    using _ = host;
    sh(one.tamper.script(name));
    const before = everything(name);
    await expect(host.handler.apply(host.creates(resource))).rejects.toMatchObject({
      code: expect.stringMatching(/^(LINK_TAKEN|RESOURCE_CONFLICT)$/),
    });
    expect(everything(name)).toEqual(before);
  },
);

test.each(lost)("$name: a loss is found, and repaired", async (one) => {
  const { host, name, resource } = await start(one, "made");
  using _ = host;
  sh(one.lose(name));
  expect(await host.handler.read([resource])).toEqual([{ state: "missing" }]);
  await host.handler.apply(host.replaces(resource, resource));
  expect(await host.handler.read([resource])).toEqual([{ state: "same" }]);
});

test.each(replaced)("$name: is replaced, and the replacement undone", async (one) => {
  const { host, id, name, resource } = await start(one, "made");
  using _ = host;
  const after = one.replacement.resource(id);
  const undo = await host.handler.apply(host.replaces(resource, after));
  expect(one.shown(name)).toMatchObject(one.replacement.wanted);
  expect(await host.handler.read([after])).toEqual([{ state: "same" }]);
  await undo();
  expect(one.shown(name)).toMatchObject(one.wanted);
  expect(await host.handler.read([resource])).toEqual([{ state: "same" }]);
});

test.each(cases)("$name: its commands make the same objects, and remove them", async (one) => {
  const { host, name } = await start(one, "made");
  using _ = host;
  const made = everything(name);

  using other = new TestHost();
  const copy = other.sandbox();
  const all = [...(one.setup?.(copy.id) ?? []), one.resource(copy.id)];
  const empty = everything(copy.name);
  sh(other.handler.toShell(other.creates(...all)).join("\n"));
  expect(everything(copy.name)).toEqual(made);
  expect(await other.handler.read(all)).toEqual(all.map(() => ({ state: "same" })));
  sh(other.handler.toShell(other.removes(...all.toReversed())).join("\n"));
  expect(everything(copy.name)).toEqual(one.lasting === true ? made : empty);
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
