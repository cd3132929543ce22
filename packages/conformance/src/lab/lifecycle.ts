import type { AnyDriver, Instance } from "@netkit/core";
import type { ChangeOptions, Netkit } from "@netkit/engine";

/** True if networks of the driver can be created: the others have one predefined network, or none. */
export function makesNetworks({ traits }: AnyDriver): boolean {
  return traits.namespace === "own" && !traits.exclusive;
}

/** What a sandbox asks for to be on the driver's only network; `holder` is the sandbox that a joining one joins. */
export function onlyNetwork(driver: AnyDriver, instance: Instance, holder: string): string {
  if (driver.traits.namespace === "joined") return `${driver.name}:${holder}`;
  return driver.predefined?.(instance)?.name ?? driver.name;
}

/**
 * Everything that can be done with a driver once, from nothing to nothing: networks, a sandbox with published ports on
 * two of them, one of them left, all removed.
 */
export async function lifecycle(netkit: Netkit, driver: AnyDriver, options: ChangeOptions = {}): Promise<void> {
  const { name, traits } = driver;
  if (!makesNetworks(driver)) {
    const joins = traits.namespace === "joined";
    const holder = joins ? await netkit.sandboxes.open({ name: "holder" }, options) : undefined;
    const networks = [onlyNetwork(driver, netkit.instance, "holder")];
    await netkit.sandboxes.open({ name: "web", networks }, options);
    await netkit.sandboxes.remove("web", options);
    if (holder !== undefined) await netkit.sandboxes.remove("holder", options);
    return;
  }
  const ipv6 = traits.families.includes("ipv6");
  const publish = traits.publish ? ["18080:80", "127.0.0.1:18053:53/udp"] : [];
  await netkit.networks.create({ name: "a", driver: name, ipv6 }, options);
  await netkit.networks.create({ name: "b", driver: name }, options);
  const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "a", publish }] }, options);
  await web.connect({ network: "b" }, options);
  if (traits.publish) {
    await web.publish("b", ["18081:81"], options);
    await web.unpublish("b", ["18081:81"], options);
  }
  await web.disconnect("a", options);
  await netkit.sandboxes.remove("web", options);
  await netkit.networks.remove("a", options);
  await netkit.networks.remove("b", options);
}
