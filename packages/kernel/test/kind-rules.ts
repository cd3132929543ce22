import type { Change, NamespaceId, Resource } from "@netkit/core";
import { expect } from "vitest";
import { everything } from "./everything.ts";
import { sh, TestHost } from "./host.ts";
import type { KindCase } from "./kind-cases.ts";

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

/** Something that every kind does, where the case says what it takes. */
export interface KindRule {
  readonly rule: string;
  readonly applies?: (one: KindCase) => boolean;
  readonly run: (one: KindCase) => Promise<void>;
}

export const kindRules: readonly KindRule[] = [
  {
    rule: "is made as wanted, twice is once, and is removed with nothing left",
    run: async (one) => {
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
    },
  },
  {
    rule: "undo takes it back",
    run: async (one) => {
      const { host, name, resource } = await start(one);
      using _ = host;
      const before = everything(name);
      const undo = await host.handler.apply(host.creates(resource));
      expect(everything(name)).not.toEqual(before);
      await undo();
      expect(everything(name)).toEqual(before);
    },
  },
  {
    rule: "a change by hand is found, and repaired",
    applies: ({ tamper }) => tamper !== undefined,
    run: async (one) => {
      const { tamper } = one;
      if (tamper === undefined) return;
      const { host, name, resource } = await start(one, "made");
      using _ = host;
      sh(tamper.script(name));
      expect(await host.handler.read([resource])).toEqual([
        { state: "different", differences: [expect.objectContaining({ field: tamper.field })] },
      ]);
      // Replacing it with itself is how doctor repairs.
      await host.handler.apply(host.replaces(resource, resource));
      expect(await host.handler.read([resource])).toEqual([{ state: "same" }]);
    },
  },
  {
    rule: "making it where something else is is refused, and changes nothing",
    applies: ({ tamper, coexists }) => tamper !== undefined && coexists !== true,
    run: async (one) => {
      const { tamper } = one;
      if (tamper === undefined) return;
      const { host, name, resource } = await start(one, "made");
      using _ = host;
      sh(tamper.script(name));
      const before = everything(name);
      await expect(host.handler.apply(host.creates(resource))).rejects.toMatchObject({
        code: expect.stringMatching(/^(LINK_TAKEN|RESOURCE_CONFLICT)$/),
      });
      expect(everything(name)).toEqual(before);
    },
  },
  {
    rule: "a loss is found, and repaired",
    applies: ({ lose }) => lose !== undefined,
    run: async (one) => {
      const { lose } = one;
      if (lose === undefined) return;
      const { host, name, resource } = await start(one, "made");
      using _ = host;
      sh(lose(name));
      expect(await host.handler.read([resource])).toEqual([{ state: "missing" }]);
      await host.handler.apply(host.replaces(resource, resource));
      expect(await host.handler.read([resource])).toEqual([{ state: "same" }]);
    },
  },
  {
    rule: "is replaced, and the replacement undone",
    applies: ({ replacement }) => replacement !== undefined,
    run: async (one) => {
      const { replacement } = one;
      if (replacement === undefined) return;
      const { host, id, name, resource } = await start(one, "made");
      using _ = host;
      const after = replacement.resource(id);
      const undo = await host.handler.apply(host.replaces(resource, after));
      expect(one.shown(name)).toMatchObject(replacement.wanted);
      expect(await host.handler.read([after])).toEqual([{ state: "same" }]);
      await undo();
      expect(one.shown(name)).toMatchObject(one.wanted);
      expect(await host.handler.read([resource])).toEqual([{ state: "same" }]);
    },
  },
  {
    rule: "its commands make the same objects, and remove them",
    run: async (one) => {
      const { host, name } = await start(one, "made");
      using _ = host;
      const made = everything(name);

      using other = new TestHost();
      const copy = other.sandbox();
      const needed = one.setup?.(copy.id) ?? [];
      const resource = one.resource(copy.id);
      const toShell = (changes: readonly Change[]): string => other.handler.toShell(changes).join("\n");
      const empty = everything(copy.name);
      sh(toShell(other.creates(...needed)));
      const without = everything(copy.name);
      sh(toShell(other.creates(resource)));
      expect(everything(copy.name)).toEqual(made);
      expect(await other.handler.read([...needed, resource])).toEqual(
        [...needed, resource].map(() => ({ state: "same" })),
      );
      // Alone, for what lies on a link goes with the link.
      sh(toShell(other.removes(resource)));
      expect(everything(copy.name)).toEqual(one.lasting === true ? made : without);
      sh(toShell(other.removes(...needed.toReversed())));
      if (one.lasting !== true) expect(everything(copy.name)).toEqual(empty);
    },
  },
];
