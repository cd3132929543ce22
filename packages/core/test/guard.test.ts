import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseIp, sendersOf, type Mac } from "@netkit/core";

const byte = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 }));

test("a port whose MAC doesn't begin with 02 may speak with the link-local address that follows from it", () => {
  const bytes = fc.tuple(byte, byte, byte, byte, byte);
  const holds = fc.property(bytes, (some) => {
    const [b = "", c = "", d = "", e = "", f = ""] = some.map((each) => each.toString(16).padStart(2, "0"));
    const mac = `06:${b}:${c}:${d}:${e}:${f}` as Mac;
    const port = { kind: "veth", ns: "host", name: "p", guarded: true, peer: { ns: "host", name: "q", mac } } as const;
    const address = parseIp(`fe80:0:0:0:04${b}:${c}ff:fe${d}:${e}${f}`);
    expect(sendersOf(port, [])).toEqual([{ kind: "sender", ns: "host", link: "p", address }]);
    // A rule knows that of one that does, whatever it is called.
    const own = { ...port, peer: { ...port.peer, mac: `02:${b}:${c}:${d}:${e}:${f}` as Mac } };
    expect(sendersOf(own, [parseIp(`fe80:0:0:0:00${b}:${c}ff:fe${d}:${e}${f}`)])).toEqual([]);
  });
  fc.assert(holds);
});
