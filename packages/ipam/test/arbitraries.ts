import { parseCidr, parseIp, type Cidr, type Ip } from "@netkit/core";
import * as fc from "fast-check";

const group: fc.Arbitrary<number> = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff));

const anyIpv4: fc.Arbitrary<Ip> = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
  .map((parts) => parseIp(parts.join(".")));

const anyIpv6: fc.Arbitrary<Ip> = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups) => parseIp(groups.map((number) => number.toString(16)).join(":")));

export const anyIp: fc.Arbitrary<Ip> = fc.oneof(anyIpv4, anyIpv6);

/** Blocks that often meet: few addresses, all lengths. Host bits may be set. */
export const anyCidr: fc.Arbitrary<Cidr> = fc.oneof(
  fc.tuple(anyIpv4, fc.nat(32)).map(([ip, length]) => parseCidr(`${ip}/${length}`)),
  fc
    .tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 6, max: 32 }))
    .map(([a, b, length]) => parseCidr(`10.${a}.${b}.0/${length}`)),
  fc.tuple(anyIpv6, fc.nat(128)).map(([ip, length]) => parseCidr(`${ip}/${length}`)),
);
