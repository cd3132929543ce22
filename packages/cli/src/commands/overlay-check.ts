import type { NetworkCheck, PeerCheck, PeerFault, PeerOutcome } from "@netkit/engine";
import { ipOf, NetkitError } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { hostLabels } from "../host-labels.ts";
import { list, listOptions } from "../listing.ts";
import { durationMs } from "../moment.ts";
import { warnIfOutOfTouch } from "../out-of-touch.ts";
import type { Terminal } from "../terminal.ts";

/** The fields of a peer in a list. */
interface PeerRow {
  /** Of the host. */
  readonly ID: string;
  readonly Network: string;
  readonly Peer: string;
  readonly VTEP: string;
  readonly Address: string;
  readonly Entries: string;
  readonly Underlay: string;
  readonly Tunnel: string;
  readonly MTU: string;
  readonly State: string;
  readonly Faults: string;
}

const headers: Readonly<Record<keyof PeerRow, string>> = {
  ID: "HOST ID",
  Network: "NETWORK",
  Peer: "PEER",
  VTEP: "VTEP",
  Address: "ADDRESS",
  Entries: "ENTRIES",
  Underlay: "UNDERLAY",
  Tunnel: "TUNNEL",
  MTU: "MTU",
  State: "STATE",
  Faults: "FAULTS",
};
const columns = ["Network", "Peer", "VTEP", "Address", "Entries", "Underlay", "Tunnel", "MTU", "State"] as const;

export const overlayCheck: Command = command({
  name: "overlay check",
  summary: "Test the way to every other host of overlay networks",
  details: [
    "Of this host: the network's links with their VNI, port and address, and that the address is there. For each peer: the\nforwarding and neighbour entries for it and its sandboxes; whether it answers where its tunnels end, in the network, and\nthere with packets of the network's MTU, which nobody may take to pieces, there and back; whether its MTU is the same.",
    "Nothing is changed. All peers are asked at once.",
  ],
  arguments: {
    NETWORK: {
      many: true,
      optional: true,
      summary: "Networks (default: all that hosts share)",
      complete: "global-network",
    },
  },
  options: {
    format: listOptions.format,
    timeout: { value: "DURATION", default: "3s", summary: "How long all peers together have to answer (3s, 1m)" },
  },
  examples: [
    { line: "netkit overlay check", summary: "Every peer of every network" },
    { line: "netkit overlay check my-overlay --timeout 10s", summary: "Those of one, with patience" },
    {
      line: "netkit overlay check --format '{{.Network}} {{.Peer}} {{.State}}'",
      summary: "A line for each peer: neither this host's own faults nor hosts that are down",
    },
    {
      line: "netkit overlay check --json | jq -r '.[] | .faults[], .peers[].faults[] | .message'",
      summary: "All that is wrong, a line each",
    },
  ],
  changes: false,
  finds: "something is wrong",
  abortable: true,
  async run({ open, options, arguments: { NETWORK }, change: { signal }, terminal }) {
    const timeoutMs = durationMs(options.timeout);
    if (timeoutMs === undefined || timeoutMs === 0) {
      throw new NetkitError("ARGUMENT_INVALID", `--timeout ${JSON.stringify(options.timeout)} is not understood`, {
        hint: "Write 5s or 1m30s.",
      });
    }
    const netkit = await open();
    let progress = "testing peers";
    const checks = await terminal.progress(
      () => progress,
      async () =>
        await netkit.checkPeers({
          timeoutMs,
          ...(NETWORK.length === 0 ? {} : { networks: NETWORK }),
          ...(signal === undefined ? {} : { signal }),
          onProgress: (answered, of) => (progress = `testing peers: ${answered} of ${of} requests answered`),
        }),
    );
    const ofSharing = (await warnIfOutOfTouch(netkit, terminal)) ? 1 : 0;
    const faults = checks.reduce((sum, check) => sum + faultsOf(check).length, ofSharing);
    const { format } = options;
    const rows = rowsOf(checks, format, terminal);
    const { text: listed = "" } = list({ data: checks, rows, headers, columns, quiet: false, format });
    const text = format === undefined ? describe(checks, listed, faults, terminal) : listed;
    return { data: checks, text, exitCode: faults === 0 ? 0 : 1 };
  },
});

