import { parseCidr, parseIp, parseMac } from "@netkit/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { leaseKey, parseLeaseKey } from "../src/lease-key.ts";
import { decodeRecord, encodeRecord, type LeaseRecord } from "../src/record.ts";

/** As flannel 0.28 writes them; the first is in its Documentation/reservations.md. */
const written: readonly (readonly [string, LeaseRecord])[] = [
  [
    '{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}',
    {
      publicIp: parseIp("192.168.64.3"),
      backend: "vxlan",
      vtep: { vni: 1, mac: parseMac("c6:d2:32:6f:8f:44") },
    },
  ],
  [
    '{"PublicIP":"192.0.2.7","PublicIPv6":"2001:db8::7","BackendType":"vxlan","BackendData":{"VNI":4096,"VtepMAC":"02:66:00:00:00:01"},"BackendV6Data":{"VNI":4096,"VtepMAC":"02:67:00:00:00:01"}}',
    {
      publicIp: parseIp("192.0.2.7"),
      publicIpv6: parseIp("2001:db8::7"),
      backend: "vxlan",
      vtep: { vni: 4096, mac: parseMac("02:66:00:00:00:01") },
      vtepV6: { vni: 4096, mac: parseMac("02:67:00:00:00:01") },
    },
  ],
  [
    '{"PublicIP":"192.0.2.7","PublicIPv6":null,"BackendType":"host-gw"}',
    { publicIp: parseIp("192.0.2.7"), backend: "host-gw" },
  ],
  [
    '{"PublicIP":"192.0.2.7","PublicIPv6":"2001:db8::7","BackendType":"host-gw"}',
    { publicIp: parseIp("192.0.2.7"), publicIpv6: parseIp("2001:db8::7"), backend: "host-gw" },
  ],
];

describe("records", () => {
  test.each(written)("%s", (text, record) => {
    expect(JSON.stringify(encodeRecord(record))).toBe(text);
    expect(decodeRecord(JSON.parse(text))).toEqual(record);
  });

  test("of flannel before it knew IPv6, and of other backends, are read", () => {
    const old = { PublicIP: "192.0.2.7", BackendType: "vxlan", BackendData: { VtepMAC: "C6:D2:32:6F:8F:44" } };
    expect(decodeRecord(old)).toEqual({
      publicIp: "192.0.2.7",
      backend: "vxlan",
      vtep: { vni: 0, mac: "c6:d2:32:6f:8f:44" },
    });
    const wireguard = { PublicIP: "192.0.2.7", BackendType: "wireguard", BackendData: { PublicKey: "x", Port: 51820 } };
    expect(decodeRecord(wireguard)).toEqual({ publicIp: "192.0.2.7", backend: "wireguard" });
  });

  test.each([
    undefined,
    "text",
    [],
    {},
    { PublicIP: 7 },
    { PublicIP: "192.0.2.700" },
    { PublicIP: "192.0.2.7", PublicIPv6: "x" },
    { PublicIP: "192.0.2.7", BackendType: "vxlan", BackendData: { VNI: 1, VtepMAC: "x" } },
  ])("that aren't any are none: %j", (value) => {
    expect(decodeRecord(value)).toBeUndefined();
  });

  test("never throw, whatever is there", () => {
    const field = fc.constantFrom("PublicIP", "PublicIPv6", "BackendType", "BackendData", "VtepMAC", "VNI");
    const records = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue()));
    fc.assert(
      fc.property(records, (value) => {
        const record = decodeRecord(value);
        expect(record && decodeRecord(encodeRecord(record))).toEqual(record);
      }),
    );
    expect(decodeRecord({ PublicIP: "192.0.2.7" })).toEqual({ publicIp: "192.0.2.7", backend: "" });
  });
});

describe("keys of leases", () => {
  test.each([
    ["subnets/10.12.13.0-24", { ipv4: parseCidr("10.12.13.0/24") }],
    ["subnets/10.12.13.0-24&fd00:12:13::-56", { ipv4: parseCidr("10.12.13.0/24"), ipv6: parseCidr("fd00:12:13::/56") }],
  ])("%s", (key, leased) => {
    expect(leaseKey(leased)).toBe(key);
    expect(parseLeaseKey(key)).toEqual(leased);
  });

  // flannel's own: pkg/subnet/subnet_test.go.
  test.each([
    "10",
    "10.12.13.0",
    "10.12.13-24",
    "10.12.13.300-24",
    "10.12.13.0-24hi",
    "&2001::-56",
    "10.12.13.0-24&:12:13:-56",
    "10.12.13.0-24&20011::-56",
    "10.12.13.0-24&2001-56",
    "10.12.13.0-24&2001::",
    "10.12.13.0-24&2001::-56hi",
    "10.12.13.7-24",
  ])("%s is none", (key) => {
    expect(parseLeaseKey(`subnets/${key}`)).toBeUndefined();
  });
});
