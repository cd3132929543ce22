import { isNetkitError } from "@netkit/core";
import { fuzz, jsonNear, textNear } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseConfig } from "../src/config.ts";
import { parseMoment } from "../src/moment.ts";
import { parseNetworkOption } from "../src/network-option.ts";
import { parseRoute } from "../src/route-option.ts";
import { parseTemplate } from "../src/template-syntax.ts";

/** Runs it; what it refuses it refuses with that code. */
function reads(code: string, work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!isNetkitError(error)) throw error;
    expect(error.code).toBe(code);
  }
}

const config = {
  root: "/var/lib/netkit",
  firewall: "nftables",
  agent: true,
  drivers: ["./mine.ts"],
  "default-network-opts": { bridge: { mtu: "1400" } },
  store: "etcd://10.1.0.1:2379",
  "host-gateway-ip": ["10.1.0.1"],
};

test("a configuration is read, or refused with all that is wrong", async () => {
  await fuzz(
    fc.oneof(
      { weight: 3, arbitrary: jsonNear(fc.constant(config)).map((document) => JSON.stringify(document)) },
      textNear(fc.constant(JSON.stringify(config)), '{}[]",:0\\'),
    ),
    (text) => reads("CONFIG_INVALID", () => parseConfig(text, "netkit.json")),
  );
});

test("a template is read, or refused", async () => {
  await fuzz(
    textNear(
      fc.constantFrom(
        "{{range $k, $v := .A}}{{if eq $k `x`}}{{$v.B}}{{else if not .C}}{{json .}}{{else}}-{{end}}{{end}}",
        '{{index (index .IPAM.Config 0) "Subnet" | printf "%s\\n"}}',
      ),
      '{}.$|()"`- =:,aendrg',
    ),
    (text) => reads("ARGUMENT_INVALID", () => parseTemplate(text)),
  );
});

test("the value of --network is read, or refused", async () => {
  await fuzz(
    textNear(fc.constant('name=my-net,ip=10.7.0.9,alias=web,"driver-opt=a=b,c",gw-priority=3'), 'nameip=,"\\0- '),
    (text) => reads("ARGUMENT_INVALID", () => parseNetworkOption(text)),
  );
});

test("a route is read, or refused", async () => {
  await fuzz(
    textNear(
      fc.constantFrom("10.0.0.0/8,10.7.0.9", "destination=fd00::/8,type=blackhole,metric=3"),
      "0123456789.:/=,abdefm",
    ),
    (text) => {
      try {
        parseRoute(text);
      } catch (error) {
        if (!isNetkitError(error) || error.code === "INTERNAL") throw error;
      }
    },
  );
});

test("a moment is read, or refused", async () => {
  await fuzz(
    textNear(fc.constantFrom("24h30m", "2026-11-26T10:00:00Z", "1764000000.5"), "0123456789hms.-:TZ+"),
    (text) => reads("ARGUMENT_INVALID", () => expect(parseMoment("--since", text)).not.toBeNaN()),
  );
});
