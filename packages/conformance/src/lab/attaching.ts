import type { AnyDriver } from "@netkit/core";
import type { EndpointRequest, Netkit, SandboxHandle } from "@netkit/engine";
import { makesNetworks, onlyNetwork, pair, undone, type Pair, type Step } from "./steps.ts";

/**
 * Everything that can be done with a driver once, from nothing to nothing: networks, a sandbox with published ports on
 * two of them, one of them left, all removed.
 */
export function attaching(netkit: Netkit, driver: AnyDriver): Step[] {
  const { name, traits } = driver;
  const { networks, sandboxes } = netkit;
  const sandbox = (sandboxName: string, on: readonly (EndpointRequest | string)[]): Pair =>
    pair(
      `sandbox ${sandboxName}`,
      async () => await sandboxes.open({ name: sandboxName, networks: on }),
      async () => await sandboxes.remove(sandboxName),
    );
  if (!makesNetworks(driver)) {
    const web = sandbox("web", [onlyNetwork(driver, netkit.instance, "holder")]);
    if (traits.namespace !== "joined") return [web.make, web.remove];
    const holder = sandbox("holder", []);
    return [holder.make, web.make, web.remove, holder.remove];
  }
  const network = (networkName: string, ipv6: boolean): Pair =>
    pair(
      `network ${networkName}`,
      async () => await networks.create({ name: networkName, driver: name, ipv6 }),
      async () => await networks.remove(networkName),
    );
  const web = async (): Promise<SandboxHandle> => await sandboxes.get("web");
  const a = network("a", traits.families.includes("ipv6"));
  const b = network("b", false);
  const onA = sandbox("web", [{ network: "a", publish: traits.publish ? ["18080:80", "127.0.0.1:18053:53/udp"] : [] }]);
  const onB = sandbox("web", ["b"]);
  const connected = pair(
    "web on b",
    async () => await (await web()).connect({ network: "b" }),
    async () => await (await web()).disconnect("b"),
  );
  const port = pair(
    "port of web",
    async () => await (await web()).publish("b", ["18081:81"]),
    async () => await (await web()).unpublish("b", ["18081:81"]),
  );
  return [
    a.make,
    b.make,
    onA.make,
    connected.make,
    ...(traits.publish ? [port.make, undone(port)] : []),
    {
      what: "remove web on a",
      run: async () => await (await web()).disconnect("a"),
      back: async () => {
        // Made anew, for the default route went through a.
        await onA.remove.run();
        await onA.make.run();
        await connected.make.run();
      },
      removes: true,
    },
    onB.remove,
    a.remove,
    b.remove,
  ];
}
