import type { Host, Place } from "./host.ts";
import { localMachine, sshMachine } from "./machine.ts";
import { MachineHost } from "./machine-host.ts";
import { NamespaceHost } from "./namespace-host.ts";

/** Hosts that reach each other on one link, and one that reaches them all, for servers. */
export interface Segment extends AsyncDisposable {
  readonly hosts: readonly Host[];
  readonly serverHost: Host;
}

/** A virtual machine with root's ssh, as NETKIT_VMS has it. */
export interface VirtualMachine {
  readonly name: string;
  /** The words of the command up to what is to be run there. */
  readonly ssh: readonly string[];
  /** The link between the machines, and its address there, in a network of 256 addresses. */
  readonly link: string;
  readonly address: string;
}

/** The virtual machines to test on, if any. */
export const virtualMachines: readonly VirtualMachine[] | undefined =
  process.env["NETKIT_VMS"] === undefined ? undefined : (JSON.parse(process.env["NETKIT_VMS"]) as VirtualMachine[]);

// Documentation (RFC 5737, RFC 3849).
const [prefix, prefix6] = ["192.0.2.", "2001:db8:2::"];
const link = "up0";

export async function openSegment(count: number): Promise<Segment> {
  return virtualMachines === undefined ? await inNamespaces(count) : await onMachines(count, virtualMachines);
}

/** A host in a namespace, by what its addresses end with. */
function place(name: string, number: number, network = prefix): Place {
  return { name, link, address: `${network}${number}`, address6: `${prefix6}${number}` };
}

/** All on this machine: the segment is a bridge in a namespace of its own. */
async function inNamespaces(count: number): Promise<Segment> {
  const machine = localMachine();
  await using stack = new AsyncDisposableStack();
  const serverHost = stack.use(
    await NamespaceHost.open(machine, place("servers", 254), async ({ pid }) => {
      // Of a bridge without a MAC address of its own it changes with the lowest of its ports': who has it in a cache loses the servers.
      await machine.exec(onLinksOf(`/proc/${pid}/ns/net`, `link add ${link} address 02:00:00:00:00:fe type bridge`));
    }),
  );
  const hosts: NamespaceHost[] = [];
  for (let number = 1; number <= count; number++) {
    const join = async ({ pid }: { readonly pid: number }): Promise<void> => {
      const veth = `link add h${number} up master ${link} type veth peer name ${link} netns ${pid}`;
      await machine.exec(onLinksOf(serverHost.network, veth));
    };
    hosts.push(stack.use(await NamespaceHost.open(machine, place(`h${number}`, number), join)));
  }
  return { hosts, serverHost, ...disposing(stack.move()) };
}

function onLinksOf(network: string, words: string): string[] {
  return ["nsenter", `--net=${network}`, "--", "ip", ...words.split(" ")];
}

/**
 * Each machine is a host. Where more are asked for, the last machine carries all but the first as namespaces with a macvlan
 * on the real link, and is none itself: a macvlan doesn't reach the link that it is on.
 */
async function onMachines(count: number, machines: readonly VirtualMachine[]): Promise<Segment> {
  await using stack = new AsyncDisposableStack();
  const [first, last] = [machines[0], machines.at(-1)];
  if (first === undefined || last === undefined) throw new Error("NETKIT_VMS names no machine");
  const hosts: Host[] = await Promise.all(
    (count <= machines.length ? machines.slice(0, count) : [first]).map(async ({ ssh, ...place }, index) =>
      stack.use(await MachineHost.open(sshMachine(place.name, ssh), { ...place, address6: `${prefix6}${index + 1}` })),
    ),
  );
  const carrier = sshMachine(last.name, last.ssh);
  const join = async ({ pid }: { readonly pid: number }): Promise<void> => {
    const words = `link add link ${last.link} name ${link} netns ${pid} type macvlan mode bridge`;
    await carrier.exec(["ip", ...words.split(" ")]);
  };
  for (let number = hosts.length + 1; number <= count; number++) {
    const there = place(`h${number}`, 200 + number, last.address.replace(/\d+$/, ""));
    hosts.push(stack.use(await NamespaceHost.open(carrier, there, join)));
  }
  // In the network of the first, which all reach.
  const servers = { ...first, name: "servers", address6: `${prefix6}1` };
  const serverHost = stack.use(await NamespaceHost.open(sshMachine(first.name, first.ssh), servers));
  return { hosts, serverHost, ...disposing(stack.move()) };
}

function disposing(stack: AsyncDisposableStack): AsyncDisposable {
  return { [Symbol.asyncDispose]: async () => await stack.disposeAsync() };
}
