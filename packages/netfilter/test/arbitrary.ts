// Any firewall resource, as drivers could make them.
import type { PublishResource, Resource } from "@netkit/core";
import { parseCidr, parseIp, parseSources } from "@netkit/core";
import * as fc from "fast-check";
import { familiar, guard, isolation, masquerade, open, sender, untracked } from "./wanted.ts";

const name = fc
  .stringMatching(/^[a-z0-9_.][a-zA-Z0-9_.+@-]{0,14}$/)
  .filter((name) => !["all", "default", ".", ".."].includes(name) && !name.endsWith("+"));
/** One link, or all whose names begin so. */
const link = fc.oneof(
  name,
  name.map((text) => `${text.slice(0, 14)}*`).filter((text) => !text.endsWith("+*")),
);
const ipv4 = fc.ipV4().map(parseIp);
const ipv6 = fc.ipV6().map((text) => parseIp(text));

const subnet4 = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 8, max: 32 }))
  .map(([part, length]) => parseCidr(`10.${length <= 15 ? 0 : part}.0.0/${length}`));
const subnet6 = fc
  .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 32, max: 128 }))
  .map(([part, length]) => parseCidr(`fd00:${part.toString(16)}::/${length}`));

const anySource = fc.oneof(subnet4, subnet6, ipv4, ipv6, fc.constantFrom("0.0.0.0/0", "::/0"));

const entry = fc.constantFrom("all", "opened", undefined);
const anyIsolation = fc
  .record({
    link,
    icc: fc.boolean(),
    internal: fc.boolean(),
    strict: fc.boolean(),
    ipv4: entry,
    ipv6: entry,
    trusted: fc.uniqueArray(name, { maxLength: 9 }),
  })
  .map(({ link, icc, internal, strict, ipv4, ipv6, trusted }) =>
    isolation(link, {
      icc,
      internal,
      ...(strict ? { strict } : {}),
      // An internal area has no other entries.
      ...(ipv4 === undefined || internal ? {} : { ipv4 }),
      ...(ipv6 === undefined || internal ? {} : { ipv6 }),
      ...(trusted.length === 0 || internal ? {} : { trusted: trusted.toSorted() }),
    }),
  );
const anyMasquerade = fc.oneof(
  fc
    .tuple(link, subnet4, fc.option(ipv4), fc.option(subnet4))
    .map(([link, subnet, source, within]) => masquerade(link, subnet, source ?? undefined, within ?? undefined)),
  fc
    .tuple(link, subnet6, fc.option(ipv6), fc.option(subnet6))
    .map(([link, subnet, source, within]) => masquerade(link, subnet, source ?? undefined, within ?? undefined)),
);

const anyFamiliar = fc.tuple(link, fc.oneof(subnet4, subnet6)).map(([link, source]) => familiar(link, source));

const anyPublish: fc.Arbitrary<PublishResource> = fc
  .record({
    link,
    address: fc.oneof(fc.tuple(ipv4, fc.option(ipv4)), fc.tuple(ipv6, fc.option(ipv6))),
    protocol: fc.constantFrom("tcp", "udp", "sctp"),
    first: fc.integer({ min: 1, max: 60_000 }),
    targetFirst: fc.integer({ min: 1, max: 60_000 }),
    shifted: fc.boolean(),
    more: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 })),
    sources: fc.array(anySource, { maxLength: 5 }),
  })
  .map(({ link, address: [target, hostAddress], protocol, first, targetFirst, shifted, more, sources }) => ({
    kind: "publish",
    ns: "host",
    family: target.includes(":") ? "ipv6" : "ipv4",
    protocol,
    ...(hostAddress === null ? {} : { hostAddress }),
    hostPort: { first, last: first + more },
    target,
    targetPort: shifted ? { first: targetFirst, last: targetFirst + more } : { first, last: first + more },
    link,
    ...filterOf(sources, target),
  }));

function filterOf(sources: readonly string[], target: string): Pick<PublishResource, "from"> {
  const from = sources.filter((source) => source.includes(":") === target.includes(":"));
  return from.length === 0 ? {} : { from: parseSources(from) };
}

const anyOpen = fc
  .record({
    link,
    target: fc.oneof(ipv4, ipv6),
    protocol: fc.constantFrom("tcp", "udp", "sctp"),
    first: fc.integer({ min: 1, max: 60_000 }),
    more: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 })),
    sources: fc.array(anySource, { maxLength: 5 }),
  })
  .map(({ link, target, protocol, first, more, sources }) => ({
    ...open(protocol, target, `${first}-${first + more}`, link),
    ...filterOf(sources, target),
  }));

const anyUntracked = fc
  .tuple(fc.oneof(ipv4, ipv6), fc.integer({ min: 1, max: 65_535 }))
  .map(([address, port]) => untracked(address, port));

type Of<K extends Resource["kind"]> = Extract<Resource, { kind: K }>;

/** What every backend carries out. */
export const anyRuled: fc.Arbitrary<Of<"isolation" | "familiar" | "masquerade" | "publish" | "open" | "untracked">> =
  fc.oneof(anyIsolation, anyFamiliar, anyMasquerade, anyPublish, anyOpen, anyUntracked);

const anyGuard = link.map(guard);
const anySender = fc.tuple(link, fc.oneof(ipv4, ipv6)).map(([link, address]) => sender(link, address));

export const anyResource: fc.Arbitrary<
  Of<"guard" | "sender"> | (typeof anyRuled extends fc.Arbitrary<infer R> ? R : never)
> = fc.oneof(anyRuled, anyGuard, anySender);
