import { hostIpv4, outsideIpv4 } from "../../src/index.ts";
import { isIPv6 } from "node:net";
import { everyPort } from "./operations.ts";
import type { Listing, ListedBox } from "./place.ts";
import type { Question } from "./stations.ts";

/** Where all stations listen. */
const port = 7000;

export function stationOf({ members }: ListedBox): string {
  return members.join("+");
}

/** Who has to reach whom and who must not, by what there is. */
export function questionsOf({ networks, boxes }: Listing): Question[] {
  const isOpen = (network: string): boolean => networks.get(network)?.internal === false;
  const leadsOut = (box: ListedBox): boolean => box.endpoints.some(({ network }) => isOpen(network));
  const publisher = (wanted: number): string | undefined => {
    const found = boxes.find(({ endpoints }) => endpoints.some(({ ports }) => ports.includes(wanted)));
    return found === undefined ? undefined : stationOf(found);
  };

  const questions: Question[] = [];
  for (const from of ["outside", "host"])
    for (const hostPort of everyPort)
      for (const address of from === "host" ? [hostIpv4, "127.0.0.1"] : [hostIpv4])
        for (const by of ["udp", "tcp"] as const) {
          const what = `${address}:${hostPort}`;
          questions.push({ from, what, by, address, port: hostPort, answer: publisher(hostPort) });
        }
  for (const box of boxes) {
    const from = stationOf(box);
    questions.push({
      from,
      what: "the outside",
      by: "udp",
      address: outsideIpv4,
      port,
      answer: leadsOut(box) ? "outside" : undefined,
    });
    for (const { network, addresses } of box.endpoints)
      for (const address of addresses)
        questions.push({
          from: "host",
          what: `${from} on ${network} at ${address}`,
          by: "udp",
          address,
          port,
          answer: from,
        });
    for (const hostPort of everyPort) {
      const answer = publisher(hostPort);
      if (answer === from) continue;
      const what = `the host's port ${hostPort}`;
      const reached = leadsOut(box) ? answer : undefined;
      questions.push({ from, what, by: "udp", address: hostIpv4, port: hostPort, answer: reached });
    }
    for (const other of boxes) if (other !== box) questions.push(...between(box, other));
    questions.push(...names(box, boxes));
  }
  return questions;
}

/** What a box asks of another one at its addresses. */
function between(box: ListedBox, other: ListedBox): Question[] {
  const [from, answer] = [stationOf(box), stationOf(other)];
  return other.endpoints.flatMap(({ network, addresses }) =>
    addresses.map((address): Question => {
      const what = `${answer} on ${network} at ${address}`;
      return { from, what, by: "udp", address, port, answer: isOn(box, network) ? answer : undefined };
    }),
  );
}

/** A name reaches as far as the networks that both are on. Without a network there is no name server. */
function names(box: ListedBox, boxes: readonly ListedBox[]): Question[] {
  if (box.endpoints.length === 0) return [];
  const endpoints = boxes.flatMap((other) => other.endpoints);
  const known = new Set([
    ...boxes.flatMap(({ members }) => members),
    ...endpoints.flatMap((endpoint) => endpoint.names),
  ]);
  return [...known].map((name): Question => {
    const called = endpoints.filter((endpoint) => endpoint.names.includes(name) && isOn(box, endpoint.network));
    const answer = called.flatMap(({ addresses }) => addresses).filter((address) => !isIPv6(address));
    return { from: stationOf(box), what: `for ${name}`, by: "dns", name, type: "A", answer };
  });
}

function isOn({ endpoints }: ListedBox, network: string): boolean {
  return endpoints.some((endpoint) => endpoint.network === network);
}
