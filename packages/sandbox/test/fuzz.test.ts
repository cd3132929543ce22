import { fuzz, textNear } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseResolvConf, renderServedResolvConf } from "../src/files.ts";
import { parseStat } from "../src/stat.ts";
import type { Ip } from "@netkit/core";

const resolvConf = fc.constant("# by hand\nnameserver 10.7.0.1\nsearch a.example b\noptions ndots:2 edns0\n");

test("any resolv.conf of the host is read, and what is made of it names one server", async () => {
  await fuzz(textNear(resolvConf, "nse# \t\n.:%"), (text) => {
    parseResolvConf(text);
    const made = renderServedResolvConf("127.0.0.11" as Ip, {}, text);
    expect(parseResolvConf(made).servers).toEqual(["127.0.0.11"]);
  });
});

test("a line of /proc/pid/stat is read, whatever the process calls itself", async () => {
  await fuzz(textNear(fc.constant("a) b (c"), "()0123456789 S-\n"), (name) => {
    const line = `7 (${name}) S 1 7 8 9 -1 ${"0 ".repeat(13)}12345 0 0`;
    expect(parseStat(line)).toMatchObject({ state: "S", processGroup: 7, session: 8, startTime: "12345" });
  });
});
