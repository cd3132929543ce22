import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cidr, Endpoint, Ip, Mac, Network, NetworkId, Sandbox } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import { expect, test } from "vitest";
import { readerOf } from "../../src/lookup.ts";
import { findOutdated } from "../../src/shared/peers-file/outdated.ts";
import type { SharedNetwork } from "../../src/shared/records.ts";
import { keys } from "../../src/state.ts";
import { idOf, network as record } from "./records.ts";

const path = "/etc/netkit/hosts.yaml";
const subnet = { subnet: "10.0.0.0/24" as Cidr, gateway: "10.0.0.1" as Ip };
const listed: SharedNetwork = {
  ...record,
  subnets: [{ ...subnet, range: "10.0.0.64/26" as Cidr, auxiliary: { web: "10.0.0.2" as Ip } }],
};

/** What is told of a host with sandboxes at these addresses, whose own address is 10.0.0.64, where the file has `now`. */
async function told(sandboxes: Readonly<Record<string, string>>, now: readonly SharedNetwork[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "netkit-outdated-"));
  const store = openSqliteStore({ path: join(folder, "state.db"), synchronous: "off" });
  try {
    const host = {
      vtep: "192.0.2.1" as Ip,
      mtu: 1500,
      addresses: ["10.0.0.64/24" as Cidr],
      mac: "02:6e:0a:00:00:40" as Mac,
    };
    const network: Network = { ...listed, facts: { links: {} }, realised: true, share: { revision: 1, host } };
    const writes = Object.entries(sandboxes).flatMap(([name, ip], index) => {
      const [endpoint, sandbox] = [idOf<Endpoint["id"]>(`a${index}`), idOf<Sandbox["id"]>(`b${index}`)];
      return [
        { key: keys.attached(network.id, endpoint), value: 1 },
        { key: keys.endpoint(endpoint), value: { id: endpoint, sandbox, addresses: [{ address: `${ip}/24` }] } },
        { key: keys.sandbox(sandbox), value: { id: sandbox, name } },
      ];
    });
    await store.commit({ checks: [], writes: [{ key: keys.network(network.id), value: network }, ...writes] });
    const networks = new Map<NetworkId, SharedNetwork>(now.map((one) => [one.id, one]));
    return (await findOutdated(readerOf(store), path, networks)).map(({ message }) => message);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

test("what is where the file has it is nothing to tell of, nor is a network that nothing is on", async () => {
  expect(await told({ a: "10.0.0.65", web: "10.0.0.2" }, [listed])).toEqual([]);
  expect(await told({}, [])).toEqual([]);
});

test("a network that is gone is told of with who is on it", async () => {
  expect(await told({ a: "10.0.0.65", b: "10.0.0.66" }, [])).toEqual([
    `network '${record.name}', which 'a', 'b' are on, is no more in ${path} for this host`,
  ]);
});

test("a network that is made otherwise by now is told of with what has changed, for it is another one", async () => {
  const other = { ...listed, id: idOf<NetworkId>("7"), claims: { vni: "5002" }, internal: true };
  expect(await told({ a: "10.0.0.65" }, [other])).toEqual([
    `network '${record.name}', which 'a' is on, is made otherwise by ${path} now: internal is true, and was false; vni is 5002, and was 5`,
  ]);
});

test("an address that is another host's by now, or kept for another sandbox, is told of", async () => {
  const moved = { ...listed, subnets: [{ ...subnet, range: "10.0.0.128/26" as Cidr, auxiliary: {} }] };
  expect(await told({ a: "10.0.0.130", web: "10.0.0.2" }, [moved])).toEqual([
    `10.0.0.64 of this host itself on network '${record.name}' isn't its own any more by ${path}`,
    `10.0.0.2 of sandbox 'web' on network '${record.name}' isn't its own any more by ${path}`,
  ]);
  expect(await told({ a: "10.0.0.2" }, [listed])).toEqual([
    `10.0.0.2 of sandbox 'a' on network '${record.name}' isn't its own any more by ${path}`,
  ]);
});
