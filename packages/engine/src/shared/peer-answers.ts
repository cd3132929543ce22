import { ipOf, type HostView, type Ip, type Network, type SharedHost } from "@netkit/core";
import { contains } from "@netkit/ipam";
import type { EchoRequest, EchoResult } from "@netkit/kernel";
import type { OutOfTouch, PeerCheck, PeerFault, PeerOutcome, PeerTest } from "../api.ts";

/** A network that is on this host, as far as this host's own kernel and state say. */
export interface Place {
  readonly network: Network;
  readonly host: HostView;
  readonly mtu: number | undefined;
  /** The UDP port of its tunnels, where it has such. */
  readonly port: number | undefined;
  readonly faults: readonly PeerFault[];
  /** Why other hosts may have forgotten this one, if so. */
  readonly apart: OutOfTouch | undefined;
  readonly peers: readonly Peer[];
}

/** Another host that has the network, as this one knows it. */
export interface Peer {
  readonly host: Pick<SharedHost, "id" | "name" | "vtep">;
  readonly addresses: HostView["addresses"];
  /** Those of its listed sandboxes, which are asked in its place: of a host in a file nobody knows the own ones. */
  readonly guests: HostView["addresses"];
  readonly mtu: number | undefined;
  /** What this host lacks for it. */
  readonly fault: PeerFault | undefined;
}

/** What came of requests, by {@link keyOf}. */
export type Answers = ReadonlyMap<string, EchoResult>;

export function keyOf({ source, destination, bytes }: EchoRequest): string {
  return `${source} ${destination} ${bytes ?? ""}`;
}

/** So many sandboxes are asked in a host's place: one of them runs, if any does. */
const mostGuests = 8;

/** What the other host is asked: where its tunnels end, in the network, and there with packets of the network's MTU. */
export function requestsOf(
  { host, mtu }: Pick<Place, "host" | "mtu">,
  peer: Peer,
): { readonly underlay: EchoRequest; readonly inside: readonly EchoRequest[]; readonly path: readonly EchoRequest[] } {
  const inside = host.addresses.flatMap((own): { source: Ip; destination: Ip }[] => {
    const within = (all: HostView["addresses"]): Ip[] => all.map(ipOf).filter((ip) => contains(own, ip));
    const theirs =
      peer.addresses.length > 0 ? within(peer.addresses).slice(0, 1) : within(peer.guests).slice(0, mostGuests);
    return theirs.map((destination) => ({ source: ipOf(own), destination }));
  });
  const bytes = mtu === undefined ? undefined : Math.min(mtu, peer.mtu ?? mtu);
  return {
    underlay: { source: host.vtep, destination: peer.host.vtep },
    inside,
    path: bytes === undefined ? [] : inside.map((request) => ({ ...request, bytes })),
  };
}

/** What the answers say of another host: of what follows from each other the first is told. */
export function judge(place: Place, peer: Peer, answers: Answers): PeerCheck {
  const { host, addresses, mtu, fault } = peer;
  const requests = requestsOf(place, peer);
  const results = (asked: readonly EchoRequest[]): EchoResult[] =>
    asked.flatMap((request) => answers.get(keyOf(request)) ?? []);
  // Of several sandboxes that are asked in its place one will do.
  const inside = [...Map.groupBy(requests.inside, ({ source }) => source).values()].flatMap(
    (each) => each.find((request) => answers.get(keyOf(request))?.ms !== undefined) ?? each[0] ?? [],
  );
  const asked = new Set(inside.map(({ destination }) => destination));
  const path = requests.path.filter(({ destination }) => asked.has(destination));
  const tunnel = outcomeOf(results(inside));
  const reached = outcomeOf(results([requests.underlay]));
  // Who answers by the tunnel is there, whether he answers pings or not.
  const underlay: PeerOutcome = reached.state === "failed" && tunnel.state === "passed" ? skipped : reached;
  const whole = tunnel.state === "passed" ? outcomeOf(results(path)) : skipped;
  const isUneven = mtu !== undefined && place.mtu !== undefined && mtu !== place.mtu;
  const faults = [
    ...(fault === undefined ? [] : [fault]),
    ...(underlay.state === "failed" ? [unreachable(place, peer, results([requests.underlay]))] : []),
    ...(tunnel.state === "failed" && underlay.state !== "failed" ? [cut(place, peer)] : []),
    ...(whole.state === "failed" ? [narrow(place, peer, results(path))] : []),
    ...(isUneven ? [uneven(place, peer)] : []),
  ];
  return {
    host,
    addresses,
    ...(mtu === undefined ? {} : { mtu }),
    entries: { state: fault === undefined ? "passed" : "failed" },
    underlay,
    tunnel,
    path: isUneven ? { state: "failed" } : whole,
    faults,
  };
}

