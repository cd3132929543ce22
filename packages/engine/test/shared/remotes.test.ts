import type { AnyDriver, Instance, Ip, Network } from "@netkit/core";
import { expect, test } from "vitest";
import type { Draft } from "../../src/draft.ts";
import { wantRemote } from "../../src/shared/remotes.ts";
import { endpointOn, network as record } from "./records.ts";

test.each([
  ["192.0.2.7", "2001:db8::1", "host 'host-2' is reached by IPv4 (192.0.2.7), and this one by IPv6 (2001:db8::1)"],
  ["2001:db8::7", "192.0.2.1", "host 'host-2' is reached by IPv6 (2001:db8::7), and this one by IPv4 (192.0.2.1)"],
])("a host at %s and one at %s have no tunnel between them, and that is said", (there, here, message) => {
  const host = { vtep: here as Ip, mtu: 1_500, addresses: [] };
  const network = {
    ...record,
    facts: { links: {} },
    realised: true,
    share: { revision: 1, host },
  } as unknown as Network;
  const remote = { ...endpointOn("2", "c", "10.0.0.5"), vtep: there as Ip };
  const driver = { peers: () => [] } as unknown as AnyDriver;
  const instance = {} as Instance;
  expect(() => wantRemote({ instance }, {} as Draft, driver, network, remote)).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining(message) as unknown }),
  );
});
