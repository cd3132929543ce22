import { isNetkitError } from "@netkit/core";
import { fuzz, jsonNear, textNear } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readPeersFile } from "../../src/shared/peers-file/reading.ts";

const file = `hosts:
  one: 10.1.0.1
  two: { address: 10.1.0.2, mtu: 1500 }
networks:
  my-overlay: &net
    subnets: [10.0.9.0/24]
    hosts: { one: 10.0.9.64/26, two: [10.0.9.128/26] }
    options: { vni: 5001 }
    labels: { team: blue }
    endpoints: { web: { host: one, ip: 10.0.9.66 } }
`;
const document = {
  hosts: { one: "10.1.0.1", two: { address: "10.1.0.2", mtu: 1500 } },
  networks: {
    "my-overlay": {
      subnets: ["10.0.9.0/24"],
      hosts: { one: "10.0.9.64/26" },
      options: { vni: 5001 },
      endpoints: { web: { host: "one", ip: "10.0.9.66" } },
    },
  },
};

test("a file of hosts is read, or refused with all that is wrong", async () => {
  await fuzz(
    fc.oneof(
      textNear(fc.constant(file), " :-{}[]&*!|>'\"\n\t#0a"),
      // JSON is YAML.
      jsonNear(fc.constant(document)).map((each) => JSON.stringify(each)),
    ),
    (text) => {
      try {
        readPeersFile("hosts.yaml", text);
      } catch (error) {
        if (!isNetkitError(error)) throw error;
        expect(error.code).toBe("CONFIG_INVALID");
      }
    },
  );
});
