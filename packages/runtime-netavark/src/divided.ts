import type { Netkit } from "@netkit/engine";
import { forAll } from "@netkit/runtime";
import { raiseLoopback } from "./interface.ts";
import type { Attachment, NetworkOptions, PodmanNetwork } from "./network-options.ts";
import { isPlugins, Plugin, type PluginPlace } from "./plugins.ts";
import { failureText, refusal } from "./refusal.ts";
import { setup } from "./setup.ts";
import { teardown } from "./teardown.ts";

/** The networks of a call: netkit's, and those of plugins. */
interface Divided {
  readonly own: NetworkOptions;
  readonly theirs: readonly { readonly network: PodmanNetwork; readonly attachment: Attachment }[];
}

function divide(options: NetworkOptions): Divided {
  const all = options.networks.map(([name, attachment]) => {
    const network = Object.hasOwn(options.network_info, name) ? options.network_info[name] : undefined;
    return { name, attachment, network };
  });
  const theirs = all.flatMap(({ network, attachment }) =>
    network !== undefined && isPlugins(network) ? [{ network, attachment }] : [],
  );
  if (theirs.length === 0) return { own: options, theirs };
  const own = all.filter(({ network }) => network === undefined || !isPlugins(network));
  return {
    own: { ...options, networks: own.map(({ name, attachment }) => [name, attachment]) },
    theirs,
  };
}

/**
 * Connects a container to all its networks or to none: netkit's first, then those of plugins in their order.
 * @param open opens the instance, where there is a network of netkit's
 */
export async function setupAll(
  open: () => Promise<Netkit>,
  netns: string,
  options: NetworkOptions,
  place: PluginPlace,
): Promise<Record<string, unknown>> {
  const { own, theirs } = divide(options);
  const plugins = theirs.map((each) => ({ ...each, plugin: new Plugin(each.network, place) }));
  const made: Record<string, unknown> = {};
  const undo: (() => Promise<void>)[] = [];
  try {
    if (own.networks.length > 0 || plugins.length === 0) {
      const netkit = await open();
      Object.assign(made, await setup(netkit, netns, own));
      undo.unshift(async () => await teardown(netkit, own));
    } else raiseLoopback(netns);
    for (const { network, attachment, plugin } of plugins) {
      made[network.name] = await plugin.setup(netns, options, attachment);
      undo.unshift(async () => await plugin.teardown(netns, options, attachment));
    }
    return made;
  } catch (error) {
    await forAll(undo, async (each) => await each()).catch((left: unknown) => {
      throw refusal(`${failureText(error)}; and then: ${failureText(left)}`);
    });
    throw error;
  }
}

/** Takes a container off its networks, whatever comes of some; of what fails the first is told. */
export async function teardownAll(
  open: () => Promise<Netkit>,
  netns: string,
  options: NetworkOptions,
  place: PluginPlace,
): Promise<void> {
  const { own, theirs } = divide(options);
  const all = theirs.map(({ network, attachment }) => async () => {
    await new Plugin(network, place).teardown(netns, options, attachment);
  });
  if (own.networks.length > 0) all.push(async () => await teardown(await open(), own));
  await forAll(all, async (each) => await each());
}