function faultsOf({ faults, peers }: NetworkCheck): PeerFault[] {
  return [...faults, ...peers.flatMap((peer) => peer.faults)];
}

function labelsOf(checks: readonly NetworkCheck[]): ReturnType<typeof hostLabels> {
  return hostLabels(checks.flatMap(({ peers }) => peers.map(({ host }) => host)));
}

/** In colour where nobody has a format of their own. */
function rowsOf(checks: readonly NetworkCheck[], format: string | undefined, terminal: Terminal): PeerRow[] {
  const labels = labelsOf(checks);
  const state = (peer: PeerCheck): string => {
    const { word, style } = stateOf(peer);
    return format === undefined ? terminal.out(style, word) : word;
  };
  return checks.flatMap((check) =>
    check.peers.map((peer) => ({ ...rowOf(check, peer, labels(peer.host)), State: state(peer) })),
  );
}

function describe(checks: readonly NetworkCheck[], peerTable: string, faults: number, terminal: Terminal): string {
  const labels = labelsOf(checks);
  const peers = new Set(checks.flatMap((check) => check.peers.map(({ host }) => host.id))).size;
  const away = checks.filter(({ isHere }) => !isHere).map(({ network }) => network.name);
  const alone = checks.filter((check) => check.isHere && check.peers.length === 0).map(({ network }) => network.name);
  const untested = checks.flatMap((check) => check.peers.filter(isUntested)).length;
  const sections = [
    ...(peers === 0 ? [] : [peerTable]),
    ...checks.flatMap((check) => [
      ...groupOf(`network ${check.network.name} on this host`, check.faults, terminal),
      ...check.peers.flatMap((peer) =>
        groupOf(`host ${labels(peer.host)} on network ${check.network.name}`, peer.faults, terminal),
      ),
    ]),
    ...(away.length === 0 ? [] : [`No sandbox of this host is on ${away.join(", ")}: nothing to test.`]),
    ...(alone.length === 0 ? [] : [`No other host is on ${alone.join(", ")}.`]),
    `${count(peers, "peer")} on ${count(checks.length - away.length, "network")} tested: ${verdict(faults, untested)}`,
  ];
  return sections.join("\n");
}

function rowOf({ network }: NetworkCheck, peer: PeerCheck, label: string): Omit<PeerRow, "State"> {
  const { host, addresses, entries, underlay, tunnel, path, mtu, faults } = peer;
  return {
    ID: host.id,
    Network: network.name,
    Peer: label,
    VTEP: host.vtep,
    Address: addresses.map(ipOf).join(",") || "-",
    Entries: words(entries),
    Underlay: words(underlay),
    Tunnel: words(tunnel),
    MTU: path.state === "passed" && mtu !== undefined ? String(mtu) : words(path),
    Faults: faults.map(({ message }) => message).join("; "),
  };
}

function stateOf(peer: PeerCheck): { readonly word: string; readonly style: "red" | "yellow" | "green" } {
  if (peer.faults.length > 0) return { word: "failed", style: "red" };
  return isUntested(peer) ? { word: "tunnel not tested", style: "yellow" } : { word: "ok", style: "green" };
}

/** No address of it in the network is known: a file lists none. */
function isUntested({ tunnel, faults }: PeerCheck): boolean {
  return tunnel.state === "skipped" && faults.length === 0;
}

function verdict(faults: number, untested: number): string {
  if (faults > 0) return count(faults, "problem");
  if (untested === 0) return "all is well";
  return `no problem found, tunnel not tested to ${count(untested, "peer")}: no address there is listed`;
}

function words({ state, ms, lost = 0 }: PeerOutcome): string {
  if (state !== "passed") return state === "failed" ? "failed" : "-";
  if (ms === undefined) return "ok";
  return `${ms.toFixed(1)} ms${lost === 0 ? "" : `, ${lost} lost`}`;
}

function groupOf(title: string, faults: readonly PeerFault[], terminal: Terminal): string[] {
  if (faults.length === 0) return [];
  return [
    terminal.out("bold", title),
    ...faults.flatMap(({ test, message, hint }) => [
      `  ${terminal.out("red", test.padEnd(9))} ${message}`,
      `            ${hint}`,
    ]),
  ];
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
