import { onSite, type Host, type Site, type SiteOptions } from "@netkit/testing/hosts";
import { expect } from "vitest";
import { peer } from "./traffic.ts";

export interface SharingOptions extends SiteOptions {
  /** How many of the hosts have an agent from the start. Default: all. */
  readonly agents?: number;
  /** What a host is reached by. Default: its link. */
  readonly advertise?: (host: Host) => string;
}

/** Hosts that share networks, each with an agent that was started by hand. */
export interface Sharing extends Site {
  /** Resolves when it serves. */
  readonly startAgent: (host: Host) => Promise<void>;
  /** At once: SIGKILL. */
  readonly killAgent: (host: Host) => Promise<void>;
  /** Nothing of netkit is to be done on it any more. */
  readonly forget: (host: Host) => void;
  /** What its agent has complained of since the last time. */
  readonly complaints: (host: Host) => Promise<string>;
}

const log = "/var/lib/netkit/agent.log";

/**
 * Runs `work` on so many hosts that share networks, 1 and on. What it makes is removed then, as users do: each host has to be as it
 * was before, and its agent without a complaint.
 */
export async function onSharingHosts(
  count: number,
  work: (sharing: Sharing) => Promise<void>,
  { agents = count, advertise = ({ link }) => link, ...options }: SharingOptions = {},
): Promise<void> {
  await onSite(
    count,
    async (site) => {
      const { store } = site;
      const pids = new Map<Host, string>();
      const gone = new Set<Host>();
      const sharing: Sharing = {
        ...site,
        async startAgent(host) {
          const words = `netkit agent --store '${store.url}' --advertise ${advertise(host)} --ready-fd 3`;
          // Whoever waits for the agent reads from the pipe until it is closed.
          const script = `mkfifo /run/netkit/ready
            { ${words} 3>/run/netkit/ready >>${log} 2>&1 </dev/null & }
            echo $!; read -r line </run/netkit/ready || { cat ${log} >&2; exit 1; }; rm /run/netkit/ready`;
          pids.set(host, (await host.shell(script)).trim());
        },
        async killAgent(host) {
          await host.shell(`kill -9 ${pids.get(host)}; while [ -e /proc/${pids.get(host)} ]; do sleep 0.01; done`);
        },
        forget: (host) => void gone.add(host),
        complaints: async (host) => await host.shell(`cat ${log}; : >${log}`),
      };
      await Promise.all(site.hosts.slice(0, agents).map(async (host) => await sharing.startAgent(host)));
      await work(sharing);
      await leave(
        sharing,
        site.hosts.filter((host) => !gone.has(host)),
      );
    },
    options,
  );
}

/** The end of a test: all is as it should be, is removed, and nothing is left. */
async function leave({ differences }: Sharing, hosts: readonly Host[]): Promise<void> {
  const remove = `netkit doctor >&2; all=$(netkit sandbox ls -q); [ -z "$all" ] || netkit sandbox rm -f $all`;
  await Promise.all(hosts.map(async (host) => await host.shell(remove)));
  const [first] = hosts;
  const networks = `all=$(netkit network ls -q --filter driver=overlay); [ -z "$all" ] || netkit network rm $all`;
  await first?.shell(networks);
  const said = await Promise.all(
    hosts.map(async (host) => await host.shell(`netkit agent stop 2>&1 >/dev/null; cat ${log}`)),
  );
  // oxlint-disable-next-line vitest/no-standalone-expect -- the leak check
  expect([said.join(""), await differences(hosts)]).toEqual(["", []]);
}

/** Runs commands on a host, and tells which addresses its sandboxes have then, by name. */
export async function launch(host: Host, ...commands: readonly string[]): Promise<Record<string, readonly string[]>> {
  const list = `netkit sandbox ls --format '{{.Name}} {{.Addresses}}'`;
  const printed = await host.shell([...commands.map((command) => `${command} >/dev/null`), list].join("\n"));
  const rows = printed
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  return Object.fromEntries(rows.map(([name = "", addresses = ""]) => [name, addresses.split(",")]));
}

/** `x` on the first host and `y` on the second, on the network `n`, which is made with more options. */
export async function launchPair(
  [a, b]: readonly Host[],
  options = "--subnet 10.0.9.0/24",
): Promise<{ a: Host; b: Host; x: string; y: string }> {
  if (a === undefined || b === undefined) throw new Error("there are two hosts");
  await a.shell(`netkit network create --driver overlay ${options} n`);
  // The other is told of it meanwhile.
  const { x: [x = ""] = [] } = await launch(a, peer("x", "--network n"));
  const { y: [y = ""] = [] } = await launch(b, peer("y", "--network n"));
  return { a, b, x, y };
}
