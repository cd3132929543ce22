// Who reaches a sandbox in each gateway mode, with real sockets through the whole of netkit, and whether the README of
// driver-bridge says the same. NETKIT_WRITE_DOCS=1 writes what was seen into it instead.
import { readFileSync, writeFileSync } from "node:fs";
import { familyOf, type Family } from "@netkit/core";
import type { GatewayMode } from "@netkit/driver-bridge";
import { expect, test } from "vitest";
import {
  hostIpv4,
  hostIpv6,
  outsideIpv4,
  outsideIpv6,
  ping,
  reach,
  serve,
  type Outcome,
  type Space,
} from "../src/index.ts";
import {
  aims,
  readmePath,
  withAccessTables,
  type Aim,
  type Observation,
  type Origin,
  type Seen,
} from "./access-table.ts";
import { onOutsideHost, settings, type OutsideHost } from "./outside-host.ts";

/** What is to be silent has to be so for this long; an answer takes a few ms. */
const silenceMs = 500;
const protocols = ["tcp", "udp"] as const;
const [publishedPort, otherPort] = [80, 81];
const families: readonly Family[] = ["ipv4", "ipv6"];
const hostAddresses = { ipv4: hostIpv4, ipv6: hostIpv6 };
const outsideAddresses = { ipv4: outsideIpv4, ipv6: outsideIpv6 };
const familyNames = { ipv4: "IPv4", ipv6: "IPv6" } as const;
const statuses = { ok: "reached", refused: "refused", timeout: "dropped" } as const satisfies Record<
  Outcome["status"],
  string
>;
/** The port of the host at which each mode's sandbox is published; where there is none, one that nobody has. */
const hostPorts = { nat: 8001, "nat-unprotected": 8002, routed: 80, isolated: undefined } as const;
const modes = Object.keys(hostPorts) as GatewayMode[];

/** A sandbox on a network of that mode, with one beside it. */
interface Subject {
  readonly mode: GatewayMode;
  readonly addresses: Readonly<Record<Family, string>>;
  readonly web: Space;
  readonly neighbour: Space;
}

test.each(settings)(
  "the README says who reaches a sandbox: $firewall, bridge-nf-call $bridgeNetfilter",
  async (setting) => {
    const observations = await onOutsideHost(setting, observe);
    const wanted = withAccessTables(readFileSync(readmePath, "utf8"), observations);
    if (process.env["NETKIT_WRITE_DOCS"] === "1" && setting === settings[0]) writeFileSync(readmePath, wanted);
    expect(readFileSync(readmePath, "utf8")).toBe(wanted);
  },
);

async function observe(place: OutsideHost): Promise<Observation[]> {
  const { host, outside, open } = place;
  // Every refusal of a datagram is to be heard, however many there are (ip-sysctl: icmp_ratemask).
  await host.shell("echo 0 > /proc/sys/net/ipv4/icmp_ratemask; echo > /proc/sys/net/ipv6/icmp/ratemask");
  const subjects: Subject[] = [];
  for (const mode of modes) subjects.push(await makeSubject(place, mode));
  await createNetwork(place, "other", "nat");
  const other = await open("other");
  await using echoes = new AsyncDisposableStack();
  echoes.use(await serve(outside, 80));
  for (const { web } of subjects) for (const port of [publishedPort, otherPort]) echoes.use(await serve(web, port));
  return await askAll(place, subjects, other.space);
}

/** A network that the outside knows the way to. */
async function createNetwork({ netkit, outside }: OutsideHost, name: string, mode: GatewayMode): Promise<void> {
  const { subnets } = await netkit.networks.create({
    name,
    ipv6: true,
    internal: mode === "isolated",
    options: { "gateway-mode-ipv4": mode, "gateway-mode-ipv6": mode },
  });
  for (const { subnet } of subnets) {
    await outside.exec(["ip", "route", "add", subnet, "via", hostAddresses[familyOf(subnet)]]);
  }
}

