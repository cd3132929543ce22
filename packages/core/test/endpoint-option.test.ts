import { expect, test } from "vitest";
import { commonEndpointOptions, parseInterfaceSysctls, parseNamespaceSysctls, parseOptions } from "../src/index.ts";

const parse = (input: object): unknown => parseOptions(commonEndpointOptions, { ...input }, "endpoints");

test("Docker's names of common endpoint options, as Docker writes their values", () => {
  expect(
    parse({
      "com.docker.network.endpoint.ifname": "lan0",
      "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1,net.mpls.conf.IFNAME.input=0",
    }),
  ).toEqual({
    ifname: "lan0",
    sysctls: { "net.ipv4.conf.IFNAME.log_martians": "1", "net.mpls.conf.IFNAME.input": "0" },
  });
});

test.each(["", "net.ipv4.conf.IFNAME.x", "net.ipv4.conf.eth0.x=1", "net.ipv4.conf.IFNAME.x=1,", "a=b"])(
  "the sysctls %j are refused",
  (sysctls) => {
    expect(() => parse({ sysctls })).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  },
);

test.each([
  ["net.ipv4.conf.IFNAME.x", "1\n2"],
  ["net.ipv4.conf.IFNAME.x", " "],
  ["net.ipv4.conf.IFNAME.IFNAME", "1"],
  ["net.ipv4.conf.IFNAME.x.y", "1"],
  ["net.ipv4.conf.IFNAME/x", "1"],
  ["net.unix.conf.IFNAME.x", "1"],
])("%j=%j is no setting of an interface", (name, value) => {
  expect(() => parseInterfaceSysctls({ [name]: value })).toThrow(
    expect.objectContaining({ code: "ARGUMENT_INVALID", hint: expect.stringContaining("IFNAME") }),
  );
});

test("settings of a namespace are below net, and hold no way out of it", () => {
  const sysctls = { "net.ipv4.ip_unprivileged_port_start": "80", "net.netfilter.nf_conntrack_tcp_loose": "0" };
  expect(parseNamespaceSysctls(sysctls)).toBe(sysctls);
  for (const name of ["net.ipv4", "kernel.hostname", "net.ipv4..x", "net.../x.y", "net.ipv4.conf.IFNAME.x"])
    expect(() => parseNamespaceSysctls({ [name]: "1" })).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
});
