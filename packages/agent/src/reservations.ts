import { familyOf, ipOf, type Endpoint, type EndpointId, type Ip, type PortRange } from "@netkit/core";
import type { Records } from "@netkit/engine";
import { hold, isServed, type Binding, type HeldPort } from "./held-port.ts";

/**
 * Holds the host's published ports by sockets of its own, so that no other process takes them. Traffic never gets to these
 * sockets, for the firewall has sent it on before; but for what comes to `[::1]`, which no NAT can serve: that is passed
 * on from here.
 */
export class Reservations {
  readonly #records: Records;
  readonly #complain: (endpoint: Endpoint, port: Binding, cause: unknown) => void;
  readonly #held = new Map<EndpointId, Map<string, HeldPort>>();
  readonly #waiting = new Set<EndpointId>();
  /** Some of their ports aren't served, as was told. */
  readonly #refused = new Set<EndpointId>();
  #closed = false;

  /** @param complain told of ports that only this can serve, and that can't be had */
  constructor(records: Records, complain: (endpoint: Endpoint, port: Binding, cause: unknown) => void) {
    this.#records = records;
    this.#complain = complain;
  }

  /**
   * Gives up what these endpoints don't publish any more, and takes what they do: at once what is served here alone, the
   * rest a moment later, for nobody has to wait for that. Ports that can't be had are left: their holder was there before;
   * of those that are served here alone it is tried again each time.
   */
  settle(endpoints: ReadonlySet<EndpointId>): void {
    for (const id of endpoints) {
      const wanted = this.#wanted(id);
      for (const [key, port] of this.#held.get(id) ?? []) {
        if (wanted.has(key)) continue;
        port.close();
        this.#held.get(id)?.delete(key);
      }
    }
    for (const id of new Set([...endpoints, ...this.#refused])) this.#take(id, isServed);
    for (const id of endpoints) {
      if (this.#waiting.size === 0) setImmediate(() => this.#takeWaiting());
      this.#waiting.add(id);
    }
  }

  #takeWaiting(): void {
    for (const id of this.#closed ? [] : this.#waiting) this.#take(id, (binding) => !isServed(binding));
    this.#waiting.clear();
  }

  #take(id: EndpointId, which: (binding: Binding) => boolean): void {
    const endpoint = this.#records.endpoints.get(id);
    const held = this.#held.get(id) ?? new Map<string, HeldPort>();
    const told = which === isServed && this.#refused.delete(id);
    for (const [key, binding] of this.#wanted(id)) {
      if (held.has(key) || !which(binding)) continue;
      try {
        held.set(key, hold(binding));
      } catch (error) {
        if (!isServed(binding) || endpoint === undefined) continue;
        this.#refused.add(id);
        if (!told) this.#complain(endpoint, binding, error);
      }
    }
    if (held.size > 0) this.#held.set(id, held);
    else this.#held.delete(id);
  }

  #wanted(id: EndpointId): Map<string, Binding> {
    const endpoint = this.#records.endpoints.get(id);
    return new Map(endpoint === undefined ? [] : bindingsOf(endpoint).map((binding) => [keyOf(binding), binding]));
  }

  get size(): number {
    let size = 0;
    for (const held of this.#held.values()) size += held.size;
    return size;
  }

  /** Whether anything is passed on that nobody else serves. */
  get needed(): boolean {
    for (const id of this.#held.keys())
      for (const binding of this.#wanted(id).values()) if (isServed(binding)) return true;
    return false;
  }

  close(): void {
    this.#closed = true;
    for (const held of this.#held.values()) for (const port of held.values()) port.close();
    this.#held.clear();
  }
}

/** Routed networks publish nothing on the host. */
function bindingsOf({ ports, addresses }: Endpoint): Binding[] {
  const ips = addresses.map(({ address }) => ipOf(address));
  return ports.flatMap(({ protocol, hostAddress: address, hostPort, port, routed }) => {
    if (protocol === "sctp" || routed === true) return [];
    const to = targetOf(ips, address);
    return portsOf(hostPort).map((number, index) => ({
      protocol,
      address,
      port: number,
      target: to === undefined ? undefined : { address: to, port: port.first + index },
    }));
  });
}

/** Where what comes to `[::1]` goes: the endpoint's IPv6 address, or its IPv4 one where there is no other. */
function targetOf(ips: readonly Ip[], hostAddress: Ip | undefined): Ip | undefined {
  if (hostAddress !== undefined && hostAddress !== "::" && hostAddress !== "::1") return undefined;
  return ips.find((ip) => familyOf(ip) === "ipv6") ?? (hostAddress === "::" ? undefined : ips[0]);
}

function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function keyOf({ protocol, address, port, target }: Binding): string {
  return `${protocol} ${address} ${port} ${target?.address} ${target?.port}`;
}
