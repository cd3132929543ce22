import assert from "node:assert/strict";
import { keyOf, type Resource } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import type { Case, CaseContext } from "../case.ts";
import { compareSnapshots, lastingRules, type Space } from "../lab/index.ts";
import { inLab, type Lab } from "../lab/lab.ts";
import { makesNetworks } from "../lab/steps.ts";

const common = {
  since: 1,
  tier: "kernel",
  requires: ["root", "ip", "nft"],
  applies: makesNetworks,
} as const satisfies Partial<Case>;

/** What somebody breaks by hand, doctor finds and mends. */
export const driftCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-DRIFT-001",
    rule: "doctor finds nothing to do after an attach, and repairing it changes nothing",
    run: withSandbox(async ({ snapshot, netkit }, spaces) => {
      const before = await snapshot(spaces);
      const { findings, checked } = await netkit.doctor({ repair: true });
      assert.deepEqual(
        findings.map(({ message }) => message),
        [],
      );
      assert.ok(checked > 0, "nothing was compared");
      assert.deepEqual(compareSnapshots(before, await snapshot(spaces)), []);
    }),
  },
  {
    ...common,
    id: "DRV-DRIFT-002",
    rule: "each resource that is deleted by hand is found by doctor, by its name, and mended by repair",
    run: withSandbox(async ({ snapshot, netkit, previews }, spaces, note) => {
      // A link that is made again gets another MAC where the driver doesn't say which.
      const before = await snapshot(spaces, { portable: true });
      const resources = previews
        .flatMap(({ plan }) => plan)
        .flatMap(({ op, resource }) => (op === "remove" ? [] : [resource]));
      let broken = 0;
      for (const resource of new Map(resources.map((each) => [keyOf(each), each])).values()) {
        const space = resource.ns === "host" ? spaces["host"] : spaces["web"];
        const command = breaking(resource);
        if (command === undefined || space === undefined) continue;
        await space.shell(command);
        await mends(netkit, keyOf(resource), (found) => found === keyOf(resource));
        assert.deepEqual(compareSnapshots(before, await snapshot(spaces, { portable: true })), [], `after ${command}`);
        broken++;
      }
      assert.ok(broken > 0, "nothing could be broken");
      note(`${broken} resources`);
    }),
  },
  {
    ...common,
    id: "DRV-DRIFT-003",
    rule: "each element that is deleted from netkit's nft table is found and mended, and so is the loss of the whole ruleset",
    applies: (driver) => makesNetworks(driver) && driver.traits.publish,
    run: withSandbox(async ({ snapshot, netkit, host }, spaces, note) => {
      const before = await snapshot(spaces);
      const elements = await elementsOf(host);
      assert.ok(elements.length > 0, "no elements");
      for (const { family, set, text } of elements) {
        await host.exec(["nft", `delete element ${family} ${netkit.instance.mark} ${set} { ${text} }`]);
        await mends(netkit, `${set} { ${text} }`, isFirewall);
        assert.deepEqual(compareSnapshots(before, await snapshot(spaces)), [], `after the loss of ${set} { ${text} }`);
      }
      await host.exec(["nft", "flush", "ruleset"]);
      await mends(netkit, "the ruleset", isFirewall);
      assert.deepEqual(compareSnapshots(before, await snapshot(spaces)), [], "after the loss of the ruleset");
      note(`${elements.length} elements`);
    }),
  },
];

type Spaces = Readonly<Record<string, Space>>;

/** A sandbox on two networks, with published ports where the driver has them. */
function withSandbox(work: (lab: Lab, spaces: Spaces, note: (text: string) => void) => Promise<void>) {
  return async ({ driver, note }: CaseContext): Promise<void> =>
    await inLab(driver, {}, async (lab) => {
      await lab.network("a");
      await lab.network("b");
      const publish = driver.traits.publish ? ["18080:80", "127.0.0.1:18053:53/udp", "18082:82,from=192.0.2.0/24"] : [];
      const web = await lab.netkit.sandboxes.open(
        { name: "web", networks: [{ network: "a", publish }] },
        lab.recording,
      );
      await web.connect({ network: "b" }, lab.recording);
      await work(lab, { ...lab.host.spaces, web: lab.space(web) }, note);
    });
}

