import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { familyOf, parseIp, type EndpointId, type Ip, type Protocol, type PublishedPort } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Draft } from "../src/draft.ts";
import { findClash, giveBackPorts, PortTable, takePorts } from "../src/host-ports.ts";
import { readerOf } from "../src/lookup.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "netkit-ports-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const addresses = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"].map(parseIp);
const anyPort: fc.Arbitrary<PublishedPort> = fc
  .record({
    protocol: fc.constantFrom<Protocol>("tcp", "udp"),
    address: fc.option(fc.constantFrom<Ip>(...addresses), { nil: undefined }),
    // Around the ends of pages, and of all ports.
    first: fc
      .constantFrom(1, 250, 255, 256, 300, 511, 512, 65_280, 65_535)
      .chain((base) => fc.integer({ min: Math.max(1, base - 3), max: Math.min(65_535, base + 3) })),
    more: fc.constantFrom(0, 0, 0, 1, 5, 300, 70_000),
  })
  .map(({ protocol, address, first, more }) => {
    const hostPort = { first, last: Math.min(65_535, first + more) };
    return { protocol, ...(address === undefined ? {} : { hostAddress: address }), hostPort, port: hostPort };
  });

function familiesOf({ hostAddress }: PublishedPort): string[] {
  return hostAddress === undefined ? ["ipv4", "ipv6"] : [familyOf(hostAddress)];
}

function isEverywhere({ hostAddress }: PublishedPort): boolean {
  return hostAddress === undefined || ["0.0.0.0", "::"].includes(hostAddress);
}

/** What the keys must come to: two ports that a packet can be meant for both of. */
function clash(a: PublishedPort, b: PublishedPort): boolean {
  const addressed = isEverywhere(a) || isEverywhere(b) || a.hostAddress === b.hostAddress;
  const families = familiesOf(a).some((family) => familiesOf(b).includes(family));
  const ports = a.hostPort.first <= b.hostPort.last && b.hostPort.first <= a.hostPort.last;
  return a.protocol === b.protocol && families && addressed && ports;
}

type Step = { readonly take: readonly PublishedPort[] } | { readonly giveBack: number };
const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ take: fc.array(anyPort, { minLength: 1, maxLength: 4 }) }) },
    fc.record({ giveBack: fc.nat(20) }),
  ),
  { maxLength: 12 },
);

test("single ports and ranges are taken and given back, and every clash is found, whatever else there is", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(anySteps, fc.boolean(), async (steps, committed) => {
      const store = openSqliteStore({ path: join(directory, `${(run += 1)}.db`), synchronous: "off" });
      let draft = new Draft(store);
      const wrong: unknown[] = [];
      let taken: { readonly port: PublishedPort; readonly endpoint: EndpointId }[] = [];
      try {
        for (const [index, step] of steps.entries()) {
          if ("take" in step) {
            const endpoint = String(index) as EndpointId;
            for (const port of step.take) {
              const other = taken.find((one) => clash(one.port, port));
              const found = await findClash(draft, [port]);
              if ((found === undefined) !== (other === undefined)) wrong.push({ port, other });
              if (other !== undefined) continue;
              await takePorts(draft, [port], endpoint);
              taken.push({ port, endpoint });
            }
          } else {
            const gone = taken[step.giveBack];
            if (gone === undefined) continue;
            await giveBackPorts(draft, [gone.port], gone.endpoint);
            taken = taken.filter((one) => one !== gone);
          }
          if (!committed) continue;
          await store.commit({ checks: [], writes: draft.writes() });
          draft = new Draft(store);
        }
        for (const { port, endpoint } of taken) await giveBackPorts(draft, [port], endpoint);
        await store.commit({ checks: [], writes: draft.writes() });
        expect(wrong).toEqual([]);
        expect(await readerOf(store).range("port")).toEqual([]);
      } finally {
        await store.close();
      }
    }),
    { numRuns: 200 },
  );
}, 60_000);

test("what a request asks for twice is found as what somebody else has", () => {
  fc.assert(
    fc.property(fc.array(anyPort, { maxLength: 12 }), anyPort, (ports, port) => {
      expect(new PortTable(ports).clashes(port)).toBe(ports.some((other) => clash(other, port)));
    }),
  );
});

function at(address: string, first: number, last = first): PublishedPort {
  const hostPort = { first, last };
  return { protocol: "tcp", hostAddress: parseIp(address), hostPort, port: hostPort };
}

test("one that clashes is found behind any number of single ports of another address", async () => {
  const store = openSqliteStore({ path: join(directory, "many.db"), synchronous: "off" });
  const others = Array.from({ length: 1000 }, (_, index) => at("127.0.0.2", 8000 + index));
  const draft = new Draft(store);
  await takePorts(draft, [...others, at("127.0.0.1", 8999)], "1" as EndpointId);
  for (const reader of [draft, readerOf(store)]) {
    expect(await findClash(reader, [at("127.0.0.1", 7000, 8998)])).toBeUndefined();
    expect(await findClash(reader, [at("127.0.0.1", 7000, 8999)])).toBeDefined();
    await store.commit({ checks: [], writes: draft.writes() });
  }
  await store.close();
});

test("a port on a routed network is none of the host's: nothing is written of it, nothing given back", async () => {
  const store = openSqliteStore({ path: join(directory, "routed.db"), synchronous: "off" });
  const draft = new Draft(store);
  const routed = [
    { protocol: "tcp", hostPort: { first: 80, last: 80 }, port: { first: 80, last: 80 }, routed: true },
    { protocol: "tcp", hostPort: { first: 90, last: 99 }, port: { first: 90, last: 99 }, routed: true },
  ] as const satisfies PublishedPort[];
  await takePorts(draft, routed, "1" as EndpointId);
  await giveBackPorts(draft, routed, "1" as EndpointId);
  expect(draft.writes()).toEqual([]);
  await store.close();
});
