import { parseIp, type AnyDriver } from "@netkit/core";
import type { EndpointRequest, Netkit, SandboxHandle } from "@netkit/engine";
import { spaceOf } from "./space.ts";
import { pair, undone, type Step } from "./steps.ts";

/** For benchmarks, and on no host's way (RFC 2544). */
const further = { subnet: "198.18.99.0/24" };
const docker = { id: "d0".repeat(32), engine: "Docker" };

/**
 * What else can be done with networks, and with sandboxes whose namespaces are netkit's or others': from nothing to nothing.
 * @param theirs the path of a namespace that others have made
 */
export function changing(netkit: Netkit, driver: AnyDriver, theirs: string): Step[] {
  const { networks, sandboxes } = netkit;
  const { name, scope, traits } = driver;
  const ipv6 = traits.families.includes("ipv6");
  const of = async (sandbox: string): Promise<SandboxHandle> => await sandboxes.get(sandbox);
  const open = async (request?: Omit<EndpointRequest, "network">): Promise<unknown> =>
    await sandboxes.open({ name: "theirs", netns: theirs, networks: [{ network: "a", ...request }] });
  const remove = async (): Promise<unknown> => await sandboxes.remove("theirs", { force: true });
  const publish = traits.publish ? ["18080:80", "127.0.0.1:18053:53/udp"] : [];

  const network = pair(
    "network a",
    async () => await networks.create({ name: "a", driver: name, ipv6 }),
    async () => await networks.prune(),
  );
  const renamed = pair(
    "another name of network a",
    async () => await networks.rename("a", "z"),
    async () => await networks.rename("z", "a"),
  );
  const lent = pair(
    "a loan of network a",
    async () => await networks.lend("a", { holder: "somebody" }),
    async () => await networks.takeBack("a", "somebody"),
  );
  const joined = pair(
    "network a Docker's",
    async () => await networks.join("a", { ...docker, ...(takesSubnets(driver) ? { subnets: [further] } : {}) }),
    async () => await networks.leave(docker.id),
  );
  const both = pair(
    "sandbox web",
    async () => await sandboxes.open({ name: "web", networks: [{ network: "a", publish }] }),
    async () => await sandboxes.removeAll(["web"]),
  );
  const nameServers = pair(
    "name servers of web",
    async () => await (await of("web")).setNameServers([parseIp("192.0.2.53")]),
    async () => await (await of("web")).setNameServers([]),
  );
  const together = pair(
    "two sandboxes at the same time",
    async () => await Promise.all(["p", "q"].map(async (one) => await sandboxes.open({ name: one, networks: ["a"] }))),
    async () => await sandboxes.removeAll(["p", "q"]),
  );
  const adopted = pair("sandbox of an adopted namespace", async () => await open(), remove);
  const guest = pair(
    "guest on network a",
    async () => await sandboxes.join({ name: "guest", place: { netns: theirs } }, { network: "a", aliases: ["www"] }),
    async () => await (await of("guest")).disconnect("a"),
  );
  const handed = pair("sandbox with an interface to hand over", async () => await open({ handedOver: true }), remove);
  const called = pair(
    "another name of the one that was handed over",
    async () => await (await of("theirs")).rename({ name: "others" }),
    async () => await (await of("others")).rename({ name: "theirs" }),
  );
  const beside = pair(
    "sandbox beside another engine's routes",
    async () => await open({ leavesDefaultRoute: true, ifPrefix: "net" }),
    remove,
  );
  return [
    network.make,
    // A network of several hosts keeps its name, and its addresses are for endpoints.
    ...(scope === "local" ? [renamed.make, undone(renamed)] : []),
    ...(scope === "local" && traits.addresses === "engine" ? [lent.make, undone(lent)] : []),
    joined.make,
    undone(joined),
    both.make,
    nameServers.make,
    undone(nameServers),
    {
      what: "repair",
      run: async () => {
        await damage((await of("web")).netns);
        await netkit.doctor({ repair: true });
      },
      back: async () => await netkit.doctor({ repair: true }),
      removes: false,
      mends: true,
    },
    // Those of several hosts are carried out one by one.
    ...(scope === "local" ? [together.make, together.remove] : []),
    adopted.make,
    adopted.remove,
    guest.make,
    guest.remove,
    handed.make,
    called.make,
    undone(called),
    handed.remove,
    beside.make,
    beside.remove,
    both.remove,
    network.remove,
  ];
}

/** Whether the host leads from one subnet of a network to another. */
function takesSubnets({ scope, traits, outside }: AnyDriver): boolean {
  const isHosts = scope === "local" && outside === undefined && traits.besideHost !== true;
  return isHosts && traits.addresses === "engine" && traits.families.includes("ipv4");
}

/** Takes a sandbox's way out, and the host's firewall. */
async function damage(netns = ""): Promise<void> {
  await spaceOf(netns).shell("ip route flush default; ip -6 route flush default");
  await spaceOf("/proc/thread-self/ns/net").shell("nft flush ruleset");
}