async function makeSubject(place: OutsideHost, mode: GatewayMode): Promise<Subject> {
  const { open } = place;
  await createNetwork(place, mode, mode);
  const hostPort = hostPorts[mode];
  const publish = protocols.map((protocol) => `${hostPort ?? publishedPort}:${publishedPort}/${protocol}`);
  if (hostPort === undefined) {
    await expect(open({ network: mode, publish })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  }
  const web = await open({ network: mode, publish: hostPort === undefined ? [] : publish });
  const neighbour = await open(mode);
  const [ipv4 = "", ipv6 = ""] = web.addresses;
  return { mode, addresses: { ipv4, ipv6 }, web: web.space, neighbour: neighbour.space };
}

/** Asks from one place after the other, everything at once. */
async function askAll(
  { host, outside }: OutsideHost,
  subjects: readonly Subject[],
  other: Space,
): Promise<Observation[]> {
  const observations = subjects.map((subject) => ({
    subject,
    reached: new Map(aimsAt(subject).map((aim) => [aim, new Map<Origin, Seen>()])),
  }));
  const places: readonly (readonly [Origin, Space, readonly (typeof observations)[number][]])[] = [
    ["host", host, observations],
    ["other", other, observations],
    ["outside", outside, observations],
    ...observations.map((each) => ["neighbour", each.subject.neighbour, [each]] as const),
  ];
  for (const [origin, from, asked] of places) {
    // The thread stays in the place's namespace until all sockets have their answers.
    using _ = from.enter();
    const cells = asked.flatMap(({ subject, reached }) => [...reached].map(([aim, row]) => ({ subject, aim, row })));
    await Promise.all(cells.map(async ({ subject, aim, row }) => void row.set(origin, await ask(from, subject, aim))));
  }
  const found: Observation[] = [];
  for (const { subject, reached } of observations) {
    found.push({ mode: subject.mode, reached, outbound: await outbound(subject) });
  }
  return found;
}

function aimsAt({ mode }: Subject): Aim[] {
  const all = Object.keys(aims) as Aim[];
  return hostPorts[mode] === undefined ? all.filter((aim) => !aim.startsWith("published")) : all;
}

async function ask(from: Space, { mode, addresses }: Subject, aim: Aim): Promise<Seen> {
  if (aim === "ping") return await pings(from, addresses);
  if (aim === "publishedOnHost") return await outcomes(from, hostAddresses, hostPorts[mode] ?? 0, wordOf);
  return await outcomes(from, addresses, aim === "published" ? publishedPort : otherPort, wordOf);
}

function wordOf({ status }: Outcome): string {
  return statuses[status];
}

/** Whose address the outside sees. */
async function outbound({ web, addresses }: Subject): Promise<Seen> {
  return await outcomes(web, outsideAddresses, 80, ({ status, source = "" }) => {
    if (status !== "ok") return "has no way";
    const own = Object.values<string>(addresses).includes(source);
    return own ? "comes with its own address" : "comes with the host's address";
  });
}

/** By both protocols to both addresses, at once. */
async function outcomes(
  from: Space,
  addresses: Readonly<Record<Family, string>>,
  port: number,
  word: (outcome: Outcome) => string,
): Promise<Seen> {
  using _ = from.enter();
  const all = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));
  return new Map(
    await Promise.all(
      all.map(async ({ family, protocol }): Promise<[string, string]> => {
        const outcome = await reach(from, { protocol, address: addresses[family], port }, silenceMs);
        return [`${familyNames[family]} ${protocol.toUpperCase()}`, word(outcome)];
      }),
    ),
  );
}

async function pings(from: Space, addresses: Readonly<Record<Family, string>>): Promise<Seen> {
  return new Map(
    await Promise.all(
      families.map(async (family): Promise<[string, string]> => {
        const answered = await ping(from, addresses[family], 1);
        return [familyNames[family], answered ? "reached" : "dropped"];
      }),
    ),
  );
}
