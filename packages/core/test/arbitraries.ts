import * as fc from "fast-check";
import { parseIp, parseSources, type Ip, type PortRange, type PortSpec } from "../src/index.ts";

export const ipv4Text: fc.Arbitrary<string> = fc.ipV4();
/** All spellings: any case, leading zeros, any run of zeros shortened, dotted tails. */
export const ipv6Text: fc.Arbitrary<string> = fc.ipV6();
export const anyIp: fc.Arbitrary<Ip> = fc.oneof(ipv4Text, ipv6Text).map(parseIp);

/** An address, or a subnet without bits behind its prefix. */
export const anySource: fc.Arbitrary<string> = fc.oneof(
  anyIp,
  fc.tuple(fc.nat(0xffff), fc.constantFrom(0, 8, 12, 16, 24, 32)).map(([bits, length]) => subnet4(bits, length)),
  fc.tuple(fc.nat(0xffff), fc.constantFrom(0, 8, 16)).map(([bits, length]) => subnet6(bits, length)),
);

function subnet4(bits: number, length: number): string {
  const kept = length === 0 ? 0 : (bits * 0x10000) & (-1 << (32 - length));
  return `${[24, 16, 8, 0].map((shift) => (kept >>> shift) & 255).join(".")}/${length}`;
}

function subnet6(bits: number, length: number): string {
  const kept = bits & (0xffff << (16 - length)) & 0xffff;
  return kept === 0 ? `::/${length}` : `${kept.toString(16)}::/${length}`;
}

const range = (first: number, last = first): PortRange => ({ first, last });

const anyRange = fc
  .tuple(fc.integer({ min: 1, max: 65_535 }), fc.nat(100))
  .map(([first, more]) => range(first, Math.min(65_535, first + more)));

/** A range of the same length somewhere else, or for a single port any range, or none. */
function anyHostPort(port: PortRange): fc.Arbitrary<PortRange | undefined> {
  const more = port.last - port.first;
  const shifted = fc.integer({ min: 1, max: 65_535 - more }).map((first) => range(first, first + more));
  return fc.option(more === 0 ? fc.oneof(shifted, anyRange) : shifted, { nil: undefined });
}

export const anySpec: fc.Arbitrary<PortSpec> = anyRange.chain((port) =>
  fc
    .record({
      protocol: fc.constantFrom("tcp", "udp", "sctp"),
      hostAddress: fc.option(anyIp, { nil: undefined }),
      hostPort: anyHostPort(port),
      sources: fc.array(anySource, { maxLength: 4 }),
    })
    .map(({ protocol, hostAddress, hostPort, sources }) => {
      const v6 = hostAddress?.includes(":");
      const from = sources.filter((source) => hostAddress === undefined || source.includes(":") === v6);
      return {
        protocol,
        ...(hostAddress === undefined ? {} : { hostAddress }),
        ...(hostPort === undefined ? {} : { hostPort }),
        port,
        ...(from.length === 0 ? {} : { from: parseSources(from) }),
      };
    }),
);
