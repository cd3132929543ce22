import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatPortSpec, parseCidr, parseIp, parsePortSpec, type PortRange, type PortSpec } from "../src/index.ts";
import { anySpec } from "./arbitraries.ts";
import { refusal } from "./refusals.ts";

const at = (first: number, last = first): PortRange => ({ first, last });
const tcp = (port: PortRange, more: Partial<PortSpec> = {}): PortSpec => ({ protocol: "tcp", port, ...more });
const udpFrom = (cidr: string) => ({ protocol: "udp", from: [parseCidr(cidr)] }) as const;

describe("a published port", () => {
  test.each<[text: string, spec: PortSpec]>([
    ["80", tcp(at(80))],
    ["1", tcp(at(1))],
    ["65535", tcp(at(65_535))],
    ["80/tcp", tcp(at(80))],
    ["53/udp", { protocol: "udp", port: at(53) }],
    ["53/UDP", { protocol: "udp", port: at(53) }],
    ["132/sctp", { protocol: "sctp", port: at(132) }],
    ["8000-8010", tcp(at(8000, 8010))],
    ["8080:80", tcp(at(80), { hostPort: at(8080) })],
    ["8080:80/udp", { protocol: "udp", hostPort: at(8080), port: at(80) }],
    [":80", tcp(at(80))],
    ["9000-9002:8000-8002", tcp(at(8000, 8002), { hostPort: at(9000, 9002) })],
    ["9000-9002:80", tcp(at(80), { hostPort: at(9000, 9002) })],
    ["9000-9000:80", tcp(at(80), { hostPort: at(9000) })],
    ["127.0.0.1:8080:80", tcp(at(80), { hostAddress: parseIp("127.0.0.1"), hostPort: at(8080) })],
    ["127.0.0.1::80", tcp(at(80), { hostAddress: parseIp("127.0.0.1") })],
    ["127.0.0.1:80", tcp(at(80), { hostAddress: parseIp("127.0.0.1") })],
    ["0.0.0.0:80:80", tcp(at(80), { hostAddress: parseIp("0.0.0.0"), hostPort: at(80) })],
    ["127.0.0.1::8000-8001/sctp", { protocol: "sctp", hostAddress: parseIp("127.0.0.1"), port: at(8000, 8001) }],
    ["10.0.0.1:9000-9002:80", tcp(at(80), { hostAddress: parseIp("10.0.0.1"), hostPort: at(9000, 9002) })],
    ["[::1]:8080:80", tcp(at(80), { hostAddress: parseIp("::1"), hostPort: at(8080) })],
    ["[2001:DB8::1]::80/udp", { protocol: "udp", hostAddress: parseIp("2001:db8::1"), port: at(80) }],
    ["[::]:80", tcp(at(80), { hostAddress: parseIp("::") })],
    ["80,from=10.0.0.0/8", tcp(at(80), { from: [parseCidr("10.0.0.0/8")] })],
    ["8080:80/udp,from=192.0.2.7", { ...tcp(at(80), { hostPort: at(8080) }), ...udpFrom("192.0.2.7/32") }],
    [
      "80,from=fd00::/8,from=192.0.2.0/24,from=10.0.0.0/8,from=10.1.0.0/16",
      tcp(at(80), { from: ["10.0.0.0/8", "192.0.2.0/24", "fd00::/8"].map(parseCidr) }),
    ],
    ["[::1]:1:1,from=::/0", tcp(at(1), { hostAddress: parseIp("::1"), hostPort: at(1), from: [parseCidr("::/0")] })],
  ])("%s", (text, spec) => {
    expect(parsePortSpec(text)).toEqual(spec);
  });

  test.each([
    ["", "not a port"],
    ["0", "1 to 65535"],
    ["65536", "1 to 65535"],
    ["99999999999", "not a port"],
    ["0:80", "1 to 65535"],
    ["80:0", "1 to 65535"],
    ["80:65536", "1 to 65535"],
    ["65535-65536:80", "1 to 65535"],
    ["8010-8000:80", "reversed"],
    ["8010-8000", "reversed"],
    ["9000-9001:8001-8000", "reversed"],
    ["9000-9001:8000-8002", "differ in length"],
    ["9000:8000-8001", "differ in length"],
    ["-80", "not a port"],
    ["80-", "not a port"],
    ["80-81-82", "not a port"],
    ["+80", "not a port"],
    ["0x50", "not a port"],
    ["8e1", "not a port"],
    ["80.0", "not a port"],
    ["٨٠", "not a port"],
    [" 80", "not a port"],
    ["80 ", "not a port"],
    ["80\n", "not a port"],
    ["8080: 80", "not a port"],
    ["80:", "not a port"],
    ["http", "not a port"],
    ["80/", "protocol"],
    ["80/icmp", "protocol"],
    ["80/tcp/udp", "not a port"],
    ["80/tcp,udp", "from=CIDR"],
    ["/tcp", "not a port"],
    ["localhost:80:80", "too many parts"],
    ["1:2:3", "too many parts"],
    ["::1:8080:80", "too many parts"],
    ["[::1]", "too many parts"],
    ["[::1]8080:80", "too many parts"],
    ["[::1]:1:2:3", "too many parts"],
    ["[]:80:80", "invalid address"],
    ["[::1%lo]:80:80", "invalid address"],
    ["[127.0.0.1]:80:80", "don't"],
    ["127.0.0.256:80:80", "invalid address"],
    ["127.1:80:80", "invalid address"],
    ["0177.0.0.1:80:80", "invalid address"],
    ["8080:80;reboot", "not a port"],
    ["$(reboot):80", "not a port"],
    ["80/`reboot`", "protocol"],
    ["{ 80 }", "not a port"],
    ["80, 81", "from=CIDR"],
    ["80,", "from=CIDR"],
    [",from=10.0.0.0/8", "not a port"],
    ["80,from=", "invalid address"],
    ["80,from=10.0.0.0/33", "invalid CIDR"],
    ["80,from=10.0.0.1/8", "bits behind its prefix"],
    ["80,from=everybody", "invalid address"],
    ["80,FROM=10.0.0.0/8", "from=CIDR"],
    ["80,from=10.0.0.0/8/tcp", "invalid CIDR"],
    ["127.0.0.1:80:80,from=fd00::/8", "nobody from fd00::/8 can reach 127.0.0.1"],
    ["[::]:80:80,from=fd00::/8,from=10.0.0.0/8", "nobody from 10.0.0.0/8 can reach ::"],
    ["\u001B[2J:80", "not a port"],
    [`${"1".repeat(300)}:80`, "not a port"],
    ["1.".repeat(150), "not a port"],
    [`80/${"x".repeat(300)}`, "protocol"],
  ])("%j is refused", (text, why) => {
    const error = refusal("PORT_INVALID", () => parsePortSpec(text));
    expect(error.message).toContain(why);
    expect(error.details).toEqual({ text });
  });

  test("is parsed as it was rendered", () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        expect(parsePortSpec(formatPortSpec(spec))).toEqual(spec);
      }),
    );
  });

  test("costs no more than its length when it is hostile", () => {
    const started = performance.now();
    refusal("PORT_INVALID", () => parsePortSpec("1.".repeat(50_000)));
    refusal("PORT_INVALID", () => parsePortSpec("/".repeat(100_000)));
    refusal("PORT_INVALID", () => parsePortSpec(`80${",from=10.0.0.0/8".repeat(10_000)}.`));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
