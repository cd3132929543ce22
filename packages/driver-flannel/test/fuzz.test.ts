import { isNetkitError } from "@netkit/core";
import { fuzz, jsonNear, textNear } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseConfig } from "../src/config.ts";
import { leaseKey, parseLeaseKey } from "../src/lease-key.ts";
import { decodeRecord, encodeRecord } from "../src/record.ts";

const config = {
  Network: "10.5.0.0/16",
  SubnetLen: 24,
  SubnetMin: "10.5.1.0",
  SubnetMax: "10.5.9.0",
  EnableIPv6: true,
  IPv6Network: "fd00:5::/48",
  Backend: { Type: "vxlan", VNI: 7, Port: 8472, DirectRouting: true },
};
const record = {
  PublicIP: "10.1.0.1",
  PublicIPv6: "fd00::1",
  BackendType: "vxlan",
  BackendData: { VNI: 1, VtepMAC: "02:00:00:00:00:01" },
};

test("flannel's configuration is read, or refused with what is wrong", async () => {
  await fuzz(jsonNear(fc.constant(config)), (value) => {
    try {
      parseConfig(value, "/config");
    } catch (error) {
      if (!isNetkitError(error)) throw error;
      expect(["OUTSIDE_INVALID", "UNSUPPORTED"]).toContain(error.code);
    }
  });
});

test("another host's record is one, or passed over", async () => {
  await fuzz(jsonNear(fc.constant(record)), (value) => {
    const read = decodeRecord(value);
    if (read !== undefined) expect(decodeRecord(JSON.parse(JSON.stringify(encodeRecord(read))))).toEqual(read);
  });
});

test("a key is a lease's, or passed over", async () => {
  await fuzz(
    textNear(fc.constantFrom("subnets/10.5.34.0-24", "subnets/10.5.34.0-24&fd00:5:34::-64"), "0123456789abcdef.:-&/"),
    (key) => {
      const leased = parseLeaseKey(key);
      if (leased !== undefined) expect(parseLeaseKey(leaseKey(leased))).toEqual(leased);
    },
  );
});
