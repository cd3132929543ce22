import type { AnyDriver, Instance } from "@netkit/core";
import type { ChangeOptions, EndpointRequest, Netkit, SandboxHandle } from "@netkit/engine";

/** True if networks of the driver can be created: the others have one predefined network, or none. */
export function makesNetworks({ traits }: AnyDriver): boolean {
  return traits.namespace === "own" && !traits.exclusive;
}

/** What a sandbox asks for to be on the driver's only network; `holder` is the sandbox that a joining one joins. */
export function onlyNetwork(driver: AnyDriver, instance: Instance, holder: string): string {
  if (driver.traits.namespace === "joined") return `${driver.name}:${holder}`;
  return driver.predefined?.(instance)?.name ?? driver.name;
}

type Work = () => Promise<unknown>;

/** One thing that is done with a driver. */
export interface Step {
  readonly what: string;
  readonly run: Work;
  /** Brings back what was there before. */
  readonly back: Work;
  /** True for what can't be taken back half-way, for it removes: it is finished. */
  readonly removes: boolean;
}

/** Goes through all {@link stepsOf} a driver. */
export async function lifecycle(netkit: Netkit, driver: AnyDriver, options: ChangeOptions = {}): Promise<void> {
  for (const { run } of stepsOf(netkit, driver, options)) await run();
}

/**
 * Everything that can be done with a driver once, from nothing to nothing: networks, a sandbox with published ports on
 * two of them, one of them left, all removed.
 */
export function stepsOf(netkit: Netkit, driver: AnyDriver, options: ChangeOptions = {}): Step[] {
  const { name, traits } = driver;
  const { networks, sandboxes } = netkit;
  const sandbox = (sandboxName: string, on: readonly (EndpointRequest | string)[]): Pair =>
    pair(
      `sandbox ${sandboxName}`,
      async () => await sandboxes.open({ name: sandboxName, networks: on }, options),
      async () => await sandboxes.remove(sandboxName, options),
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
      async () => await networks.create({ name: networkName, driver: name, ipv6 }, options),
      async () => await networks.remove(networkName, options),
    );
  const web = async (): Promise<SandboxHandle> => await sandboxes.get("web");
  const a = network("a", traits.families.includes("ipv6"));
  const b = network("b", false);
  const onA = sandbox("web", [{ network: "a", publish: traits.publish ? ["18080:80", "127.0.0.1:18053:53/udp"] : [] }]);
  const onB = sandbox("web", ["b"]);
  const connected = pair(
    "web on b",
    async () => await (await web()).connect({ network: "b" }, options),
    async () => await (await web()).disconnect("b", options),
  );
  const port = pair(
    "port of web",
    async () => await (await web()).publish("b", ["18081:81"], options),
    async () => await (await web()).unpublish("b", ["18081:81"], options),
  );
  return [
    a.make,
    b.make,
    onA.make,
    connected.make,
    ...(traits.publish ? [port.make, { ...port.remove, removes: false }] : []),
    {
      what: "remove web on a",
      run: async () => await (await web()).disconnect("a", options),
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

interface Pair {
  readonly make: Step;
  readonly remove: Step;
}

function pair(what: string, make: Work, remove: Work): Pair {
  return {
    make: { what: `make ${what}`, run: make, back: remove, removes: false },
    remove: { what: `remove ${what}`, run: remove, back: make, removes: true },
  };
}
