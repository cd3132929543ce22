import type { Cidr, HostId, Ip, Mac, Network } from "@netkit/core";
import type { EchoResult } from "@netkit/kernel";
import { expect, test } from "vitest";
import type { PeerCheck } from "../../src/api.ts";
import { judge, keyOf, requestsOf, type Peer, type Place } from "../../src/shared/peer-answers.ts";
import { idOf, network } from "./records.ts";

const place: Place = {
  network: network as unknown as Network,
  host: { vtep: "192.0.2.1" as Ip, mtu: 1500, addresses: ["10.0.0.64/24" as Cidr], mac: "02:6e:0a:00:00:40" as Mac },
  mtu: 1450,
  port: 4789,
  faults: [],
  apart: undefined,
  peers: [],
};

function listing(...guests: string[]): Peer {
  return {
    host: { id: idOf<HostId>("b"), name: "h2", vtep: "192.0.2.2" as Ip },
    addresses: [],
    guests: guests as Cidr[],
    mtu: 1450,
    fault: undefined,
  };
}

/** What comes of it where these answer. */
function judged(peer: Peer, ...answering: string[]): PeerCheck {
  return judgedAt(place, peer, ...answering);
}

function judgedAt(at: Place, peer: Peer, ...answering: string[]): PeerCheck {
  const { underlay, inside, path } = requestsOf(at, peer);
  const answers = [underlay, ...inside, ...path].map((request): [string, EchoResult] => [
    keyOf(request),
    answering.includes(request.destination) ? { ms: 1, sent: 1 } : { sent: 3 },
  ]);
  return judge(at, peer, new Map(answers));
}

test("of a host in a file its listed sandboxes are asked, and one that answers will do", () => {
  const peer = listing("10.0.0.2/24", "10.0.0.3/24");
  expect(judged(peer, "192.0.2.2", "10.0.0.3")).toMatchObject({
    tunnel: { state: "passed" },
    path: { state: "passed" },
    faults: [],
  });
  const { tunnel, faults } = judged(peer, "192.0.2.2");
  expect(tunnel.state).toBe("failed");
  expect(faults).toEqual([
    {
      test: "tunnel",
      message:
        "host 'h2' answers at 192.0.2.2, but none of its listed sandboxes does in the network, at 10.0.0.2, 10.0.0.3",
      hint: expect.stringMatching(/^If one of these sandboxes runs there: let UDP port 4789 through/) as string,
    },
  ]);
});

test("where nobody is listed there is nothing to ask", () => {
  expect(judged(listing(), "192.0.2.2")).toMatchObject({ tunnel: { state: "skipped" }, faults: [] });
});

test("a host that others may have forgotten is told that first", () => {
  const apart = { lacks: "agent", isOnSome: true, message: "no agent runs here", hint: "Start it." } as const;
  const { faults } = judgedAt({ ...place, apart }, listing("10.0.0.2/24"), "192.0.2.2");
  expect(faults.map(({ hint }) => hint)).toEqual(["It may have forgotten this host: no agent runs here. Start it."]);
});