const skipped: PeerOutcome = { state: "skipped" };

/** Of one address of each family: all have to answer. */
function outcomeOf(results: readonly EchoResult[]): PeerOutcome {
  if (results.length === 0) return skipped;
  const times = results.flatMap(({ ms }) => ms ?? []);
  if (times.length < results.length) return { state: "failed" };
  const lost = results.reduce((sum, { sent }) => sum + sent - 1, 0);
  return { state: "passed", ms: Math.max(...times), ...(lost > 0 ? { lost } : {}) };
}

function unreachable({ host: { vtep } }: Place, { host }: Peer, [result]: readonly EchoResult[]): PeerFault {
  const why = result?.error === undefined ? "" : ` (${result.error})`;
  return {
    test: "underlay",
    message: `host '${host.name}' doesn't answer at ${host.vtep}, where its tunnels end${why}`,
    hint: `Is it up, and does the underlay lead there? ip route get ${host.vtep} from ${vtep}`,
  };
}

function cut(place: Place, peer: Peer): PeerFault {
  const { host, addresses, guests } = peer;
  const isByGuests = addresses.length === 0;
  const asked = isByGuests ? guests.slice(0, mostGuests) : addresses;
  const where = asked.map(ipOf).join(isByGuests ? ", " : " and ");
  return {
    test: "tunnel",
    message: `host '${host.name}' answers at ${host.vtep}, but ${isByGuests ? "none of its listed sandboxes does" : "not"} in the network, at ${where}`,
    hint: hintOfCut(place, peer),
  };
}

/** What is wrong on this host itself comes first. */
function hintOfCut({ network, port, apart, faults }: Place, { addresses, fault }: Peer): string {
  const isOwn = (test: PeerTest): boolean => faults.some((one) => one.test === test);
  if (isOwn("device")) return "Mend this host's own links first: netkit doctor --repair";
  if (fault !== undefined) return "Mend this host's own entries first: netkit doctor --repair";
  if (isOwn("firewall")) return "Let them through this host's own rules first, as it says above.";
  if (apart !== undefined) return `It may have forgotten this host: ${apart.message}. ${apart.hint}`;
  const running = addresses.length === 0 ? "If one of these sandboxes runs there: let" : "Let";
  const tunnels = port === undefined ? "what the network's packets come in" : `UDP port ${port}`;
  return `${running} ${tunnels} through between the two hosts, in both directions; then look from there, too: netkit overlay check ${network.name}`;
}

function narrow({ mtu, host, faults }: Place, peer: Peer, results: readonly EchoResult[]): PeerFault {
  const bytes = Math.min(mtu ?? 0, peer.mtu ?? Infinity);
  const own = faults.find(({ test }) => test === "mtu");
  const isHere = results.some(({ error }) => error === "EMSGSIZE");
  return {
    test: "mtu",
    message: `packets of ${bytes} bytes, the network's MTU, don't get to host '${peer.host.name}' and back, though small ones do${isHere ? ": this host itself sends none of that size there" : ""}`,
    hint:
      own !== undefined
        ? `${own.message}. ${own.hint}`
        : `Some link between ${host.vtep} and ${peer.host.vtep} takes smaller packets than the hosts' own: raise its MTU, or make the network anew with a smaller one (-o mtu=).`,
  };
}

function uneven({ mtu = 0, network }: Place, { host, mtu: theirs = 0 }: Peer): PeerFault {
  return {
    test: "mtu",
    message: `the MTU of network '${network.name}' is ${theirs} on host '${host.name}' and ${mtu} here, so that larger packets are lost on the way to ${theirs < mtu ? "it" : "this host"}`,
    hint: `Make the underlay links of both alike, or make the network anew with -o mtu=${Math.min(theirs, mtu)}.`,
  };
}
