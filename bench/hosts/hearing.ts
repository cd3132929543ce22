import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { resolverAddress } from "@netkit/core";
import { openSockets } from "@netkit/kernel";
import { openMonitor } from "@netkit/netlink";
import { decode, encode } from "dns-packet";
import { now } from "./clock.ts";

/** When a host had an endpoint of another one, in ms of CLOCK_MONOTONIC. */
export interface Heard {
  /** The kernel had told of its neighbour entry, which is in one batch with its forwarding entries. */
  readonly programmed: number;
  /** A sandbox had asked for its name, and had its address. */
  readonly resolved: number;
  readonly address: string;
}

/** So long it may take, in ms, until something must be wrong. */
const patienceMs = 10_000;
const port = 53;

/** Hears of other hosts' endpoints as a sandbox of this host does. */
export class Ear {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @param namespace the path of the sandbox's */
  static open(namespace: string | undefined): Ear {
    const [fd] = openSockets(namespace, [{ protocol: "udp", family: "ipv4" }]);
    return new Ear(createSocket("udp4").bind({ fd: fd ?? -1 }));
  }

  /** Waits for the next endpoint of another host, which is called so. It listens when the call has returned. */
  hear(name: string): Promise<Heard> {
    const signal = AbortSignal.timeout(patienceMs);
    const events = openMonitor({ groups: ["neighbour"], signal });
    const listening = async (): Promise<Heard> => {
      for await (const event of events) {
        if (event.kind !== "neighbour" || event.change !== "new" || event.neighbour.state !== "permanent") continue;
        const programmed = now();
        const { address } = event.neighbour;
        await this.#resolve(name, address, signal);
        return { programmed, resolved: now(), address };
      }
      throw new Error(`nothing was heard of '${name}'`);
    };
    return listening();
  }

  /** Asks again until the name is known: each answer takes a fraction of a ms. */
  async #resolve(name: string, address: string, signal: AbortSignal): Promise<void> {
    const query = encode({ type: "query", id: 1, flags: 0x100, questions: [{ type: "A", name }] });
    for (;;) {
      const answered = once(this.#socket, "message", { signal });
      this.#socket.send(query, port, resolverAddress);
      const [reply] = (await answered) as [Buffer];
      const { answers = [] } = decode(reply);
      if (answers.some((answer) => answer.type === "A" && answer.data === address)) return;
    }
  }

  close(): void {
    this.#socket.close();
  }
}