async function mends(netkit: Netkit, what: string, isFound: (key: string) => boolean): Promise<void> {
  const found = (await netkit.doctor()).findings;
  const keys = found.flatMap(({ resource }) => (resource === undefined ? [] : [keyOf(resource)]));
  assert.ok(keys.some(isFound), `doctor didn't find the loss of ${what}; it found ${keys.join(", ") || "nothing"}`);
  await netkit.doctor({ repair: true });
  const left = (await netkit.doctor()).findings.map(({ message }) => message);
  assert.deepEqual(left, [], `repair didn't mend the loss of ${what}`);
}

const isFirewall = (key: string): boolean =>
  /^(isolation|familiar|masquerade|publish|open|untracked|guard|sender) /.test(key);

/** A command that takes the resource away, with tools that know nothing of netkit; undefined where another case does it. */
function breaking(resource: Resource): string | undefined {
  if (resource.ensure === "exists") return undefined;
  switch (resource.kind) {
    case "bridge":
    case "veth":
    case "vxlan":
    case "macvlan":
    case "ipvlan":
    case "vlan":
    case "dummy":
    case "ifb":
      return `ip link del ${resource.name}`;
    case "address":
      return `ip address del ${resource.address} dev ${resource.link}`;
    case "route":
      return `ip ${resource.destination.includes(":") ? "-6" : "-4"} route del ${resource.destination}${resource.table === undefined ? "" : ` table ${resource.table}`}${resource.metric === undefined ? "" : ` metric ${resource.metric}`}`;
    case "rule":
      return `ip ${resource.family === "ipv6" ? "-6" : "-4"} rule del priority ${resource.priority}`;
    case "neighbour":
      return `ip neighbour del ${resource.proxy === true ? "proxy " : ""}${resource.address} dev ${resource.link}`;
    case "fdb":
      return `bridge fdb del ${resource.mac} dev ${resource.link} ${resource.destination === undefined ? "" : `dst ${resource.destination} `}${resource.master === true ? "master" : "self"}`;
    case "sysctl":
      return `echo ${resource.value === "1" ? 0 : 1} > /proc/sys/${resource.path}`;
    case "shaper":
      return `tc qdisc del dev ${resource.link} root`;
    case "redirect":
      return `tc qdisc del dev ${resource.link} ingress`;
    case "file":
      return `rm '${resource.path}'`;
    default:
      return undefined;
  }
}

interface Element {
  /** Of its table. */
  readonly family: string;
  readonly set: string;
  /** As nft's grammar has it. */
  readonly text: string;
}

/** The elements of all named sets and maps, from the ruleset as nft prints it; one stands for all of a set that is constant. */
async function elementsOf(host: Space): Promise<Element[]> {
  const found: Element[] = [];
  let [family, set] = ["", ""];
  const rules = lastingRules(await host.exec(["nft", "list", "ruleset"]));
  for (const line of rules.replaceAll(/,\n\s+/g, ", ").split("\n")) {
    family = /^table (\S+) /.exec(line)?.[1] ?? family;
    set = /^\s*(?:set|map) (\S+) \{/.exec(line)?.[1] ?? set;
    const elements = /elements = \{ (.*) \}/.exec(line)?.[1];
    if (elements === undefined) continue;
    // The key of a map's element is enough to delete it.
    for (const element of elements.split(", ").slice(0, set === "twins" ? 1 : undefined)) {
      found.push({ family, set, text: (element.split(" : ")[0] ?? "").replace(/ comment ".*"$/, "") });
    }
  }
  return found;
}
