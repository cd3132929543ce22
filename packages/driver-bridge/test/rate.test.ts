import { parseOptions, type Resource } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { driver, endpointView, networkView } from "./views.ts";

const veth = "nkvfedcba9876";
const ifb = "nkifedcba9876";

function resources(options: Record<string, unknown>, network = networkView()): readonly Resource[] {
  const parsed = parseOptions(driver.endpointOptions, options, "an endpoint of driver 'bridge'");
  return driver.endpoint(endpointView(network, { options: parsed }));
}

const ofRate = (all: readonly Resource[]): Resource[] =>
  all.filter(({ kind }) => ["ifb", "shaper", "redirect"].includes(kind));
const shaper = { kind: "shaper", ns: "host" };

describe("a rate", () => {
  test("that isn't asked for leaves nothing", () => {
    expect(ofRate(resources({}))).toEqual([]);
  });

  test("towards the sandbox is that of the host's end", () => {
    expect(ofRate(resources({ "rate-ingress": "10mbit" }))).toEqual([
      { ...shaper, link: veth, bytesPerSecond: 1_250_000, burstBytes: 16_384, limitBytes: 47_634 },
    ]);
  });

  test("from the sandbox is that of an ifb", () => {
    expect(ofRate(resources({ "rate-egress": 8_000_000_000, "burst-egress": "80mbit" }))).toEqual([
      { kind: "ifb", ns: "host", name: ifb },
      { ...shaper, link: ifb, bytesPerSecond: 1e9, burstBytes: 1e7, limitBytes: 3.5e7 },
      { kind: "redirect", ns: "host", link: veth, to: ifb },
    ]);
  });

  test.each([
    ["1gbit", 1500, 1_250_000],
    ["1mbit", 1500, 16_384],
    ["1mbit", 65_535, 65_553],
  ])("of %s with an MTU of %d has a burst of %d bytes", (rate, mtu, burstBytes) => {
    const network = networkView({ mtu });
    expect(ofRate(resources({ "rate-ingress": rate }, network))).toMatchObject([{ burstBytes }]);
  });

  test("whose burst holds no packet is refused", () => {
    const network = networkView({ mtu: 9000 });
    expect(() => resources({ "rate-egress": "1mbit", "burst-egress": "72143" }, network)).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: "sandbox 'web1' on network 'web': burst-egress is 72143 bits, less than a packet has",
        hint: "Set burst-egress=72144bit or more, or leave it out.",
      }),
    );
    expect(ofRate(resources({ "rate-egress": "1mbit", "burst-egress": "72144" }, network))).toHaveLength(3);
  });

  test.each([
    [{ "burst-ingress": "1mbit" }, "burst-ingress has no meaning without a rate"],
    [{ "rate-ingress": "8kbit", "burst-ingress": "2mbit" }, "burst-ingress takes longer than 240 s"],
  ])("%j is refused", (options, message) => {
    expect(() => resources(options)).toThrow(message);
  });
});
