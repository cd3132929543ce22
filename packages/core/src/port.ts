import { familyOf, parseIp, type Cidr, type Ip } from "./address.ts";
import { NetkitError } from "./errors.ts";
import { quoted } from "./quoted.ts";
import type { PortRange, Protocol } from "./resource.ts";
import { parseSources } from "./sources.ts";

/**
 * What `-p` asks for. Docker's grammar: `[host-address:][host-port[-last]:]port[-last][/tcp|udp|sctp]`,
 * an IPv6 address in brackets; and any number of `,from=CIDR`. No host port: an ephemeral one. More host ports than
 * sandbox ports (a range for one port): the first free one.
 */
export interface PortSpec {
  readonly protocol: Protocol;
  readonly hostAddress?: Ip;
  readonly hostPort?: PortRange;
  readonly port: PortRange;
  /** Who may reach it, see {@link parseSources}; absent: everybody. */
  readonly from?: readonly Cidr[];
}

const protocols: readonly string[] = ["tcp", "udp", "sctp"] satisfies Protocol[];

/** @throws NetkitError PORT_INVALID */
export function parsePortSpec(text: string): PortSpec {
  const fail = (why: string): never => {
    throw new NetkitError("PORT_INVALID", `invalid port ${quoted(text)}: ${why}`, {
      hint: "Write it as [ADDRESS:][HOST-PORT:]PORT[/tcp|udp|sctp][,from=CIDR], for example 8080:80 or 127.0.0.1:53:53/udp.",
      details: { text },
    });
  };
  const range = (part: string): PortRange => {
    const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(part);
    if (match === null) return fail(`${quoted(part)} is not a port or a range of ports`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first < 1 || last > 65_535) return fail("ports are 1 to 65535");
    if (last < first) return fail(`the range ${part} is reversed`);
    return { first, last };
  };

  const [ports = "", ...settings] = text.split(",");
  const [, body = "", proto = "tcp"] = /^(.*?)(?:\/([^/]*))?$/s.exec(ports) ?? [];
  const protocol = proto.toLowerCase();
  if (!protocols.includes(protocol)) fail(`the protocol is tcp, udp or sctp, not ${quoted(proto)}`);

  const [, bracketed, plain, rest = ""] = /^(?:\[([^\]]*)\]:|([0-9]+\.[0-9.]+):)?(.*)$/s.exec(body) ?? [];
  const addressText = bracketed ?? plain;
  const parts = rest.split(":");
  if (parts.length > 2) fail("too many parts; an IPv6 address stands in brackets");
  const port = range(parts.at(-1) ?? "");
  const hostText = parts.length === 2 ? parts[0] : undefined;
  const hostPort = hostText === undefined || hostText === "" ? undefined : range(hostText);
  if (hostPort !== undefined) {
    const [hostCount, count] = [hostPort.last - hostPort.first, port.last - port.first];
    if (hostCount !== count && count !== 0) fail("the two ranges differ in length");
  }

  let hostAddress: Ip | undefined;
  if (addressText !== undefined) {
    try {
      hostAddress = parseIp(addressText);
    } catch (cause) {
      fail(cause instanceof Error ? cause.message : "bad address");
    }
    if (hostAddress !== undefined && (familyOf(hostAddress) === "ipv6") !== (bracketed !== undefined)) {
      fail("IPv6 addresses stand in brackets, IPv4 addresses don't");
    }
  }
  const from = sources(settings, fail);
  const foreign = from?.find((source) => hostAddress !== undefined && familyOf(source) !== familyOf(hostAddress));
  if (foreign !== undefined) fail(`nobody from ${foreign} can reach ${hostAddress}`);
  return {
    protocol: protocol as Protocol,
    ...(hostAddress === undefined ? {} : { hostAddress }),
    ...(hostPort === undefined ? {} : { hostPort }),
    port,
    ...(from === undefined ? {} : { from }),
  };
}

/** As {@link parsePortSpec} reads it. */
export function formatPortSpec({ protocol, hostAddress, hostPort, port, from = [] }: PortSpec): string {
  const address = hostAddress === undefined ? "" : `${formatHost(hostAddress)}:`;
  const host = hostPort === undefined ? "" : `${formatRange(hostPort)}:`;
  return `${address}${host}${formatRange(port)}/${protocol}${from.map((source) => `,from=${source}`).join("")}`;
}

/** An address in front of a port: an IPv6 one in brackets. */
export function formatHost(address: Ip): string {
  return familyOf(address) === "ipv6" ? `[${address}]` : address;
}

/** `80`, or `8000-8010`. */
export function formatRange({ first, last }: PortRange): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

function sources(settings: readonly string[], fail: (why: string) => never): readonly Cidr[] | undefined {
  if (settings.length === 0) return undefined;
  const texts = settings.map((setting) => {
    const [, source] = /^from=(.*)$/s.exec(setting) ?? [];
    return source ?? fail(`${quoted(setting)} is not from=CIDR`);
  });
  try {
    return parseSources(texts);
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : "bad address");
  }
}
