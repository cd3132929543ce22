import type { NetworkCheck, PeerCheck, PeerFault, PeerOutcome } from "@netkit/engine";
import { ipOf, NetkitError } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { hostLabels } from "../host-labels.ts";
import { durationMs } from "../moment.ts";
import { warnIfOutOfTouch } from "../out-of-touch.ts";
import { table } from "../table.ts";
import type { Terminal } from "../terminal.ts";

const headers = ["NETWORK", "PEER", "VTEP", "ADDRESS", "ENTRIES", "UNDERLAY", "TUNNEL", "MTU", "STATE"];

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
    timeout: { value: "DURATION", default: "3s", summary: "How long all peers together have to answer (3s, 1m)" },
  },
  examples: [
    { line: "netkit overlay check", summary: "Every peer of every network" },
    { line: "netkit overlay check my-overlay --timeout 10s", summary: "Those of one, with patience" },
    {
      line: "netkit overlay check --json | jq -r '.[].peers[] | select(.faults != []) | .host.name'",
      summary: "The hosts that something is wrong with",
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
    return { data: checks, text: describe(checks, faults, terminal), exitCode: faults === 0 ? 0 : 1 };
  },
});

function faultsOf({ faults, peers }: NetworkCheck): PeerFault[] {
  return [...faults, ...peers.flatMap((peer) => peer.faults)];
}

function describe(checks: readonly NetworkCheck[], faults: number, terminal: Terminal): string {
  const labels = hostLabels(checks.flatMap(({ peers }) => peers.map(({ host }) => host)));
  const rows = checks.flatMap((check) => check.peers.map((peer) => rowOf(check, peer, labels(peer.host), terminal)));
  const peers = new Set(checks.flatMap((check) => check.peers.map(({ host }) => host.id))).size;
  const away = checks.filter(({ isHere }) => !isHere).map(({ network }) => network.name);
  const alone = checks.filter((check) => check.isHere && check.peers.length === 0).map(({ network }) => network.name);
  const untested = checks.flatMap((check) => check.peers.filter(isUntested)).length;
  const sections = [
    ...(rows.length === 0 ? [] : [table(headers, rows)]),
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

function rowOf({ network }: NetworkCheck, peer: PeerCheck, label: string, terminal: Terminal): string[] {
  const { host, addresses, entries, underlay, tunnel, path, mtu } = peer;
  return [
    network.name,
    label,
    host.vtep,
    addresses.map(ipOf).join(",") || "-",
    words(entries),
    words(underlay),
    words(tunnel),
    path.state === "passed" && mtu !== undefined ? String(mtu) : words(path),
    stateOf(peer, terminal),
  ];
}

function stateOf(peer: PeerCheck, terminal: Terminal): string {
  if (peer.faults.length > 0) return terminal.out("red", "failed");
  return isUntested(peer) ? terminal.out("yellow", "tunnel not tested") : terminal.out("green", "ok");
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
